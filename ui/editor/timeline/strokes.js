// @ts-check
// Scrapes in the hits lane: a shape as long as the stroke and as high as its speed, whose end can be dragged.

import { soundColor } from "../widgets/format.js";
import { velocityScale } from "./scale.js";
/** @import { Hit, Lane, Point, Project, Scale } from "../state/types.d.ts" */

const END_PX = 7;
const SHORTEST_S = 0.02;
const LONGEST_S = 60;

/**
 * The speeds of each scrape as a filled curve from its start to its end.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Project} project
 * @param {Set<string>} selected
 */
export function drawStrokes(context, scale, lane, project, selected) {
  const velocity = velocityScale(lane);
  for (const hit of project.hits) {
    if (!hit.stroke || hit.time_s > scale.end_s || hit.time_s + hit.stroke.length_s < scale.start_s) continue;
    const { length_s, speeds } = hit.stroke;
    const [left, right] = [scale.x(hit.time_s), scale.x(hit.time_s + length_s)];
    const height = velocity.bottom - velocity.y(hit.velocity_db);
    context.save();
    context.fillStyle = context.strokeStyle = soundColor(project, hit.sound_id);
    context.beginPath();
    context.moveTo(left, velocity.bottom);
    speeds.forEach((speed, i) => context.lineTo(left + ((right - left) * i) / (speeds.length - 1), velocity.bottom - speed * height));
    context.lineTo(right, velocity.bottom);
    context.globalAlpha = hit.mute ? 0.1 : 0.28;
    context.fill();
    context.globalAlpha = hit.mute ? 0.3 : 0.9;
    context.stroke();
    if (selected.has(hit.id)) context.fillRect(Math.round(right) - 1, velocity.bottom - Math.max(10, height), 2, Math.max(10, height));
    context.restore();
  }
}

/**
 * The scrape whose shape is under a point, and whether its end is; null where there is none.
 * @param {readonly Hit[]} hits
 * @param {Point} at
 * @param {Pick<Scale, "x">} scale
 * @param {Lane} lane
 * @returns {{hit: Hit, isEnd: boolean} | null}
 */
export function strokeUnder(hits, at, scale, lane) {
  const velocity = velocityScale(lane);
  for (const hit of [...hits].reverse()) {
    if (!hit.stroke || at.y < velocity.y(hit.velocity_db) - 4) continue;
    const right = scale.x(hit.time_s + hit.stroke.length_s);
    if (Math.abs(at.x - right) <= END_PX) return { hit, isEnd: true };
    if (at.x >= scale.x(hit.time_s) && at.x <= right) return { hit, isEnd: false };
  }
  return null;
}

/**
 * The edit that ends a scrape at a time.
 * @param {Hit} hit
 * @param {number} end_s
 * @returns {import("../state/protocol.d.ts").SetHits}
 */
export function endStroke(hit, end_s) {
  const length_s = Math.min(LONGEST_S, Math.max(SHORTEST_S, end_s - hit.time_s));
  return { kind: "set_hits", ids: [hit.id], values: { stroke: { .../** @type {NonNullable<Hit["stroke"]>} */ (hit.stroke), length_s } } };
}
