// @ts-check
// Frame rates and timecode (SMPTE ST 12, drop-frame where the clip's own timecode is).

import { parseNumber } from "../widgets/format.js";
/** @import { Clip } from "../state/types.d.ts" */

/**
 * Frames per second of "30000/1001".
 * @param {string} text
 */
export function frameRate(text) {
  const [numerator, denominator] = String(text).split("/").map(Number);
  return numerator / (denominator || 1);
}

/** @param {number} rate */
const dropsFrames = (rate) => [30, 60].some((nominal) => Math.abs(rate - (nominal * 1000) / 1001) < 1e-6);

/**
 * @param {string} text
 * @param {number} rate
 */
function timecodeToFrame(text, rate) {
  const found = text.trim().match(/^(\d{1,2}):([0-5]?\d):([0-5]?\d)([:;])(\d{1,3})$/);
  if (!found) return null;
  const nominal = Math.round(rate);
  const [hours, minutes, seconds, frames] = [1, 2, 3, 5].map((i) => Number(found[i]));
  if (frames >= nominal) return null;
  const whole = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames;
  if (found[4] !== ";" || !dropsFrames(rate)) return whole;
  const total = hours * 60 + minutes;
  return whole - Math.floor(nominal / 15) * (total - Math.floor(total / 10));
}

/**
 * @param {number} frame
 * @param {number} rate
 * @param {boolean} drop
 */
function frameToTimecode(frame, rate, drop) {
  const nominal = Math.round(rate);
  let number = frame;
  if (drop && dropsFrames(rate)) {
    const dropped = Math.floor(nominal / 15);
    const perMinute = nominal * 60 - dropped;
    const perTen = perMinute * 10 + dropped;
    number %= perTen * 144;
    const tens = Math.floor(number / perTen);
    const rest = number % perTen;
    number += dropped * 9 * tens + (rest > dropped ? dropped * Math.floor((rest - dropped) / perMinute) : 0);
  }
  number %= nominal * 86400;
  /** @param {number} value */
  const two = (value) => String(value).padStart(2, "0");
  const seconds = Math.floor(number / nominal);
  const separator = drop && dropsFrames(rate) ? ";" : ":";
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${separator}${two(number % nominal)}`;
}

/**
 * Timecode on screen at a time, counted from the clip's own start timecode (drop-frame where that is).
 * @param {number} time_s
 * @param {Pick<Clip, "frame_rate" | "start_timecode">} clip
 */
export function formatTimecode(time_s, clip) {
  const rate = frameRate(clip.frame_rate);
  const start = clip.start_timecode || "00:00:00:00";
  const first = timecodeToFrame(start, rate) ?? 0;
  return frameToTimecode(first + Math.floor(time_s * rate + 0.001), rate, start.includes(";"));
}

/**
 * Clip time of "01:00:03:14", "1.234 s", "1:02.5" or "+3 f"-free seconds; null when it says nothing.
 * @param {string} text
 * @param {Pick<Clip, "frame_rate" | "start_timecode">} clip
 */
export function parseTime(text, clip) {
  const rate = frameRate(clip.frame_rate);
  const start = clip.start_timecode || "00:00:00:00";
  const frame = timecodeToFrame(start.includes(";") ? text.replace(/:(\d+)\s*$/, ";$1") : text, rate);
  if (frame !== null) return (frame - (timecodeToFrame(start, rate) ?? 0)) / rate;
  const clock = text.trim().match(/^(\d+):([0-5]?\d(?:\.\d+)?)$/);
  if (clock) return Number(clock[1]) * 60 + Number(clock[2]);
  const number = parseNumber(text);
  if (!number || !["", "s", "ms"].includes(number.unit)) return null;
  return number.unit === "ms" ? number.value / 1000 : number.value;
}
