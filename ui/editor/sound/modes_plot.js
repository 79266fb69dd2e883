// @ts-check
// Drawing the modes: a log-frequency axis, stems as high as their power, tails as long as they ring.

import { openCanvas } from "../widgets/canvas.js";
import { COLORS } from "../widgets/theme.js";
import { alpha, formatMark } from "./plot_axes.js";
import { clamp, decayToT60, LN_60_DB, SAMPLE_RATE_HZ } from "../audio/units.js";
/** @import { Box, Modes, Sound } from "../state/types.d.ts" */

export const LOWEST_HZ = 20;
export const HIGHEST_HZ = 20000;
const MARGIN = { left: 38, right: 10, top: 10, bottom: 22 };
const DECADES = [20, 30, 40, 50, 60, 70, 80, 90, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000];
const NAMED = new Set([20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000]);

/** @typedef {{low_hz: number, high_hz: number}} Zoom */
/** @typedef {{top_db: number, bottom_db: number}} LevelRange */
/** @typedef {ReturnType<typeof planeOf>} ModePlane */
/**
 * @typedef {object} ModesShown what is drawn of a sound
 * @property {Sound | null} sound as it is heard
 * @property {Modes | null} ghosts its own modes, if macros move them
 * @property {string} color
 * @property {Set<number>} selected
 * @property {number | null} hovered
 * @property {Float32Array | null} levels of the rendered sound's spectrum
 * @property {Box | null} lasso
 * @property {boolean} focused
 */

/**
 * The part of the plane on show, from a sound and a zoom {low_hz, high_hz}.
 * @param {number} width
 * @param {number} height
 * @param {Zoom} zoom
 * @param {LevelRange} range
 */
export function planeOf(width, height, zoom, range) {
  const left = MARGIN.left;
  const right = Math.max(left + 10, width - MARGIN.right);
  const top = MARGIN.top;
  const bottom = Math.max(top + 10, height - MARGIN.bottom);
  const octaves = Math.log(zoom.high_hz / zoom.low_hz);
  return {
    width, height, left, right, top, bottom, zoom, range,
    /** @param {number} frequency_hz */
    x: (frequency_hz) => left + (Math.log(frequency_hz / zoom.low_hz) / octaves) * (right - left),
    /** @param {number} level_db */
    y: (level_db) => top + ((range.top_db - level_db) / (range.top_db - range.bottom_db)) * (bottom - top),
    /** @param {number} x */
    hz: (x) => zoom.low_hz * Math.exp(((x - left) / (right - left)) * octaves),
    /** @param {number} y */
    db: (y) => range.top_db - ((y - top) / (bottom - top)) * (range.top_db - range.bottom_db),
    /** @param {number} dx */
    ratioOf: (dx) => Math.exp((dx / (right - left)) * octaves),
    /** @param {number} dy */
    dbOf: (dy) => (-dy / (bottom - top)) * (range.top_db - range.bottom_db),
  };
}

/**
 * A dB range that holds a sound's modes: tens, at least 60 and at most 100 dB.
 * @param {Modes} modes
 */
export function rangeOf(modes) {
  const sounding = modes.power_db.filter((_, i) => !modes.muted?.[i]);
  const levels = sounding.length ? sounding : modes.power_db.length ? modes.power_db : [-10];
  const top_db = Math.ceil((Math.max(...levels) + 3) / 10) * 10;
  const low_db = Math.floor((Math.min(...levels) - 8) / 10) * 10;
  return { top_db, bottom_db: top_db - clamp(top_db - low_db, 60, 100) };
}

/**
 * Pixels of a tail: grows with the logarithm of T60, from 3 (1 ms) over 30 (0.1 s) to 90 (10 s).
 * @param {number} decay_per_s
 */
export function tailLength(decay_per_s) {
  return 30 * Math.log10(1 + Math.min(60, decayToT60(decay_per_s)) / 0.011);
}

/**
 * The decay whose tail has a length.
 * @param {number} length
 */
export function tailDecay(length) {
  return LN_60_DB / (0.011 * (10 ** (length / 30) - 1));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ModePlane} plane
 * @param {ModesShown} shown
 */
