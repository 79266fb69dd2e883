// @ts-check
// Changes that the server's document does not contain yet: the one under the hand, and those sent, by number.
//
// The server's document says the highest number it has handled; changes up to it are in the document, or were refused.

import { predict } from "./predict.js";
/** @import { Project } from "./types.d.ts" */
/** @import { ApplyEdit, EditMessage, Redo, Undo, UseCandidate } from "./protocol.d.ts" */

/** @typedef {ApplyEdit | Undo | Redo | UseCandidate} Change */
/** @typedef {Change & {number: number}} NumberedChange */

const MOST_SENT = 200;

/** Drafts of one tab, whose changes are numbered from 1. */
export function createDrafts() {
  /** @type {EditMessage | null} */
  let held = null;
  /** @type {NumberedChange[]} */
  let sent = [];
  let last = 0;

  return {
    /**
     * Show an edit while a drag lasts, without sending it; null takes it back.
     * @param {EditMessage | null} edit
     */
    hold(edit) {
      held = edit;
    },
    /**
     * Number a change that is about to be sent; null when too many wait for the server already. An edit ends the drag
     * of its kind.
     * @param {Change} change
     * @param {string} [clip] digest of the clip on show, which the change is of
     * @returns {NumberedChange | null}
     */
    add(change, clip = "") {
      if (sent.length >= MOST_SENT) return null;
      if (change.type === "edit" && held?.kind === change.edit.kind) held = null;
      const numbered = { ...change, number: ++last, clip };
      sent.push(numbered);
      return numbered;
    },
    /**
     * Drop the changes up to a number.
     * @param {number} number
     */
    acknowledge(number) {
      sent = sent.filter((change) => change.number > number);
    },
    /** Drop everything: another document came. */
    reset() {
      held = null;
      sent = [];
    },
    /**
     * The gesture of the history's newest entry, once what was sent is in it; null where an undo or redo makes that
     * unknown.
     * @param {string | null} gesture of the newest entry that the server knows
     */
    newestGesture(gesture) {
      const change = sent.at(-1);
      if (!change) return gesture;
      return "gesture" in change ? change.gesture ?? null : null;
    },
    /** The changes to resend after a reconnection; the server ignores known numbers. */
    get unacknowledged() { return [...sent]; },
    /**
     * The document with the drafts in it. What an undo or redo will make is not known, so edits before one are not
     * shown.
     * @param {Project} project
     */
    apply(project) {
      let shown = project;
      const from = sent.findLastIndex((change) => change.type === "undo" || change.type === "redo") + 1;
      for (const change of sent.slice(from)) if (change.type === "edit") shown = predict(shown, change.edit);
      return held ? predict(shown, held) : shown;
    },
  };
}
