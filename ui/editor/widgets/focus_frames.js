// @ts-check
// Focus frames are for those who go about by keyboard: Tab shows them, a press of the pointer hides them.

import { createScope } from "./scope.js";

/** @param {HTMLElement} app */
export function createFocusFrames(app) {
  const scope = createScope();
  scope.listen(document, "keydown", (event) => event.key === "Tab" && app.classList.add("by-keys"), true);
  scope.listen(document, "pointerdown", () => app.classList.remove("by-keys"), true);
  return { dispose: scope.dispose };
}
