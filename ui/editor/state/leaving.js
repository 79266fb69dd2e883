// @ts-check
// Closing the tab: the browser asks first where something would be lost or cut off.

import { createScope } from "../widgets/scope.js";
/** @import { Store } from "./types.d.ts" */

/**
 * Whether closing the tab now would lose something. The server autosaves changes and offers them at the next visit,
 * so they are lost only where it has not received them, or where others can reach it and nothing is offered.
 * @param {Store} store
 */
export function wouldLose(store) {
  const { view, status, welcome } = store;
  if (store.isSending || status.phase === "exporting") return true;
  const isUnsaved = Boolean(view?.project && view.undo && !view.project.saved);
  return isUnsaved && (welcome?.local === false || store.connection === "lost");
}

/**
 * ``isUploading()``: whether a file is on its way.
 * @param {Store} store
 * @param {() => boolean} isUploading
 */
export function createLeaveGuard(store, isUploading) {
  const scope = createScope();
  scope.listen(window, "beforeunload", (event) => {
    if (wouldLose(store) || isUploading()) event.preventDefault();
  });
  return { dispose: scope.dispose };
}
