// @ts-check
// Plots of a sound beside its recording: spectrum, decay, the error over time and frequency, and the noise by component.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { contextOf } from "../widgets/canvas.js";
import { make } from "../widgets/controls.js";
import { formatDb, formatHz, formatSeconds } from "../widgets/format.js";
import { alpha, beginPlot, drawCursor, drawCurve, earlyAxis, formatMark, frequencyAxis, levelAxis, stroke, timeAxis } from "./plot_axes.js";
import { COLORS } from "../widgets/theme.js";
/** @import { ComponentName } from "../state/types.d.ts" */

/** @import { Frame } from "./plot_axes.js" */

/** @typedef {{measured: Float32Array, model: Float32Array, noise: Float32Array}} Curves levels in dB; ``measured`` is empty where there is no recording */
/**
 * @typedef {object} Model a sound beside its recording, as the server compares them
 * @property {number | null} fit 0 to 1; null without a recording
 * @property {number} error_db
 * @property {number} chance_db by which two draws of its noise differ
 * @property {string} diagnosis
 * @property {Float32Array} frequency_hz
 * @property {Curves} spectrum
 * @property {number[] | Float32Array} stem_hz
 * @property {number[] | Float32Array} stem_db
 * @property {Float32Array} time_s
 * @property {Curves} level
 * @property {Float32Array} band_edges_hz
 * @property {Float32Array} band_error_db [bands * columns], NaN where both are silent
 * @property {Float32Array} band_measured_db
 * @property {Float32Array} noise_edges_hz
 * @property {Float32Array} rest_db what the modes leave of the recording, by band
 * @property {{name: ComponentName, level_db: Float32Array}[]} components
 */
/**
 * @typedef {object} Look how a plot is drawn
 * @property {Model} now
 * @property {Model | null} [before] as it was measured, if it was edited since
 * @property {string} color
 * @property {number | null} cursor index of what is pointed at
 * @property {boolean} [small]
 */
/**
 * @typedef {object} Plot what was drawn
 * @property {number} count of the points that can be pointed at
 * @property {number} [columns] of a grid of points
 * @property {(x: number, y: number) => number} pick index of the nearest point
 * @property {(index: number) => [number, number]} place
 * @property {(index: number) => string} say
 */

/** What the components of the noise are called. @type {Record<ComponentName, string>} */
export const NOISE_COMPONENTS = { attack: t("residual.attack"), strike: t("common.strike"), tail: t("residual.tail"), room: t("common.room") };
/** @type {Record<string, "coral" | "violet" | "blue" | "teal">} */
const COMPONENT_COLORS = { attack: "coral", strike: "violet", tail: "blue", room: "teal" };
/** @param {string} component of the noise */
export const componentColor = (component) => COLORS[COMPONENT_COLORS[component] ?? "violet"];
const QUIET_ERROR = [76, 160, 255]; // too quiet: blue; too loud: orange; told apart with any kind of colour vision
const NO_ERROR = [33, 39, 48];
const LOUD_ERROR = [255, 150, 62];
const NOTHING = [17, 21, 27];
const SCALE_PX = 34; // the scale of errors beside its plot
export const MOST_ERROR_DB = 24;

/**
 * The line for noise, apart from the sound's own colour.
 * @param {string} color
 */
export const noiseColor = (color) => (color === COLORS.violet ? COLORS.blue : COLORS.violet);

/**
 * Red, green and blue of an error.
 * @param {number} error_db
 */
function errorInk(error_db) {
  const part = clamp(Math.abs(error_db) / MOST_ERROR_DB, 0, 1) ** 0.8;
  const end = error_db < 0 ? QUIET_ERROR : LOUD_ERROR;
  return NO_ERROR.map((v, i) => Math.round(v + (end[i] - v) * part));
}

/**
 * "rgb(…)" of an error in dB.
 * @param {number} error_db
 */
export function errorColor(error_db) {
  const [r, g, b] = errorInk(error_db);
  return `rgb(${r} ${g} ${b})`;
}

/**
 * A round level over all of some lists.
 * @param {...ArrayLike<number>} lists
 */
