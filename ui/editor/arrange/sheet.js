// @ts-check
// A small sheet above the timeline: it opens beside the hits, closes on Escape or a press outside.

import { isInside } from "../widgets/controls.js";
import { createPanel } from "../widgets/panel.js";
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
  const panel = createPanel(app, store, {
    title, className: "arr-sheet", content, first: () => apply, onOpen: onShow, onClose: onHide, onKey: (event) => {
      if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) onEnter();
    },
  });

  /** @param {PointerEvent} event */
  const outside = (event) => {
    if (panel.isOpen && !isInside(event, panel.element)) panel.close();
  };
  document.addEventListener("pointerdown", outside, true);
  const unwatch = store.on("selection", () => void (panel.isOpen && onShow()));

  return {
    element: panel.element,
    get isOpen() { return panel.isOpen; },
    open: panel.open,
    close: panel.close,
    dispose() {
      document.removeEventListener("pointerdown", outside, true);
      panel.dispose();
      unwatch();
    },
  };
}
