// @ts-check
// Drags: one stream of pointer events from the press to the release, with the pointer captured.

import { isOnShow } from "./page_scale.js";
import { createScope } from "./scope.js";

/**
 * @typedef {object} DragHandlers
 * @property {(event: PointerEvent) => unknown} move
 * @property {(event: PointerEvent) => unknown} [end] when the pointer is released
 * @property {(event: PointerEvent) => unknown} [cancel] when the drag is taken away; ``end`` if it is left out
 */

/**
 * Take a drag away from an element that is hidden under the hand: without a size, no place in it means anything.
 * @param {PointerEvent} event
 */
function cancelHidden(event) {
  const { target, pointerId } = event;
  if (!(target instanceof Element) || !target.hasPointerCapture(pointerId) || isOnShow(target)) return;
  event.stopPropagation();
  target.releasePointerCapture(pointerId);
  target.dispatchEvent(new PointerEvent("pointercancel", { pointerId, bubbles: true }));
}
for (const name of /** @type {const} */ (["pointermove", "pointerup"])) globalThis.document?.addEventListener(name, cancelHidden, true);

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
