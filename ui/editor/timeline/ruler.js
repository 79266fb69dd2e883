// @ts-check
// The ruler: timecode at round places, finer ticks down to the frame.

import { formatTimecode } from "./timecode.js";
import { COLORS } from "./lanes.js";
/** @import { Clip, Lane, Scale } from "../state/types.d.ts" */

const LABEL_PX = 112;
const TICK_PX = 7;
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
  const { label, middle, tick } = tickSteps(scale.px_per_s, scale.rate);
  const first = firstFrame(clip, Math.round(scale.rate));
  const from = Math.ceil((Math.floor(scale.start_s * scale.rate) + first) / tick - label / tick) * tick - first;
  const to = Math.min(scale.duration_s, scale.end_s) * scale.rate + 0.01;
  const bottom = lane.top + lane.height;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = `11px ${COLORS.mono}`;
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
