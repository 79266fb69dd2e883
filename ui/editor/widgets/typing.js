// @ts-check
// What is typed into a field and not entered yet is given up where another clip comes up: it was meant for the one before.

import { focusedElement } from "./controls.js";
/** @import { Store } from "../state/types.d.ts" */

/** @param {Store} store */
export function createTyping(store) {
  const dispose = store.on("left", () => {
    const field = focusedElement();
    if (field?.matches(".ins-entry")) field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  });
  return { dispose };
}
