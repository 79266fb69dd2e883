// @ts-check
// Drawing of the lanes: grounds, hits, the lasso, words where there is nothing to show.

import { soundColor } from "../widgets/format.js";
import { COLORS, SANS } from "../widgets/theme.js";
import { velocityScale } from "./scale.js";
/** @import { Box, Hit, Lane, Lanes, Project, Scale, Span } from "../state/types.d.ts" */

const HEAD_PX = 6.5;

/**
 * @typedef {object} HitsState how hits are drawn
 * @property {Set<string>} selected
 * @property {string | null} hovered
 * @property {(id: string) => boolean} isFresh whether a hit is sampled
 * @property {number} pulse 0 to 1, of hits that are not
 */

/**
 * The backgrounds of the lanes, and the areas beyond the clip's ends.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lanes} lanes
 * @param {number} height
 */
export function drawGrounds(context, scale, lanes, height) {
  context.fillStyle = COLORS.ground;
  context.fillRect(0, 0, scale.width, height);
  Object.entries(lanes).forEach(([name, lane], i) => {
    if (name === "ruler") return;
    context.fillStyle = i % 2 ? COLORS.laneOther : COLORS.lane;
    context.fillRect(0, lane.top, scale.width, lane.height);
    context.fillStyle = COLORS.laneLine;
    context.fillRect(0, lane.top, scale.width, 1);
  });
  context.fillStyle = COLORS.beyond;
  const [left, right] = [scale.x(0), scale.x(scale.duration_s)];
  if (left > 0) context.fillRect(0, lanes.ruler.height, left, height);
  if (right < scale.width) context.fillRect(right, lanes.ruler.height, scale.width - right, height);
}

/**
 * A sentence in the middle of a lane.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {string} text
 */
export function drawWords(context, scale, lane, text, color = COLORS.quiet) {
  context.font = `12px ${SANS}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = color;
  context.fillText(text, scale.width / 2, lane.top + lane.height / 2, scale.width - 24);
}

/**
 * Progress of the detection: a line along the bottom of the lane.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {number} part
 */
export function drawProgress(context, scale, lane, part) {
  const left = Math.max(0, scale.x(0));
  const right = Math.min(scale.width, scale.x(scale.duration_s * part));
  context.fillStyle = COLORS.curve;
  if (right > left) context.fillRect(left, lane.top + lane.height - 3, right - left, 2);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {number} y
 * @param {boolean} isHot
 */
export function drawThreshold(context, scale, y, isHot) {
  context.save();
  context.strokeStyle = COLORS.action;
  context.globalAlpha = isHot ? 1 : 0.75;
  context.lineWidth = isHot ? 1.8 : 1.2;
  context.setLineDash([5, 4]);
  context.beginPath();
  context.moveTo(0, Math.round(y) + 0.5);
  context.lineTo(scale.width, Math.round(y) + 0.5);
  context.stroke();
  context.restore();
}

/**
 * The hits: a head at the height of the velocity and a stem to the bottom.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Project} project
 * @param {HitsState} state
 */
export function drawHits(context, scale, lane, project, state) {
  const velocity = velocityScale(lane);
  const inSight = project.hits.filter((hit) => hit.time_s > scale.start_s - 20 / scale.px_per_s && hit.time_s < scale.end_s + 20 / scale.px_per_s);
  /** @param {Hit} hit */
  const rank = (hit) => (state.selected.has(hit.id) ? 2 : 0) + (hit.id === state.hovered ? 1 : 0);
  for (const hit of inSight.sort((a, b) => rank(a) - rank(b))) drawHit(context, scale, lane, velocity, hit, soundColor(project, hit.sound_id), state);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {ReturnType<typeof velocityScale>} velocity
 * @param {Hit} hit
 * @param {string} color
 * @param {HitsState} state
 */
function drawHit(context, scale, lane, velocity, hit, color, { selected, hovered, isFresh, pulse }) {
  const x = Math.round(scale.x(hit.time_s)) + 0.5;
  const y = velocity.y(hit.velocity_db);
  const isSelected = selected.has(hit.id);
  const isHovered = hit.id === hovered;
  const fresh = isFresh(hit.id);
  context.save();
  if (isSelected) {
    context.fillStyle = COLORS.actionFill;
    context.strokeStyle = COLORS.selectedLine;
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(x - 10, lane.top + 3.5, 20, lane.height - 7, 3);
    context.fill();
    context.stroke();
  } else if (isHovered) {
    context.fillStyle = COLORS.hover;
    context.beginPath();
    context.roundRect(x - 10, lane.top + 3.5, 20, lane.height - 7, 3);
    context.fill();
  }
  context.globalAlpha = hit.mute ? 0.35 : fresh ? 1 : 0.3 + 0.35 * pulse;
  context.strokeStyle = context.fillStyle = color;
  context.lineWidth = isHovered || isSelected ? 2.4 : 2;
  if (hit.mute) context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(x, velocity.bottom);
  context.lineTo(x, y);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x - HEAD_PX, y - 4);
  context.lineTo(x + HEAD_PX, y - 4);
  context.lineTo(x, y + 5);
  context.closePath();
  if (fresh && !hit.mute) context.fill();
  else {
    context.fillStyle = COLORS.ground;
    context.fill();
    context.lineWidth = 1.5;
    context.stroke();
  }
  context.restore();
}

/**
 * A marked span of the clip's own sound.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Span} span
 */
export function drawSpan(context, scale, lane, { start_s, end_s }) {
  const [left, right] = [scale.x(start_s), scale.x(end_s)];
  context.fillStyle = COLORS.actionFill;
  context.fillRect(left, lane.top, right - left, lane.height);
  context.fillStyle = COLORS.action;
  for (const x of [left, right]) context.fillRect(Math.round(x), lane.top, 1, lane.height);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 */
export function drawLasso(context, { x0, y0, x1, y1 }) {
  context.save();
  context.fillStyle = COLORS.actionFill;
  context.strokeStyle = COLORS.action;
  context.setLineDash([4, 3]);
  context.beginPath();
  context.rect(Math.min(x0, x1) + 0.5, Math.min(y0, y1) + 0.5, Math.abs(x1 - x0), Math.abs(y1 - y0));
  context.fill();
  context.stroke();
  context.restore();
}
