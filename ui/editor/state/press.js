// @ts-check
// The press that lasts, of a button, a finger or a pen: what it drags ends where another clip is shown under it.

import { createScope } from "../widgets/scope.js";

/**
 * Watch the presses of a page.
 * @param {EventTarget} page
 */
export function watchPress(page = globalThis.window ?? new EventTarget()) {
  const scope = createScope();
  let lasts = false;
  let isOver = false;
  /** @param {PointerEvent} event */
  const begin = ({ button }) => {
    lasts = !button; // the page is not told when a menu of the browser takes the others away
    isOver = false;
  };
  const release = () => setTimeout(() => { lasts = isOver = false; }); // a slider tells of its change after the release
  /** @param {PointerEvent} event */
  const move = ({ buttons }) => void (buttons || !lasts || release()); // its release was not told
  scope.listen(page, "pointerdown", begin, true);
  scope.listen(page, "pointermove", move, true);
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) scope.listen(page, name, release, true);

  return {
    /** Whether what it drags is of a clip that is no longer shown. */
    get isOver() { return isOver; },
    end() { isOver = lasts; },
    dispose: scope.dispose,
  };
}