const topOf = (...lists) => {
  let most = -100;
  for (const values of lists) for (let i = 0; i < values.length; i++) most = Math.max(most, values[i]);
  return Math.ceil((most + 3) / 10) * 10;
};

/**
 * @param {Curves} curves
 * @param {number} index
 */
function describeLevels({ model: models, measured: recorded }, index) {
  const model = models[index];
  if (!recorded.length) return t("comparison_plots.model", { model: formatDb(model) });
  const measured = recorded[index];
  return t("comparison_plots.recording_model", { measured: formatDb(measured), model: formatDb(model), value: formatDb(model - measured, true) });
}

/**
 * @param {Frame} plane
 * @param {number[]} xs
 * @param {(level_db: number) => number} y
 * @param {Curves} data
 * @param {Curves | undefined} before
 * @param {string} color
 */
function drawCurves(plane, xs, y, data, before, color) {
  const heights = (/** @type {Float32Array} */ levels) => Array.from(levels, y);
  drawCurve(plane, xs, heights(data.measured), { color: COLORS.measured, width: 1, fill: COLORS.plotFill });
  if (!plane.isSmall) drawCurve(plane, xs, heights(data.noise), { color: noiseColor(color), width: 1, dash: [3, 3] });
  if (before) drawCurve(plane, xs, heights(before.model), { color: alpha(color, 0.6), width: 1, dash: [6, 3] });
  drawCurve(plane, xs, heights(data.model), { color, width: plane.isSmall ? 1.25 : 1.75, fill: data.measured.length ? null : alpha(color, 0.12) });
}

/**
 * @param {Frame} plane
 * @param {number[]} xs
 * @param {(level_db: number) => number} y
 * @param {Curves} data
 * @param {string} color
 * @param {number | null} index
 */
function drawCursorOn(plane, xs, y, { model, measured }, color, index) {
  if (index === null) return;
  /** @type {[number, string][]} */
  const dots = [[y(model[index]), color]];
  if (measured.length) dots.push([y(measured[index]), COLORS.measured]);
  drawCursor(plane, xs[index], dots);
}

/**
 * Energy by frequency.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 * @returns {Plot}
 */
export function drawSpectrum(canvas, { now, before, color, cursor, small }) {
  const plane = beginPlot(canvas, Boolean(small));
  const { frequency_hz, spectrum } = now;
  const last = frequency_hz.length - 1;
  const [low_hz, high_hz] = [frequency_hz[0], frequency_hz[last]];
  const y = levelAxis(plane, topOf(spectrum.measured, spectrum.model), 80);
  const axis = frequencyAxis(plane, low_hz, high_hz);
  const xs = Array.from(frequency_hz, axis.x);
  drawCurves(plane, xs, y, spectrum, before?.spectrum, color);
  const { pen } = plane;
  pen.strokeStyle = alpha(color, small ? 0.3 : 0.45);
  pen.fillStyle = alpha(color, 0.9);
  Array.from(now.stem_hz).forEach((stem_hz, i) => {
    if (stem_hz < low_hz || stem_hz > high_hz) return;
    const [x, head] = [axis.x(stem_hz), y(now.stem_db[i])];
    stroke(pen, [[x, plane.bottom], [x, head]]);
    if (!small) pen.fillRect(x - 1.5, head - 1.5, 3, 3);
  });
  drawCursorOn(plane, xs, y, spectrum, color, cursor);
  return {
    count: frequency_hz.length,
    place: (index) => [xs[index], plane.top],
    pick: (x) => clamp(Math.round((Math.log(axis.hz(x) / low_hz) / Math.log(high_hz / low_hz)) * last), 0, last),
    say: (index) => `${formatHz(Math.round(frequency_hz[index])).replace(".0", "")}  ·  ${describeLevels(spectrum, index)}`,
  };
}

/**
 * Level by time.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 * @returns {Plot}
 */
