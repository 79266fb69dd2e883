// @ts-check
// A panel that floats over the editor: it opens with a project, closes on Escape, and gives the focus back.

import { findAction } from "../actions/bindings.js";
import { t } from "../texts/t.js";
import { focusedElement, make } from "./controls.js";
/** @import { Store } from "../state/types.d.ts" */

const OF_THE_DOCUMENT = ["undo", "redo", "save"]; // what is done in a panel is undone there too

/**
 * @typedef {object} PanelSettings
 * @property {string} title
 * @property {string} className
 * @property {(Node | null)[]} content
 * @property {() => HTMLElement} first gets the focus when it opens
 * @property {() => void} onOpen fills the controls
 * @property {() => void} [onClose]
 * @property {(event: KeyboardEvent) => boolean | void} [onKey] any key but Escape; true where the editor gets it too, as it does those of undo and save
 */

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {PanelSettings} settings
 */
export function createPanel(app, store, { title, className, content, first, onOpen, onClose = () => {}, onKey = () => {} }) {
  /** @type {HTMLElement | null} */
  let returnTo = null;
  const close = make("button", "st-close", { type: "button", textContent: "×", title: t("common.close_esc"), "aria-label": t("common.close"), onclick: () => setOpen(false) });
  const element = make("div", `ins-root ${className}`, { role: "dialog", "aria-label": title, hidden: true },
    make("div", "ins-row st-panel-head", {}, make("span", "ins-title", { textContent: title }), make("span", "st-space"), close), ...content);
  app.append(element);

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    if (element.hidden !== isOpen || (isOpen && !store.view?.project)) return;
    element.hidden = !isOpen;
    if (isOpen) {
      returnTo = focusedElement();
      onOpen();
      const control = first();
      (control.matches(":disabled") ? close : control).focus({ preventScroll: true });
      return;
    }
    onClose();
    if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }

  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") setOpen(false);
    else if (onKey(event) || OF_THE_DOCUMENT.includes(findAction(event, false)?.id ?? "")) return;
    event.stopPropagation();
  });
  const unwatch = store.watch(() => [store.view?.project?.clip.digest], () => setOpen(false));

  return {
    element,
    get isOpen() { return !element.hidden; },
    open: () => setOpen(true),
    close: () => setOpen(false),
    toggle: () => setOpen(Boolean(element.hidden)),
    dispose() {
      element.remove();
      unwatch();
    },
  };
}
