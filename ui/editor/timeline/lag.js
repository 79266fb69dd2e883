// @ts-check
// Shifts of all hits at once: by the lag between the clip's picture and its sound, or as one hit was moved.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
/** @import { HitValues } from "../state/protocol.d.ts" */
/** @import { Hit, Project } from "../state/types.d.ts" */

const LEAST_S = 0.001;
export const IN_STEP_S = 0.01; // a smaller lag is neither seen nor heard
const ALIKE_S = 0.02; // the analysis moves hits to their attacks by less

/**
 * Distance of a hit from its detected time; the analysis alone moves it to its attack, some milliseconds away.
 * @param {Hit} hit
 */
export const shiftOf = ({ time_s, found_s }) => (found_s === null ? 0 : time_s - found_s);

/**
 * @param {Hit} hit
 * @param {number} delta_s
 */
const isShifted = (hit, delta_s) => Math.abs(shiftOf(hit) - delta_s) < Math.abs(delta_s) / 2;

/**
 * By how much most detected hits stand beside their detected times; 0 for what the analysis alone may do, null where they
 * have no shift in common.
 * @param {readonly Hit[]} hits
 */
function commonShift(hits) {
  const shifts_s = hits.filter((hit) => hit.found_s !== null).map(shiftOf).sort((a, b) => a - b);
  const usual_s = shifts_s[Math.floor(shifts_s.length / 2)];
  const alike = shifts_s.filter((shift_s) => Math.abs(shift_s - usual_s) <= ALIKE_S).length;
  if (2 * alike <= shifts_s.length) return null;
  return Math.abs(usual_s) < IN_STEP_S ? 0 : usual_s;
}

/**
 * Hits found in the picture can follow the sound, and hits found in the sound the picture: by how much, and to which.
 * What the user has shifted them all by already is taken off; ``isDone`` once nothing is left that matters. Null where
 * the lag is unknown or too short to matter, and where no one shift does, since the hits were moved apart or put by hand.
 * @param {Project} project
 * @param {number | null} lag_s how much later the picture is than the sound
 */
export function offerShift({ hits, detection }, lag_s) {
  if (lag_s === null || Math.abs(lag_s) < IN_STEP_S || !hits.length) return null;
  const byPicture = detection.source === "video";
  const shift_s = commonShift(hits);
  if (shift_s === null) return null;
  const delta_s = (byPicture ? -lag_s : lag_s) - shift_s;
  return { delta_s, follows: byPicture ? "sound" : "picture", isDone: Math.abs(delta_s) < IN_STEP_S };
}

/**
 * "53 ms (1.3 frames)", without a sign.
 * @param {number} lag_s at least 0
 * @param {number} rate frames per second
 */
export const formatLag = (lag_s, rate) => t("lag.ms_frames", { lag_ms: Math.round(1000 * lag_s), frames: (lag_s * rate).toFixed(1) });

/**
 * New times of some hits, each within the clip.
 * @param {readonly Hit[]} hits
 * @param {number} delta_s
 * @param {number} duration_s
 * @returns {Record<string, HitValues>}
 */
export const shiftTimes = (hits, delta_s, duration_s) =>
  Object.fromEntries(hits.map(({ id, time_s }) => [id, { time_s: clamp(time_s + delta_s, 0, duration_s) }]));

/**
 * That some hits cannot be shifted so far, since the clip begins or ends there; "" where all can.
 * @param {readonly Hit[]} hits
 * @param {number} delta_s
 * @param {number} duration_s
 */
export function describeHeld(hits, delta_s, duration_s) {
  const count = hits.filter(({ time_s }) => time_s + delta_s < 0 || time_s + delta_s > duration_s).length;
  return count ? t(delta_s < 0 ? "lag.stop_at_the_start" : "lag.stop_at_the_end", { count }) : "";
}

/**
 * The hits that are not yet shifted as one was that the user moved; none where it was not moved.
 * @param {readonly Hit[]} hits
 * @param {Hit} moved
 */
export function notShiftedLike(hits, moved) {
  const delta_s = shiftOf(moved);
  if (Math.abs(delta_s) < LEAST_S) return [];
  return hits.filter((hit) => hit.id !== moved.id && !isShifted(hit, delta_s));
}
