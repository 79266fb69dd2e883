// @ts-check
// When a played hit was meant: the clip's time at the press, less what the ways in and out of the computer take.

/** @typedef {"keys" | "pads" | "midi"} Device what a hit is played on */
/**
 * @typedef {object} Latency in seconds
 * @property {number | null} output_s of the loudspeaker; null for what the browser says
 * @property {number} keys_s from the finger to the page
 * @property {number} pads_s
 * @property {number} midi_s
 */

/** @type {Latency} */
export const NO_LATENCY = { output_s: null, keys_s: 0, pads_s: 0, midi_s: 0 };
export const LATENCY_RANGE_S = [-0.1, 0.5];
const LEAST_TAPS = 6;

/**
 * How much later than meant a press is noted, in seconds of the wall clock. What is heard now is already counted with
 * the output latency that the browser says; a typed one corrects it.
 * @param {Latency} latency
 * @param {Device} device
 * @param {number} reported_s output latency as the browser says
 */
export const lateness = (latency, device, reported_s) => latency[`${device}_s`] + (latency.output_s ?? reported_s) - reported_s;

/**
 * Clip time at which a hit was meant; it may lie before the clip or after it.
 * @param {{now_s: number, age_s: number, late_s: number, speed: number}} press
 *   ``now_s`` is the clip time heard now, ``age_s`` how long ago the press was, ``late_s`` its lateness, both by the wall
 *   clock, ``speed`` how many seconds of the clip pass in one of the wall clock.
 */
export const meantTime = ({ now_s, age_s, late_s, speed }) => now_s - (age_s + late_s) * speed;

/**
 * Age of an event in seconds. A time stamp of another clock, which some drivers send, counts as now.
 * @param {number} stamp_ms time of the event as performance.now() counts
 * @param {number} now_ms
 */
export function ageOf(stamp_ms, now_ms) {
  const age_s = (now_ms - stamp_ms) / 1000;
  return age_s > 0 && age_s < 1 ? age_s : 0;
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * How much later than clicks the taps along with them came: the median, and the spread as a robust standard deviation
 * (1.4826 times the median distance from it). Taps nearer to no click than half their distance are left out; null where
 * too few remain.
 * @param {number[]} taps_s
 * @param {number[]} clicks_s when the clicks were heard, on the same clock, evenly spaced
 */
export function measureTaps(taps_s, clicks_s) {
  const reach_s = (clicks_s[1] - clicks_s[0]) / 2;
  /** @type {number[]} */
  const offsets_s = [];
  for (const click_s of clicks_s) {
    const near = taps_s.map((tap_s) => tap_s - click_s).filter((offset_s) => offset_s > -reach_s && offset_s <= reach_s);
    if (near.length === 1) offsets_s.push(near[0]); // two taps to one click: neither is known to be meant
  }
  if (offsets_s.length < LEAST_TAPS) return null;
  const late_s = median(offsets_s);
  return { late_s, spread_s: 1.4826 * median(offsets_s.map((offset_s) => Math.abs(offset_s - late_s))), count: offsets_s.length };
}
