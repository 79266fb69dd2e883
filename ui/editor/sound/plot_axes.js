// @ts-check
// Axes, curves and cursors of small plots.

import { clamp } from "../audio/units.js";
import { openCanvas } from "../widgets/canvas.js";
import { COLORS } from "../widgets/theme.js";

const FONT = "10.5px ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace";
const HZ_MARKS = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000];
const TIME_STEPS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const EARLY_MARKS_S = [0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4];

/**
 * A colour "#rrggbb" with an opacity.
 * @param {string} color
 * @param {number} part
 */
export const alpha = (color, part) => color + Math.round(part * 255).toString(16).padStart(2, "0");
/** @param {string} text */
const minus = (text) => text.replace("-", "\u2212");
/**
 * "500", "2k".
 * @param {number} hz
 */
export const formatMark = (hz) => (hz >= 1000 ? `${hz / 1000}k` : String(hz));

/** @typedef {ReturnType<typeof beginPlot>} Frame */

/**
 * Size a canvas to its parent and clear it; a small plot has no labels.
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} isSmall
 */
export function beginPlot(canvas, isSmall) {
  const { clientWidth: width, clientHeight: height } = canvas.parentElement ?? canvas;
  const pen = openCanvas(canvas, width, height);
  pen.fillStyle = COLORS.plot;
  pen.fillRect(0, 0, width, height);
  pen.font = FONT;
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  const margin = isSmall ? { left: 6, right: 6, top: 6, bottom: 6 } : { left: 40, right: 10, top: 10, bottom: 21 };
  return { pen, width, height, left: margin.left, right: Math.max(margin.left + 10, width - margin.right), top: margin.top, bottom: Math.max(margin.top + 10, height - margin.bottom), isSmall };
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {[number, number][]} points
 */
export function stroke(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}

/**
 * Draw an axis of levels.
 * @param {Frame} plane
 * @param {number} top_db
 * @param {number} span_db
 * @returns {(level_db: number) => number} height of a level
 */
export function levelAxis(plane, top_db, span_db) {
  /** @param {number} level_db */
  const place = (level_db) => plane.top + clamp((top_db - level_db) / span_db, 0, 1) * (plane.bottom - plane.top);
  const { pen } = plane;
  const step = plane.bottom - plane.top < 70 ? 40 : 20;
  for (let level_db = top_db; level_db >= top_db - span_db; level_db -= plane.isSmall ? 20 : 10) {
    const y = Math.round(place(level_db)) + 0.5;
    pen.strokeStyle = level_db % step ? COLORS.grid : COLORS.gridStrong;
    stroke(pen, [[plane.left, y], [plane.right, y]]);
    if (plane.isSmall || level_db % step) continue;
    pen.fillStyle = COLORS.quiet;
    pen.textAlign = "right";
    if (y < plane.bottom - 14) pen.fillText(minus(String(level_db)), plane.left - 7, Math.max(8, y));
  }
  unit(plane, "dB");
  return place;
}

/**
 * The unit stands where the axes meet, in place of a number.
 * @param {Frame} plane
 * @param {string} text
 */
function unit(plane, text) {
  if (plane.isSmall) return;
  plane.pen.fillStyle = COLORS.quiet;
  plane.pen.textAlign = "right";
  plane.pen.fillText(text, plane.left - 7, plane.bottom - 3);
}

/**
 * Draw an axis of frequencies, logarithmic.
 * @param {Frame} plane
 * @param {number} low_hz
 * @param {number} high_hz
 */
export function frequencyAxis(plane, low_hz, high_hz) {
  const span = Math.log(high_hz / low_hz);
  /** @param {number} hz */
  const x = (hz) => plane.left + clamp(Math.log(hz / low_hz) / span, 0, 1) * (plane.right - plane.left);
  /** @param {number} px */
  const hz = (px) => low_hz * Math.exp(shareOf(plane, px) * span);
  ticks(plane, x, HZ_MARKS.filter((mark) => mark >= low_hz * 0.99 && mark <= high_hz * 1.01), formatMark, "Hz", [100, 1000, 10000]);
  return { x, hz };
}

/**
 * Draw an axis of the square root of time, so that the attack has room.
 * @param {Frame} plane
 * @param {number} end_s
 */
export function earlyAxis(plane, end_s) {
  /** @param {number} time_s */
  const x = (time_s) => plane.left + Math.sqrt(clamp(time_s / end_s, 0, 1)) * (plane.right - plane.left);
  /** @param {number} px */
  const time = (px) => shareOf(plane, px) ** 2 * end_s;
  ticks(plane, x, EARLY_MARKS_S.filter((time_s) => time_s <= end_s), String, "s", []);
  return { x, time };
}

/**
 * Draw an axis of time.
 * @param {Frame} plane
 * @param {number} end_s
 */
export function timeAxis(plane, end_s) {
  /** @param {number} time_s */
  const x = (time_s) => plane.left + clamp(time_s / end_s, 0, 1) * (plane.right - plane.left);
  /** @param {number} px */
  const time = (px) => shareOf(plane, px) * end_s;
  const step = TIME_STEPS_S.find((s) => (end_s / s) * 44 <= plane.right - plane.left) ?? 0.5;
  const marks = Array.from({ length: Math.floor(end_s / step + 1e-6) + 1 }, (_, k) => k * step);
  const decimals = step < 0.1 ? 2 : 1;
  ticks(plane, x, marks, (time_s) => (time_s ? time_s.toFixed(decimals) : "0"), "s", []);
  return { x, time };
}

/**
 * Where a place lies between left and right, 0 to 1.
 * @param {Frame} plane
 * @param {number} px
 */
const shareOf = (plane, px) => clamp((px - plane.left) / (plane.right - plane.left), 0, 1);

/**
 * @param {Frame} plane
 * @param {(mark: number) => number} place
 * @param {number[]} marks
 * @param {(mark: number) => string} say
 * @param {string} name
 * @param {number[]} strong
 */
function ticks(plane, place, marks, say, name, strong) {
  const { pen } = plane;
  pen.textAlign = "center";
  let last = plane.left - 30;
  const named = pen.measureText(name).width;
  for (const mark of marks) {
    const x = Math.round(place(mark)) + 0.5;
    pen.strokeStyle = strong.includes(mark) ? COLORS.gridStrong : COLORS.grid;
    stroke(pen, [[x, plane.top], [x, plane.bottom]]);
    if (plane.isSmall) continue;
    const at = clamp(x, plane.left + 5, plane.right - 12);
    if (at - last < 27 || at > plane.right - named - 14) continue;
    pen.fillStyle = COLORS.quiet;
    pen.fillText(say(mark), at, plane.bottom + 12);
    last = at;
  }
  if (plane.isSmall) return;
  pen.textAlign = "right";
  pen.fillStyle = COLORS.quiet;
  pen.fillText(name, plane.right, plane.bottom + 12);
}

/**
 * Draw a curve, filled to the foot if there is a fill.
 * @param {Frame} plane
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number>} ys
 * @param {{color: string, width?: number, dash?: number[], fill?: string | null}} style
 */
export function drawCurve(plane, xs, ys, { color, width = 1.5, dash = [], fill = null }) {
  const { pen } = plane;
  if (!ys.length) return;
  /** @type {[number, number][]} */
  const points = Array.from(ys, (y, i) => [xs[i], y]);
  pen.save();
  pen.beginPath();
  pen.rect(plane.left, plane.top - 1, plane.right - plane.left, plane.bottom - plane.top + 1);
  pen.clip();
  if (fill) {
    pen.beginPath();
    pen.moveTo(points[0][0], plane.bottom);
    for (const [x, y] of points) pen.lineTo(x, y);
    pen.lineTo(points[points.length - 1][0], plane.bottom);
    pen.fillStyle = fill;
    pen.fill();
  }
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.setLineDash(dash);
  stroke(pen, points);
  pen.restore();
}

/**
 * Draw a cursor with dots of colours on it.
 * @param {Frame} plane
 * @param {number} x
 * @param {[number, string][]} ys
 */
export function drawCursor(plane, x, ys) {
  const { pen } = plane;
  pen.strokeStyle = alpha(COLORS.action, 0.75);
  stroke(pen, [[Math.round(x) + 0.5, plane.top], [Math.round(x) + 0.5, plane.bottom]]);
  for (const [y, color] of ys) {
    pen.beginPath();
    pen.arc(x, y, 2.5, 0, 2 * Math.PI);
    pen.fillStyle = color;
    pen.fill();
  }
}
