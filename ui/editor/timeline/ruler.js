// @ts-check
// The ruler: timecode at round places, finer ticks down to the frame.

import { formatTimecode } from "./timecode.js";
import { COLORS, MONO } from "../widgets/theme.js";
/** @import { Clip, Lane, Scale } from "../state/types.d.ts" */

const LABEL_PX = 112;
const TICK_PX = 7;
const FRAME_PX = 500; // a frame wider than this leaves too few labels of timecode
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600];

/**
 * Frames between labels, and between ticks, at a zoom.
 * @param {number} px_per_s
 * @param {number} rate
 */
export function tickSteps(px_per_s, rate) {
  const nominal = Math.round(rate);
  const parts = [1, 2, 5, 10].filter((frames) => frames < nominal / 2 && nominal % frames === 0);
  const steps = [...parts, ...(nominal % 2 ? [] : [nominal / 2]), ...SECONDS.map((s) => s * nominal)];
  /** @param {number} frames */
  const px = (frames) => (frames / rate) * px_per_s;
  const label = steps.find((frames) => px(frames) >= LABEL_PX) ?? steps[steps.length - 1];
  const tick = steps.find((frames) => label % frames === 0 && px(frames) >= TICK_PX) ?? label;
  const middle = steps.find((frames) => label % frames === 0 && frames % tick === 0 && px(frames) >= 4 * TICK_PX && frames > tick) ?? label;
  return { label, middle, tick };
}

/**
 * Seconds between labels where a frame is wider than the view: 1, 2 or 5 times a power of ten.
 * @param {number} px_per_s
 */
export function secondsStep(px_per_s) {
  const least = LABEL_PX / px_per_s;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least * (1 - 1e-9)) ?? 10 * power;
}

/**
 * Times in seconds, where a frame is wider than the view.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 */
function drawSeconds(context, scale, lane) {
  const step = secondsStep(scale.px_per_s);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const bottom = lane.top + lane.height;
  for (let k = Math.max(0, Math.ceil(scale.start_s / step) - 1); k * step <= Math.min(scale.end_s, scale.duration_s); k++) {
    const place = Math.round(scale.x(k * step)) + 0.5;
    context.fillStyle = COLORS.tickStrong;
    context.fillRect(place - 0.5, bottom - 8, 1, 8);
    context.fillStyle = COLORS.faint;
    context.fillText(`${(k * step).toFixed(digits)} s`, place + 5, lane.top + lane.height / 2 - 2);
    context.fillStyle = COLORS.tick;
    for (let part = 1; part < 10; part++) context.fillRect(Math.round(scale.x((k + part / 10) * step)), bottom - 4, 1, 4);
  }
}

/**
 * Number of the clip's first frame on its own timecode, without dropped numbers: it only aligns the ticks.
 * @param {Clip} clip
 * @param {number} nominal
 */
function firstFrame(clip, nominal) {
  const [hours, minutes, seconds, frames] = (clip.start_timecode || "00:00:00:00").split(/[:;]/).map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * nominal + frames || 0;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Clip} clip
 */
export function drawRuler(context, scale, lane, clip) {
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = `11px ${MONO}`;
  if (scale.px_per_s / scale.rate > FRAME_PX) {
    drawSeconds(context, scale, lane);
    return;
  }
  const { label, middle, tick } = tickSteps(scale.px_per_s, scale.rate);
  const first = firstFrame(clip, Math.round(scale.rate));
  const from = Math.ceil((Math.floor(scale.start_s * scale.rate) + first) / tick - label / tick) * tick - first;
  const to = Math.min(scale.duration_s, scale.end_s) * scale.rate + 0.01;
  const bottom = lane.top + lane.height;
  for (let frame = from; frame <= to; frame += tick) {
    const place = Math.round(scale.x(frame / scale.rate)) + 0.5;
    if (frame < 0 || place > scale.width) continue;
    const number = frame + first;
    const isLabel = number % label === 0;
    context.fillStyle = isLabel ? COLORS.tickStrong : COLORS.tick;
    const height = isLabel ? lane.height - 6 : number % middle === 0 ? 7 : 4;
    if (place >= 0) context.fillRect(place - 0.5, bottom - height, 1, height);
    if (!isLabel) continue;
    context.fillStyle = COLORS.quiet;
    context.fillText(formatTimecode(frame / scale.rate, clip), place + 5, lane.top + lane.height / 2 - 2);
  }
}
