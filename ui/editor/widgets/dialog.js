// @ts-check
// A dialog over the page: it keeps the focus, closes on Escape or a press beside it, and gives the focus back.

import { t } from "../texts/t.js";
import { elementsIn, focusedElement, make } from "./controls.js";

const STOPS = "button, input, select, a[href], [tabindex='0']";
let lastId = 0;

/**
 * @typedef {object} DialogSettings
 * @property {string} label
 * @property {string} className
 * @property {(Node | null)[]} content
 * @property {HTMLElement} first gets the focus
 * @property {boolean} [hasClose] whether there is a button to close it
 * @property {() => void} [onOpen]
 * @property {(event: KeyboardEvent) => boolean | void} [onKey] true where a key is taken
 */

/**
 * @param {HTMLElement} app
 * @param {DialogSettings} settings
 */
export function createDialog(app, { label, className, content, first, hasClose = true, onOpen = () => {}, onKey = () => false }) {
  /** @type {HTMLElement | null} */
  let returnTo = null;
  const close = make("button", "st-close st-sheet-close", { type: "button", textContent: "×", title: t("common.close_esc"), "aria-label": t("common.close"), onclick: () => setOpen(false) });
  const sheet = make("div", className, { role: "dialog", "aria-modal": "true", "aria-label": label, id: `dialog-${++lastId}` }, ...content, hasClose ? close : null);
  const page = make("div", "st-scrim", { hidden: true }, sheet);
  app.append(page);

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    if (page.hidden !== isOpen) return;
    page.hidden = !isOpen;
    if (isOpen) {
      returnTo = focusedElement();
      onOpen();
      first.focus({ preventScroll: true });
    } else {
      focusedElement()?.blur(); // what is hidden keeps the keys until the next picture otherwise
      if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
    }
  }

  /** @param {boolean} isBack */
  function goOn(isBack) {
    const stops = elementsIn(sheet, STOPS).filter((stop) => stop.checkVisibility() && !stop.matches(":disabled, [tabindex='-1']"));
    const at = stops.findIndex((stop) => stop === focusedElement());
    stops[(at + (isBack ? -1 : 1) + stops.length) % stops.length]?.focus();
  }

  page.addEventListener("pointerdown", (event) => event.target === page && setOpen(false));
  page.addEventListener("keydown", (event) => {
    if (page.hidden) return; // the focus leaves a hidden dialog only with the next picture
    event.stopPropagation();
    if (onKey(event)) event.preventDefault();
    else if (event.key === "Escape") setOpen(false);
    else if (event.key === "Tab") {
      goOn(event.shiftKey);
      event.preventDefault();
    }
  });

  return { element: sheet, open: () => setOpen(true), close: () => setOpen(false), get isOpen() { return !page.hidden; } };
}
