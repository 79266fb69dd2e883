// @ts-check
// Groups of hits: which hits are chosen as one, and the brackets that show them in the lane.

import { COLORS } from "../widgets/theme.js";
/** @import { Hit, Lane, Scale } from "../state/types.d.ts" */

const TICK_PX = 4;
const ABOVE_PX = 2.5; // over the bottom of the lane, clear of the stems' feet

/**
 * Some hits with all that are in a group with one of them.
 * @param {readonly Hit[]} hits
 * @param {Iterable<string>} ids
 */
export function withGroups(hits, ids) {
  const wanted = new Set(ids);
  const groups = new Set(hits.filter(({ id, group }) => group && wanted.has(id)).map(({ group }) => group));
  return groups.size ? new Set(hits.filter(({ id, group }) => wanted.has(id) || groups.has(group)).map(({ id }) => id)) : wanted;
}

/**
 * A bracket under the hits of each group, lit while one of them is selected.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {readonly Hit[]} hits
 * @param {Set<string>} selected
 */
export function drawGroups(context, scale, lane, hits, selected) {
  /** @type {Map<string, Hit[]>} */
  const groups = new Map();
  for (const hit of hits) {
    if (!hit.group) continue;
    const members = groups.get(hit.group);
    if (members) members.push(hit);
    else groups.set(hit.group, [hit]);
  }
  const y = Math.round(lane.top + lane.height - ABOVE_PX) - 0.5;
  context.save();
  for (const members of groups.values()) {
    if (members.length < 2 || members.every(({ time_s }) => time_s < scale.start_s) || members.every(({ time_s }) => time_s > scale.end_s)) continue;
    context.strokeStyle = members.some(({ id }) => selected.has(id)) ? COLORS.action : COLORS.quiet;
    context.beginPath();
    const places = members.map(({ time_s }) => Math.round(scale.x(time_s)) + 0.5);
    context.moveTo(Math.min(...places), y);
    context.lineTo(Math.max(...places), y);
    for (const x of places) {
      if (x < 0 || x > scale.width) continue;
      context.moveTo(x, y);
      context.lineTo(x, y - TICK_PX);
    }
    context.stroke();
  }
  context.restore();
}
