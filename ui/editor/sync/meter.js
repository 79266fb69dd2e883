// @ts-check
// What the sync meter found, in words and rows.

import { formatLag } from "../timeline/lag.js";
/** @import { SyncHit, SyncMeasured } from "../state/protocol.d.ts" */

export const LEAST_SHIFT_S = 0.001;
const UNSURE = 0.5;
/** @type {Record<SyncHit["grade"], "good" | "teal" | "action" | "coral">} names of the theme's colours */
export const GRADE_COLORS = { "in step": "good", "too small to notice": "teal", detected: "action", unacceptable: "coral" };
/** @type {Record<SyncHit["grade"], string>} */
export const GRADE_WORDS = {
  "in step": "within half a frame",
  "too small to notice": "off by more than half a frame; BT.1359 has viewers not notice it",
  detected: "noticed by viewers (BT.1359: from 45 ms early or 125 ms late)",
  unacceptable: "beyond what BT.1359 accepts (90 ms early, 185 ms late)",
};
/** @typedef {"off" | "all" | "seen" | "heard"} Shown */
/** @typedef {{time_s: number, hit_id: string | null, what: "pair" | "seen" | "heard", offset_s: number, confidence: number, grade: SyncHit["grade"] | null}} Row */

/**
 * "−42 ms", with a sign.
 * @param {number} offset_s
 */
export const formatOffset = (offset_s) => `${offset_s < 0 ? "−" : "+"}${Math.round(1000 * Math.abs(offset_s))} ms`;

/**
 * The lag of the clip in a sentence.
 * @param {SyncMeasured} found
 * @param {number} rate frames per second
 */
export function describeLag({ lag_s, confidence, what }, rate) {
  if (lag_s === null) return "Too little is seen or heard to tell a lag.";
  const subject = what === "hits" ? "The hits come" : "The clip's sound comes";
  const sure = `${Math.round(100 * confidence)} % sure`;
  if (Math.abs(lag_s) < LEAST_SHIFT_S) return `${subject} in step with the picture, ${sure}.`;
  return `${subject} ${formatLag(Math.abs(lag_s), rate)} ${lag_s > 0 ? "late" : "early"}, ${sure}${confidence < UNSURE ? ": uncertain" : ""}.`;
}

/**
 * By how much all hits are to be shifted; null where that is not known or nothing.
 * @param {SyncMeasured | null} found
 */
export function offerShift(found) {
  if (!found || found.what !== "hits" || found.lag_s === null || Math.abs(found.lag_s) < LEAST_SHIFT_S) return null;
  return -found.lag_s;
}

/**
 * The rows of a list, in order of time.
 * @param {SyncMeasured} found
 * @param {Shown} shown
 * @returns {Row[]}
 */
export function listRows(found, shown) {
  /** @type {Row[]} */
  const pairs = found.hits.map(({ time_s, offset_s, confidence, grade, hit_id }) => ({ time_s, hit_id, what: "pair", offset_s, confidence, grade }));
  /** @type {Row[]} */
  const seen = found.seen_not_heard.map(({ time_s, confidence }) => ({ time_s, hit_id: null, what: "seen", offset_s: 0, confidence, grade: null }));
  /** @type {Row[]} */
  const heard = found.heard_not_seen.map(({ time_s, confidence, hit_id }) => ({ time_s, hit_id, what: "heard", offset_s: 0, confidence, grade: null }));
  const rows = { off: [...pairs.filter(({ grade }) => grade !== "in step"), ...seen, ...heard], all: [...pairs, ...seen, ...heard], seen, heard }[shown];
  return rows.sort((a, b) => a.time_s - b.time_s);
}
