// @ts-check
// Frame rates and timecode (SMPTE ST 12, drop-frame where the clip's own timecode is).

import { SAMPLE_RATE_HZ } from "../audio/units.js";
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

/** @param {number} nominal frames that a timecode counts in a second */
const droppedFrames = (nominal) => Math.floor(nominal / 15);

/**
 * Frames from one midnight of a timecode to the next: what it counts, which is 24 hours of a clock only at a whole rate.
 * @param {number} rate
 * @param {boolean} drop
 */
function framesADay(rate, drop) {
  const nominal = Math.round(rate);
  return 86400 * nominal - (drop && dropsFrames(rate) ? droppedFrames(nominal) * 9 * 144 : 0);
}

/**
 * Frame number of a timecode; null for other text, or a number that drop-frame skips.
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
  if (minutes % 10 && !seconds && frames < droppedFrames(nominal)) return null;
  const total = hours * 60 + minutes;
  return whole - droppedFrames(nominal) * (total - Math.floor(total / 10));
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
    const dropped = droppedFrames(nominal);
    const perMinute = nominal * 60 - dropped;
    const perTen = perMinute * 10 + dropped;
    number %= framesADay(rate, drop);
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
 * Time in the clip, in seconds, of a typed text; null where it is no time.
 *
 * Timecode counts from the clip's own start: "01:00:03:14", "01:00:03;14". From the clip's first frame count frames
 * ("87 f"), seconds ("3.48", "3.48 s", "3480 ms"), samples ("167040 smp") and clock time ("1:02.5", "0:01:02.5"). A sign
 * before any of these counts from ``from_s``: "+3 f", "-10 ms", "+00:00:01:00".
 * @param {string} text
 * @param {Pick<Clip, "frame_rate" | "start_timecode">} clip
 * @param {number | null} [from_s] null where there is nothing to count from
 */
export function parseTime(text, clip, from_s = null) {
  const plain = text.trim().replace(/[\u2212\u2013]/g, "-");
  const sign = plain.match(/^([+-])\s*(?=\d|[.,])/);
  if (!sign) return parseTimecode(plain, clip, true) ?? parseSpan(plain, clip);
  const rest = plain.slice(sign[0].length);
  const span_s = parseTimecode(rest, clip, false) ?? parseSpan(rest, clip);
  if (span_s === null || (from_s === null && sign[1] === "-")) return null;
  return (from_s ?? 0) + (sign[1] === "-" ? -span_s : span_s);
}

/**
 * Seconds of a timecode, from the clip's start timecode (also past midnight) or from zero; null for other text.
 * @param {string} text
 * @param {Pick<Clip, "frame_rate" | "start_timecode">} clip
 * @param {boolean} isPlace
 */
function parseTimecode(text, clip, isPlace) {
  const rate = frameRate(clip.frame_rate);
  const start = clip.start_timecode || "00:00:00:00";
  const frame = timecodeToFrame(start.includes(";") && isPlace ? text.replace(/:(\d+)\s*$/, ";$1") : text, rate);
  if (frame === null || !isPlace) return frame === null ? null : frame / rate;
  const from = frame - (timecodeToFrame(start, rate) ?? 0);
  const day = framesADay(rate, start.includes(";"));
  return (from < -day / 2 ? from + day : from) / rate;
}

/**
 * Seconds of a span as it is typed: clock time, or a number with its unit, seconds if it has none.
 * @param {string} text
 * @param {Pick<Clip, "frame_rate">} clip
 */
export function parseSpan(text, clip) {
  const clock = text.trim().match(/^(?:(\d+):([0-5]?\d)|(\d+)):([0-5]?\d(?:[.,]\d+)?)$/);
  if (clock) return Number(clock[1] ?? 0) * 3600 + Number(clock[2] ?? clock[3]) * 60 + Number(clock[4].replace(",", "."));
  if (/:/.test(text)) return null;
  const number = parseNumber(text);
  if (!number) return null;
  const { value, unit } = number;
  if (["", "s", "sec"].includes(unit)) return value;
  if (unit === "ms") return value / 1000;
  if (["f", "fr", "frame", "frames"].includes(unit)) return value / frameRate(clip.frame_rate);
  if (["smp", "sample", "samples"].includes(unit)) return value / SAMPLE_RATE_HZ;
  return null;
}
