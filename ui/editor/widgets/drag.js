// @ts-check
// Drags: one stream of pointer events from the press to the release, with the pointer captured.

import { createScope } from "./scope.js";

/**
 * @typedef {object} DragHandlers
 * @property {(event: PointerEvent) => unknown} move
 * @property {(event: PointerEvent) => unknown} [end] when the pointer is released
 * @property {(event: PointerEvent) => unknown} [cancel] when the drag is taken away; ``end`` if it is left out
 */

/**
 * Watch an element for drags.
 * @param {HTMLElement} element
 * @param {(event: PointerEvent) => DragHandlers | null} start null if a press begins no drag
 */
export function watchDrags(element, start) {
  element.addEventListener("pointerdown", (pressed) => {
    const drag = start(pressed);
    if (!drag) return;
    element.setPointerCapture(pressed.pointerId);
    const scope = createScope();
    /** @param {((event: PointerEvent) => unknown) | undefined} react */
    const finish = (react) => (/** @type {PointerEvent} */ event) => {
      scope.dispose();
      react?.(event);
    };
    scope.listen(element, "pointermove", drag.move);
    scope.listen(element, "pointerup", finish(drag.end));
    scope.listen(element, "pointercancel", finish(drag.cancel ?? drag.end));
  });
}
