// @ts-check
// A small menu at the pointer: what can be done with a hit.

import { clamp } from "../audio/units.js";
import { focusedElement, isInside, make } from "../widgets/controls.js";
import { boxOf } from "../widgets/page_scale.js";

const MARGIN_PX = 8;

/** @typedef {{text: string, key?: string, color?: string, choose: () => unknown}} MenuRow */

/**
 * Open at a place on the page; an empty row is a line. Returns what closes it.
 * @param {HTMLElement} app
 * @param {number} x
 * @param {number} y
 * @param {string} label
 * @param {(MenuRow | "")[]} rows
 */
export function openMenuAt(app, x, y, label, rows) {
  const returnTo = focusedElement();
  /** @param {MenuRow} row */
  const createRow = (row) =>
    make("button", "st-menu-row", { type: "button", role: "menuitem", onclick: () => (close(), row.choose()) },
      row.color ? make("i", "st-menu-dot", { style: `background:${row.color}` }) : null,
      make("span", "st-menu-text", { textContent: row.text }), row.key ? make("kbd", "", { textContent: row.key }) : null);
  const items = rows.map((row) => (row === "" ? make("hr", "st-menu-line") : createRow(row)));
  const menu = make("div", "st-menu st-hit-menu", { role: "menu", "aria-label": label }, ...items);
  app.append(menu);
  const bounds = boxOf(app);
  menu.style.left = `${clamp(x - bounds.left, MARGIN_PX, bounds.width - menu.offsetWidth - MARGIN_PX)}px`;
  menu.style.top = `${clamp(y - bounds.top, MARGIN_PX, bounds.height - menu.offsetHeight - MARGIN_PX)}px`;
  const buttons = items.filter((item) => item instanceof HTMLButtonElement);
  buttons[0]?.focus({ preventScroll: true });

  function close() {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }
  /** @param {Event} event */
  const outside = (event) => !isInside(event, menu) && close();
  document.addEventListener("pointerdown", outside, true);
  menu.addEventListener("contextmenu", (event) => event.preventDefault());
  menu.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (step) buttons[(buttons.findIndex((button) => button === document.activeElement) + step + buttons.length) % buttons.length].focus();
    else return;
    event.preventDefault();
  });
  return close;
}
