// @ts-check
// A small sheet above the timeline: it opens beside the hits, closes on Escape or a press outside.

import { isTyping } from "../actions/keyboard.js";
import { isInside } from "../widgets/controls.js";
import { createPanel } from "../widgets/panel.js";
/** @import { Store } from "../state/types.d.ts" */

/** @type {ReturnType<typeof createPanel> | null} */
let shown = null; // one at a time: they lie at the same place

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
  const panel = createPanel(app, store, {
    title, className: "arr-sheet", content, first: () => apply, onOpen: onShow, onClose: onHide, onKey: (event) => {
      if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) onEnter();
    },
  });

  function open() {
    if (shown?.isOpen && shown !== panel) shown.close();
    shown = panel;
    panel.open();
  }

  /**
   * Escape closes it also where Tab has left it.
   * @param {KeyboardEvent} event
   */
  const leave = (event) => {
    const isElsewhere = event.target instanceof Element && (event.target.closest("[role=dialog], [role=menu]") || isTyping(event.target));
    if (event.key !== "Escape" || !panel.isOpen || isElsewhere) return;
    event.stopPropagation();
    panel.close();
  };
  document.addEventListener("keydown", leave, true);

  /** @param {PointerEvent} event */
  const outside = (event) => {
    if (panel.isOpen && !isInside(event, panel.element)) panel.close();
  };
  document.addEventListener("pointerdown", outside, true);
  const unwatch = store.on("selection", () => void (panel.isOpen && onShow()));

  return {
    element: panel.element,
    get isOpen() { return panel.isOpen; },
    open,
    close: panel.close,
    dispose() {
      document.removeEventListener("pointerdown", outside, true);
      document.removeEventListener("keydown", leave, true);
      panel.dispose();
      unwatch();
    },
  };
}
