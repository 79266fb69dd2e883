// @ts-check
// Drawing of the lanes: grounds, hits, the lasso, words where there is nothing to show.

import { isHeard } from "../audio/strip.js";
import { soundColors } from "../widgets/format.js";
import { COLORS, SANS } from "../widgets/theme.js";
import { velocityScale } from "./scale.js";
/** @import { Box, Lane, Lanes, Project, Scale, Span } from "../state/types.d.ts" */

const HEAD_PX = 6.5;
const BOX_PX = 10; // half of the box around a selected hit

/** @typedef {{rank: number, color: string, fresh: boolean, mute: boolean, places: [number, number][], tops: Map<number, number>}} Looks hits that look alike; ``tops``: the highest in each column of pixels */

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
 * The hits: a head at the height of the velocity and a stem to the bottom. Those that look alike are one path.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Project} project
 * @param {HitsState} state
 */
export function drawHits(context, scale, lane, project, { selected, hovered, isFresh, pulse }) {
  const velocity = velocityScale(lane);
  const colors = soundColors(project);
  /** @type {Map<string, Looks>} */
  const looks = new Map();
  /** @type {number[]} */
  const marked = [];
  for (const hit of project.hits) {
    const x = Math.round(scale.x(hit.time_s)) + 0.5;
    if (x < -20 || x > scale.width + 20) continue;
    const rank = (selected.has(hit.id) ? 2 : 0) + (hit.id === hovered ? 1 : 0);
    const color = colors.get(hit.sound_id) ?? COLORS.quiet;
    const fresh = isFresh(hit.id);
    const mute = !isHeard(project, hit);
    const key = `${rank} ${color} ${fresh} ${mute}`;
    /** @type {Looks} */
    const alike = looks.get(key) ?? { rank, color, fresh, mute, places: [], tops: new Map() };
    const y = velocity.y(hit.velocity_db);
    alike.places.push([x, y]);
    alike.tops.set(x, Math.min(y, alike.tops.get(x) ?? y));
    looks.set(key, alike);
    if (rank >= 2) marked.push(x);
    else if (rank) drawBoxes(context, lane, [x], COLORS.hover, "");
  }
  drawBoxes(context, lane, marked, COLORS.actionFill, COLORS.selectedLine);
  for (const alike of [...looks.values()].sort((a, b) => a.rank - b.rank)) drawAlike(context, velocity.bottom, alike, pulse);
}

/**
 * Boxes around hits; those that overlap are one.
 * @param {CanvasRenderingContext2D} context
 * @param {Lane} lane
 * @param {number[]} places
 * @param {string} fill
 * @param {string} line "" for none
 */
function drawBoxes(context, lane, places, fill, line) {
  if (!places.length) return;
  const [first, ...others] = [...places].sort((a, b) => a - b);
  const boxes = [[first, first]];
  for (const x of others) {
    const last = boxes[boxes.length - 1];
    if (x - last[1] < 2 * BOX_PX) last[1] = x;
    else boxes.push([x, x]);
  }
  context.fillStyle = fill;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.beginPath();
  for (const [left, right] of boxes) context.roundRect(left - BOX_PX, lane.top + 3.5, right - left + 2 * BOX_PX, lane.height - 7, 3);
  context.fill();
  if (line) context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} bottom
 * @param {Looks} looks
 * @param {number} pulse
 */
function drawAlike(context, bottom, { rank, color, fresh, mute, places, tops }, pulse) {
  context.save();
  context.globalAlpha = mute ? 0.35 : fresh ? 1 : 0.3 + 0.35 * pulse;
  context.strokeStyle = context.fillStyle = color;
  const across = rank ? 2.4 : 2;
  if (mute) dashStems(context, bottom, tops, across);
  else for (const [x, y] of tops) context.fillRect(x - across / 2, y, across, bottom - y); // as lines of a path they take ten times as long
  context.beginPath();
  for (const [x, y] of places) {
    context.moveTo(x - HEAD_PX, y - 4);
    context.lineTo(x + HEAD_PX, y - 4);
    context.lineTo(x, y + 5);
    context.closePath();
  }
  if (fresh && !mute) context.fill();
  else {
    context.fillStyle = COLORS.ground;
    context.fill();
    context.lineWidth = 1.5;
    context.stroke();
  }
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} bottom
 * @param {Map<number, number>} tops
 * @param {number} across
 */
function dashStems(context, bottom, tops, across) {
  context.lineWidth = across;
  context.setLineDash([3, 3]);
  context.beginPath();
  for (const [x, y] of tops) {
    context.moveTo(x, bottom);
    context.lineTo(x, y);
  }
  context.stroke();
  context.setLineDash([]);
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
