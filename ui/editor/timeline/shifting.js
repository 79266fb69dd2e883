// @ts-check
// Shifts of several hits as one edit, which say where a hit cannot move so far.

import { requireProject } from "../state/project.js";
import { newGesture } from "../widgets/controls.js";
import { describeHeld, shiftTimes } from "./lag.js";
/** @import { Hit, Store } from "../state/types.d.ts" */

/**
 * @param {Store} store
 * @param {readonly Hit[]} hits
 * @param {number} delta_s
 */
export function shiftHits(store, hits, delta_s) {
  const { duration_s } = requireProject(store).clip;
  store.edit({ kind: "set_each_hit", values: shiftTimes(hits, delta_s, duration_s) }, newGesture());
  const message = describeHeld(hits, delta_s, duration_s);
  if (message) store.emit("note", { type: "note", message });
}
