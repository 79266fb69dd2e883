// @ts-check
// The page's keys: what is pressed runs the action that has that key. Fields and dialogs keep their own keys.

import { isCommand, isCommandInText } from "./combos.js";
import { findAction } from "./bindings.js";
/** @import { Store } from "../state/types.d.ts" */
/** @import { Runner } from "./runner.js" */

const OF_TEXT = "acvxyz"; // with Ctrl: all, copy, paste, cut, redo, undo

/**
 * Whether an element accepts typed text.
 * @param {Element} element
 */
export const isTyping = (element) => element.matches("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]");

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Runner} runner
 */
export function createKeys(app, store, runner) {
  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (isTyping(target) && !(target instanceof HTMLSelectElement && isCommand(event))) return;
    const action = findAction(event, store.selection.hits.size > 0);
    if (!action || !runner.canRun(action)) return;
    // A button reached by keyboard is pressed by these two; one that was clicked is not meant.
    const isReached = app.classList.contains("by-keys") && target.matches("button, a, [type=checkbox]");
    if ((event.key === " " || event.key === "Enter") && isReached) return;
    if (event.repeat && !action.repeats) return;
    event.preventDefault();
    runner.run(action.id, event.timeStamp);
  }

  /**
   * Save, open and export from a text field too, once what is typed there is entered; what edits text stays the field's.
   * @param {KeyboardEvent} event
   */
  function onTyped(event) {
    const { target } = event;
    if (!isCommandInText(event) || event.isComposing || event.key.length > 1 || OF_TEXT.includes(event.key.toLowerCase())) return;
    if (!(target instanceof HTMLElement) || !isTyping(target) || target instanceof HTMLSelectElement || target.closest("[role=dialog]")) return;
    const action = findAction(event, store.selection.hits.size > 0);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    target.blur();
    if (runner.canRun(action)) runner.run(action.id, event.timeStamp);
  }

  // Keys pressed while nothing has the focus arrive at the body.
  document.addEventListener("keydown", onKey);
  document.addEventListener("keydown", onTyped, true);
  return {
    dispose() {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("keydown", onTyped, true);
    },
  };
}
