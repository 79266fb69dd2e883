// @ts-check
// Which hits lie under the pointer or in a box, and how far a drag may take them.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { velocityScale } from "./scale.js";
/** @import { Box, Hit, Lane, Point, Scale } from "../state/types.d.ts" */

const GRAB_PX = 12;
const HEAD_PX = 6; // a box that reaches this close to a head has it

/**
 * The hit whose head or stem is under a point of the hits lane. The nearest stem counts; among stems in one place, the
 * nearest head; a selected hit wins over its neighbours.
 * @param {readonly Hit[]} hits
 * @param {Point} at
 * @param {Pick<Scale, "x">} scale
 * @param {Lane} lane
 * @param {Set<string>} selected
 * @returns {Hit | null}
 */
export function hitUnder(hits, at, scale, lane, selected) {
  const velocity = velocityScale(lane);
  let best = null;
  let nearest = GRAB_PX + 0.5;
  for (const hit of hits) {
    const across = Math.abs(scale.x(hit.time_s) - at.x);
    if (across > GRAB_PX) continue;
    const head = Math.hypot(across, velocity.y(hit.velocity_db) - at.y);
    const distance = across + Math.min(head, 40) / 40 - (selected.has(hit.id) ? 1 : 0);
    if (distance < nearest) [best, nearest] = [hit, distance];
  }
  return best;
}

/**
 * Ids of the hits that a box touches; a stem that the box crosses counts, so that a low sweep takes all it passes.
 * @param {readonly Hit[]} hits
 * @param {Box} box
 * @param {Pick<Scale, "x">} scale
 * @param {Lane} lane
 */
export function hitsInBox(hits, { x0, y0, x1, y1 }, scale, lane) {
  const velocity = velocityScale(lane);
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
  return hits.filter(({ time_s, velocity_db }) => {
    const x = scale.x(time_s);
    return x >= left && x <= right && velocity.bottom >= top && velocity.y(velocity_db) <= bottom + HEAD_PX;
  }).map((hit) => hit.id);
}

/**
 * How far times can be shifted together and stay within the clip.
 * @param {number[]} times_s
 * @param {number} delta_s as wanted
 * @param {number} duration_s
 */
export function limitShift(times_s, delta_s, duration_s) {
  return clamp(delta_s, -Math.min(...times_s), duration_s - Math.max(...times_s));
}

/**
 * A shift that puts a time on a frame.
 * @param {number} time_s
 * @param {number} delta_s
 * @param {number} rate frames per second
 */
export function snapShift(time_s, delta_s, rate) {
  return Math.round((time_s + delta_s) * rate) / rate - time_s;
}

/**
 * "+1 frame", "−12.0 ms   −0.3 f": whole frames where it is some, else milliseconds and frames.
 * @param {number} delta_s
 * @param {number} rate frames per second
 */
export function formatShift(delta_s, rate) {
  const sign = delta_s < 0 ? "\u2212" : "+";
  const frames = Math.abs(delta_s) * rate;
  const whole = Math.round(frames);
  if (Math.abs(frames - whole) < 0.01) return `${whole ? sign : "±"}${t("picking.frames", { whole })}`;
  const ms = (Math.abs(delta_s) * 1000).toFixed(Math.abs(delta_s) < 0.1 ? 1 : 0);
  return `${sign}${ms} ms   ${sign}${frames.toFixed(1)} f`;
}
