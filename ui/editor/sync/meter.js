// @ts-check
// What the sync meter found, in words and rows.

import { t } from "../texts/t.js";
import { IN_STEP_S, formatLag } from "../timeline/lag.js";
/** @import { offerShift as offerOfLane } from "../timeline/lag.js" */
/** @import { SyncHit, SyncMeasured } from "../state/protocol.d.ts" */

const LEAST_LAG_S = 0.001;
const UNSURE = 0.5;
/** @type {Record<SyncHit["grade"], "good" | "teal" | "action" | "coral">} names of the theme's colours */
export const GRADE_COLORS = { "in step": "good", "too small to notice": "teal", detected: "action", unacceptable: "coral" };
/** @type {Record<SyncHit["grade"], string>} */
export const GRADE_WORDS = {
  "in step": t("meter.within_half_a"),
  "too small to notice": t("meter.off_by_more"),
  detected: t("meter.noticed_by_viewers"),
  unacceptable: t("meter.beyond_what_bt"),
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
  if (lag_s === null) return t("meter.too_little_is");
  const subject = what === "hits" ? t("meter.the_hits") : t("meter.the_clips_sound");
  const count = what === "hits" ? 2 : 1;
  const sure = t("meter.sure", { confidence: Math.round(100 * confidence) });
  if (Math.abs(lag_s) < LEAST_LAG_S) return t("meter.come_in_step", { subject, count, sure });
  return t("meter.come", { subject, count, lag: formatLag(Math.abs(lag_s), rate), order: lag_s > 0 ? t("common.late") : t("common.early"), sure: confidence < UNSURE ? t("meter.uncertain", { sure }) : sure });
}

/**
 * What was found, with the lag that the hits' lane offers to take back where the two differ by no more than is seen or
 * heard: all that is shown and offered is then one number.
 * @param {SyncMeasured} found
 * @param {ReturnType<typeof offerOfLane>} lane
 * @returns {SyncMeasured}
 */
export function settleLag(found, lane) {
  if (lane?.follows !== "picture" || lane.isDone || offerShift(found) === null) return found;
  return Math.abs(lane.delta_s + Number(found.lag_s)) < IN_STEP_S ? { ...found, lag_s: -lane.delta_s } : found;
}

/**
 * By how much all hits are to be shifted; null where that is not known, or too little to be seen or heard.
 * @param {SyncMeasured | null} found
 */
export function offerShift(found) {
  if (!found || found.what !== "hits" || found.lag_s === null || Math.abs(found.lag_s) < IN_STEP_S) return null;
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