export function drawDecay(canvas, { now, before, color, cursor, small }) {
  const plane = beginPlot(canvas, Boolean(small));
  const { level, time_s } = now;
  const step_s = time_s[1] - time_s[0];
  const last = time_s.length - 1;
  const y = levelAxis(plane, topOf(level.measured, level.model), 80);
  const axis = timeAxis(plane, time_s[last] + step_s);
  const xs = Array.from(time_s, (at_s) => axis.x(at_s + step_s / 2));
  drawCurves(plane, xs, y, level, before?.level, color);
  drawCursorOn(plane, xs, y, level, color, cursor);
  return {
    count: time_s.length,
    place: (index) => [xs[index], plane.top],
    pick: (x) => clamp(Math.floor(axis.time(x) / step_s), 0, last),
    say: (index) => `${formatSeconds(time_s[index])}  ·  ${describeLevels(level, index)}`,
  };
}

/**
 * Model less recording, by time and frequency; points are band * columns + column.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 * @returns {Plot}
 */
export function drawError(canvas, { now, cursor }) {
  const plane = beginPlot(canvas, false);
  plane.right -= SCALE_PX;
  const { pen } = plane;
  const { band_edges_hz: edges, band_error_db: errors, band_measured_db: measured, time_s } = now;
  const bands = edges.length - 1;
  const columns = time_s.length;
  const step_s = time_s[1] - time_s[0];
  const axis = earlyAxis(plane, columns * step_s);
  const rows = plane.bottom - plane.top;
  const width = Math.max(1, Math.round(plane.right - plane.left));
  const image = new ImageData(width, bands);
  for (let x = 0; x < width; x++) {
    const k = Math.min(columns - 1, Math.floor(axis.time(plane.left + x + 0.5) / step_s));
    for (let band = 0; band < bands; band++) {
      const error_db = errors[band * columns + k];
      image.data.set([...(Number.isNaN(error_db) ? NOTHING : errorInk(error_db)), 255], ((bands - 1 - band) * width + x) * 4);
    }
  }
  const sheet = make("canvas", "", { width, height: bands });
  contextOf(sheet).putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(sheet, plane.left, plane.top, width, rows);
  /** @param {number} band */
  const height = (band) => plane.bottom - (band / bands) * rows;
  pen.textAlign = "right";
  pen.fillStyle = COLORS.quiet;
  for (const hz of [100, 500, 1000, 2000, 5000, 10000]) {
    const above = edges.findIndex((edge) => edge > hz);
    if (above < 1) continue;
    const y = height(above - 1 + (hz - edges[above - 1]) / (edges[above] - edges[above - 1]));
    if (rows > 110 || ![500, 2000].includes(hz)) pen.fillText(formatMark(hz), plane.left - 7, y);
    pen.fillRect(plane.left - 4, Math.round(y), 3, 1);
  }
  pen.fillText("Hz", plane.left - 7, plane.top + 3);
  drawScale(plane);
  /**
   * @param {number} index
   * @returns {[number, number]}
   */
  const place = (index) => [axis.x(((index % columns) + 0.5) * step_s), height(Math.floor(index / columns) + 1)];
  if (cursor !== null) {
    pen.strokeStyle = COLORS.action;
    const [x, y] = place(cursor);
    pen.strokeRect(x - 3.5, y - 1, 7, Math.max(4, rows / bands + 2));
  }
  return {
    count: bands * columns, columns, place,
    pick: (x, y) => clamp(Math.floor(((plane.bottom - y) / rows) * bands), 0, bands - 1) * columns + clamp(Math.floor(axis.time(x) / step_s), 0, columns - 1),
    say(index) {
      const band = Math.floor(index / columns);
      const where = `${Math.round(edges[band])}\u2013${Math.round(edges[band + 1])} Hz  ·  ${formatSeconds(time_s[index % columns])}`;
      const error_db = errors[index];
      if (Number.isNaN(error_db)) return t("comparison_plots.both_60_db", { where });
      const most = Math.abs(error_db) >= MOST_ERROR_DB - 0.05 ? t("comparison_plots.or_more") : "";
      return t("comparison_plots.recording_model_2", { where, measured: formatDb(measured[index]), error_db: formatDb(error_db, true), most });
    },
  };
}