export function drawModes(canvas, plane, { sound, ghosts, color, selected, hovered, levels, lasso, focused }) {
  const pen = openCanvas(canvas, plane.width, plane.height);
  pen.fillStyle = COLORS.plot;
  pen.fillRect(0, 0, plane.width, plane.height);
  drawGrid(pen, plane);
  pen.save();
  pen.beginPath();
  pen.rect(plane.left, 0, plane.right - plane.left + MARGIN.right, plane.bottom);
  pen.clip();
  if (levels) drawSpectrum(pen, plane, levels);
  if (ghosts) drawGhosts(pen, plane, ghosts, color);
  if (sound) drawStems(pen, plane, sound.modes, color, selected, hovered);
  if (lasso) drawLasso(pen, lasso);
  pen.restore();
  if (focused) {
    pen.strokeStyle = alpha(COLORS.action, 0.55);
    pen.strokeRect(0.5, 0.5, plane.width - 1, plane.height - 1);
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {ModePlane} plane
 */
function drawGrid(pen, plane) {
  pen.font = "10.5px ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  const step = plane.range.top_db - plane.range.bottom_db > 70 && plane.bottom - plane.top < 260 ? 20 : plane.bottom - plane.top < 150 ? 20 : 10;
  const labelled = plane.bottom - plane.top > 190 && step === 10 ? 10 : 20;
  for (let level_db = plane.range.top_db; level_db >= plane.range.bottom_db; level_db -= step) {
    const y = Math.round(plane.y(level_db)) + 0.5;
    pen.strokeStyle = level_db === 0 ? COLORS.gridStrong : COLORS.grid;
    line(pen, plane.left, y, plane.right, y);
    if ((plane.range.top_db - level_db) % labelled === 0 && y < plane.bottom - 2) {
      pen.fillStyle = COLORS.quiet;
      pen.textAlign = "right";
      pen.fillText(String(level_db).replace("-", "\u2212"), plane.left - 8, Math.max(8, y));
    }
  }
  pen.textAlign = "center";
  let last = -Infinity;
  const crowded = plane.zoom.high_hz / plane.zoom.low_hz < 8;
  for (const frequency_hz of DECADES) {
    if (frequency_hz < plane.zoom.low_hz * 0.999 || frequency_hz > plane.zoom.high_hz * 1.001) continue;
    const x = Math.round(plane.x(frequency_hz)) + 0.5;
    const named = NAMED.has(frequency_hz) || crowded;
    pen.strokeStyle = [100, 1000, 10000].includes(frequency_hz) ? COLORS.gridStrong : COLORS.grid;
    if (named || !crowded) line(pen, x, plane.top, x, plane.bottom);
    const clear = clamp(x, plane.left + 6, plane.right - 8);
    if (named && clear - last > 34) {
      pen.fillStyle = COLORS.quiet;
      pen.fillText(formatMark(frequency_hz), clear, plane.bottom + 12);
      last = clear;
    }
  }
  pen.strokeStyle = COLORS.gridStrong;
  line(pen, plane.left, plane.bottom + 0.5, plane.right, plane.bottom + 0.5);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {ModePlane} plane
 * @param {Float32Array} levels
 */
function drawSpectrum(pen, plane, levels) {
  const hz = SAMPLE_RATE_HZ / 2 / (levels.length - 1);
  pen.beginPath();
  pen.moveTo(plane.left, plane.bottom);
  for (let x = plane.left; x <= plane.right; x++) {
    const first = plane.hz(x - 0.5) / hz;
    const last = plane.hz(x + 0.5) / hz;
    let level_db = -300;
    if (last - first < 1) {
      const k = Math.min(levels.length - 2, Math.floor((first + last) / 2));
      const part = (first + last) / 2 - k;
      level_db = levels[k] * (1 - part) + levels[k + 1] * part;
    } else for (let k = Math.ceil(first); k <= last && k < levels.length; k++) level_db = Math.max(level_db, levels[k]);
    pen.lineTo(x, Math.min(plane.bottom, plane.y(level_db)));
  }
  pen.lineTo(plane.right, plane.bottom);
  pen.closePath();
  const fill = pen.createLinearGradient(0, plane.top, 0, plane.bottom);
  fill.addColorStop(0, alpha(COLORS.noise, 0.95));
  fill.addColorStop(1, alpha(COLORS.noise, 0.25));
  pen.fillStyle = fill;
  pen.fill();
  pen.strokeStyle = alpha(COLORS.noiseLine, 0.8);
  pen.stroke();
}

/**
 * Where the modes are without macros: small open heads on short stems.
 * @param {CanvasRenderingContext2D} pen
 * @param {ModePlane} plane
 * @param {Modes} modes
 * @param {string} color
 */
function drawGhosts(pen, plane, modes, color) {
  pen.strokeStyle = alpha(color, 0.4);
  pen.lineWidth = 1;
  modes.frequency_hz.forEach((frequency_hz, i) => {
    const x = plane.x(frequency_hz);
    const y = clamp(plane.y(modes.power_db[i]), plane.top - 4, plane.bottom);
    if (modes.muted?.[i] || x < plane.left || x > plane.right + 4) return;
    pen.beginPath();
    pen.arc(x, y, 2.5, 0, 2 * Math.PI);
    pen.stroke();
    line(pen, x, y + 2.5, x, Math.min(plane.bottom, y + 12));
  });
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {ModePlane} plane
 * @param {Modes} modes
 * @param {string} color
 * @param {Set<number>} selected
 * @param {number | null} hovered
 */
function drawStems(pen, plane, modes, color, selected, hovered) {
  const order = modes.frequency_hz.map((_, i) => i).sort((a, b) => rank(a) - rank(b));
  /** @param {number} i */
  function rank(i) {
    return (selected.has(i) ? 2 : 0) + (i === hovered ? 4 : 0) - (modes.muted?.[i] ? 1 : 0);
  }
  for (const i of order) {
    const x = plane.x(modes.frequency_hz[i]);
    const y = clamp(plane.y(modes.power_db[i]), plane.top - 4, plane.bottom);
    if (x < plane.left - 140 || x > plane.right + 12) continue;
    const muted = modes.muted?.[i];
    const chosen = selected.has(i);
    const ink = chosen ? COLORS.action : muted ? COLORS.muted : color;
    const length = tailLength(modes.decay_per_s[i]);
    const tail = pen.createLinearGradient(x, 0, x + length, 0);
    tail.addColorStop(0, alpha(ink, muted ? 0.3 : 0.6));
    tail.addColorStop(1, alpha(ink, muted ? 0.08 : 0.22));
    pen.fillStyle = tail;
    pen.beginPath();
    pen.moveTo(x, y - 3);
    pen.lineTo(x + length, y - 0.6);
    pen.lineTo(x + length, y + 0.6);
    pen.lineTo(x, y + 3);
    pen.fill();
    if (chosen || i === hovered) {
      pen.fillStyle = ink;
      pen.fillRect(x + length - 1, y - 3, 2, 6);
    }
    pen.strokeStyle = alpha(ink, muted ? 0.55 : chosen || i === hovered ? 1 : 0.85);
    pen.lineWidth = chosen ? 2 : 1.5;
    line(pen, x, y, x, plane.bottom);
    pen.beginPath();
    pen.arc(x, y, i === hovered ? 5 : 4, 0, 2 * Math.PI);
    if (muted) {
      pen.fillStyle = COLORS.plot;
      pen.fill();
      pen.stroke();
    } else {
      pen.fillStyle = ink;
      pen.fill();
      if (chosen || i === hovered) {
        pen.strokeStyle = COLORS.bright;
        pen.lineWidth = 1.5;
        pen.stroke();
      }
    }
  }
  pen.lineWidth = 1;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Box} box
 */
function drawLasso(pen, { x0, y0, x1, y1 }) {
  pen.fillStyle = alpha(COLORS.action, 0.07);
  pen.strokeStyle = alpha(COLORS.action, 0.8);
  pen.setLineDash([4, 3]);
  pen.beginPath();
  pen.rect(Math.min(x0, x1) + 0.5, Math.min(y0, y1) + 0.5, Math.abs(x1 - x0), Math.abs(y1 - y0));
  pen.fill();
  pen.stroke();
  pen.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 */
function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}
