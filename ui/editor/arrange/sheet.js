// @ts-check
// A small sheet above the timeline: it opens beside the hits, closes on Escape or a press outside, and gives focus back.

import { t } from "../texts/t.js";
import { focusedElement, isInside, make } from "../widgets/controls.js";
/** @import { Store } from "../state/types.d.ts" */

/**
 * @typedef {object} SheetSettings
 * @property {string} title
 * @property {(Node | null)[]} content
 * @property {HTMLButtonElement} apply
 * @property {() => void} onShow fills the controls
 * @property {() => void} onEnter
 * @property {() => void} [onHide]
 */

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {SheetSettings} settings
 */
export function createSheet(app, store, { title, content, apply, onShow, onEnter, onHide = () => {} }) {
  /** @type {HTMLElement | null} */
  let returnTo = null;
  const close = make("button", "st-close", { type: "button", textContent: "×", title: t("common.close_esc"), "aria-label": t("common.close"), onclick: () => setOpen(false) });
  const element = make("div", "ins-root arr-sheet", { role: "dialog", "aria-label": title, hidden: true },
    make("div", "ins-row arr-head", {}, make("span", "ins-title", { textContent: title }), make("span", "st-space"), close), ...content);
  app.append(element);

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    if (element.hidden !== isOpen || (isOpen && !store.view?.project)) return;
    element.hidden = !isOpen;
    if (isOpen) {
      returnTo = focusedElement();
      onShow();
      (apply.disabled ? close : apply).focus({ preventScroll: true });
      return;
    }
    onHide();
    if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  const outside = (event) => {
    if (!element.hidden && !isInside(event, element)) setOpen(false);
  };
  document.addEventListener("pointerdown", outside, true);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") setOpen(false);
    else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) onEnter();
    event.stopPropagation();
  });
  const cleanups = [store.on("selection", () => element.hidden || onShow()), store.watch(() => [store.view?.project?.clip.digest], () => setOpen(false))];

  return {
    element,
    get isOpen() { return !element.hidden; },
    open: () => setOpen(true),
    close: () => setOpen(false),
    dispose() {
      document.removeEventListener("pointerdown", outside, true);
      for (const cleanup of cleanups) cleanup();
    },
  };
}