/**
 * The scale of error colours at the right of a plot.
 * @param {Frame} plane
 */
function drawScale(plane) {
  const { pen } = plane;
  const x = plane.right + 8;
  for (let y = plane.top; y < plane.bottom; y++) {
    pen.fillStyle = errorColor(MOST_ERROR_DB * (1 - (2 * (y - plane.top)) / (plane.bottom - plane.top - 1)));
    pen.fillRect(x, y, 5, 1);
  }
  pen.fillStyle = COLORS.quiet;
  pen.textAlign = "left";
  pen.fillText(`+${MOST_ERROR_DB}`, x + 9, plane.top + 4);
  pen.fillText("0", x + 9, (plane.top + plane.bottom) / 2);
  pen.fillText(`\u2212${MOST_ERROR_DB}`, x + 9, plane.bottom - 4);
}

/**
 * The noise: recording minus modes, and the model's components, in the residual's bands.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 * @returns {Plot}
 */
export function drawNoise(canvas, { now, cursor }) {
  const plane = beginPlot(canvas, false);
  const edges = now.noise_edges_hz;
  const bands = Math.max(0, edges.length - 1);
  const sum = Array.from({ length: bands }, (_, b) => 10 * Math.log10(now.components.reduce((total, { level_db }) => total + 10 ** (level_db[b] / 10), 1e-20)));
  const y = levelAxis(plane, topOf(now.rest_db, sum), 80);
  const axis = frequencyAxis(plane, 20, 20000);
  const xs = Array.from(edges).flatMap((hz, i) => (i === 0 || i === bands ? [axis.x(Math.max(20, hz))] : [axis.x(hz), axis.x(hz)]));
  /** @param {Float32Array} levels */
  const steps = (levels) => Array.from(levels, y).flatMap((height) => [height, height]);
  if (bands) {
    drawCurve(plane, xs, steps(now.rest_db), { color: COLORS.measured, width: 1, fill: COLORS.plotFill });
    for (const { name, level_db } of now.components) {
      for (const [from, to] of soundingRuns(level_db)) {
        drawCurve(plane, xs.slice(2 * from, 2 * to), steps(level_db.slice(from, to)), { color: componentColor(name), width: 1.5 });
      }
    }
  }
  /** @param {number} band */
  const middle = (band) => axis.x(Math.sqrt(Math.max(20, edges[band]) * edges[band + 1]));
  if (cursor !== null && cursor < bands) drawCursor(plane, middle(cursor), []);
  return {
    count: bands,
    place: (band) => [middle(band), plane.top],
    pick(x) {
      const above = edges.findIndex((edge) => edge > axis.hz(x));
      return clamp((above < 0 ? bands : above) - 1, 0, Math.max(0, bands - 1));
    },
    say(band) {
      const rest = now.rest_db.length ? [t("comparison_plots.recording_less_modes", { rest_db: formatDb(now.rest_db[band]) })] : [];
      const components = now.components.map(({ name, level_db }) => `${NOISE_COMPONENTS[name]} ${formatDb(level_db[band])}`);
      return [`${Math.round(edges[band])}\u2013${Math.round(edges[band + 1])} Hz`, ...rest, ...components].join("  ·  ");
    },
  };
}

/**
 * Ranges of audible bands, [from, to).
 * @param {ArrayLike<number>} levels
 */
export function soundingRuns(levels) {
  /** @type {[number, number][]} */
  const runs = [];
  for (let band = 0; band < levels.length; band++) {
    if (levels[band] < -150) continue;
    const last = runs.at(-1);
    if (last?.[1] === band) last[1] = band + 1;
    else runs.push([band, band + 1]);
  }
  return runs;
}

/**
 * Words in place of a plot.
 * @param {HTMLCanvasElement} canvas
 * @param {string} words
 */
export function drawWords(canvas, words) {
  const { pen, height } = beginPlot(canvas, true);
  pen.fillStyle = COLORS.quiet;
  pen.font = "12px system-ui, sans-serif";
  pen.fillText(words, 12, height / 2);
}
