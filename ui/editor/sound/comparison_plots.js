// Plots of a sound beside its recording: spectrum, decay, the error over time and frequency, and the noise by stage.
//
// Each ``draw…`` fills a canvas and returns its plane: {left, right, top, bottom, pick(x, y) -> what lies there}.

import { clamp } from "../audio/units.js";
import { formatDb, formatHz, formatSeconds } from "../widgets/format.js";

export const STAGE_COLORS = { attack: "#ff7b72", strike: "#a78bfa", tail: "#6cb6ff", room: "#4fd1c5" };
const INK = { ground: "#11151b", grid: "#1d232c", gridStrong: "#2a313c", quiet: "#93a0b0", measured: "#cfd6df", fill: "#2b333f", cursor: "#ffb454" };
const VIOLET = "#a78bfa";
const BLUE = "#6cb6ff";
const QUIET_ERROR = [76, 160, 255]; // too quiet: blue; too loud: orange; told apart with any kind of colour vision
const NO_ERROR = [33, 39, 48];
const LOUD_ERROR = [255, 150, 62];
export const MOST_ERROR_DB = 24;
const FONT = "10.5px ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace";
const HZ_MARKS = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000];
const TIME_STEPS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const EARLY_MARKS_S = [0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4];

/**
 * The line for noise, apart from the sound's own colour.
 * @param {string} color
 */
export const noiseColor = (color) => (color === VIOLET ? BLUE : VIOLET);
/**
 * @param {string} color
 * @param {number} part
 */
const alpha = (color, part) => color + Math.round(part * 255).toString(16).padStart(2, "0");
/** @param {string} text */
const minus = (text) => text.replace("-", "\u2212");
/** @param {number} hz */
const hertz = (hz) => (hz >= 1000 ? `${hz / 1000}k` : String(hz));

/**
 * "rgb(…)" of an error in dB.
 * @param {number} error_db
 */
export function errorColor(error_db) {
  const [r, g, b] = errorInk(error_db);
  return `rgb(${r} ${g} ${b})`;
}

/** @param {number} error_db */
function errorInk(error_db) {
  const part = clamp(Math.abs(error_db) / MOST_ERROR_DB, 0, 1) ** 0.8;
  const end = error_db < 0 ? QUIET_ERROR : LOUD_ERROR;
  return NO_ERROR.map((v, i) => Math.round(v + (end[i] - v) * part));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} isSmall
 */
function begin(canvas, isSmall) {
  const { clientWidth: width, clientHeight: height } = canvas.parentElement;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.fillStyle = INK.ground;
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
function stroke(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}

/**
 * @param {Plane} plane
 * @param {number} top_db
 * @param {number} span_db
 */
function levelAxis(plane, top_db, span_db) {
  plane.y = (level_db) => plane.top + clamp((top_db - level_db) / span_db, 0, 1) * (plane.bottom - plane.top);
  const { pen } = plane;
  const step = plane.bottom - plane.top < 70 ? 40 : 20;
  for (let level_db = top_db; level_db >= top_db - span_db; level_db -= plane.isSmall ? 20 : 10) {
    const y = Math.round(plane.y(level_db)) + 0.5;
    pen.strokeStyle = level_db % step ? INK.grid : INK.gridStrong;
    stroke(pen, [[plane.left, y], [plane.right, y]]);
    if (plane.isSmall || level_db % step) continue;
    pen.fillStyle = INK.quiet;
    pen.textAlign = "right";
    if (y < plane.bottom - 14) pen.fillText(minus(String(level_db)), plane.left - 7, Math.max(8, y));
  }
  unit(plane, "dB");
}

/**
 * The unit stands where the axes meet, in place of a number.
 * @param {Plane} plane
 * @param {string} text
 */
function unit(plane, text) {
  if (plane.isSmall) return;
  plane.pen.fillStyle = INK.quiet;
  plane.pen.textAlign = "right";
  plane.pen.fillText(text, plane.left - 7, plane.bottom - 3);
}

/**
 * @param {Plane} plane
 * @param {number} low_hz
 * @param {number} high_hz
 */
function frequencyAxis(plane, low_hz, high_hz) {
  const span = Math.log(high_hz / low_hz);
  plane.x = (hz) => plane.left + clamp(Math.log(hz / low_hz) / span, 0, 1) * (plane.right - plane.left);
  plane.hz = (x) => low_hz * Math.exp(clamp((x - plane.left) / (plane.right - plane.left), 0, 1) * span);
  ticks(plane, HZ_MARKS.filter((hz) => hz >= low_hz * 0.99 && hz <= high_hz * 1.01), hertz, "Hz", [100, 1000, 10000]);
}

/**
 * Time as the square root of it, so that the attack has room.
 * @param {Plane} plane
 * @param {number} end_s
 */
function earlyAxis(plane, end_s) {
  plane.x = (time_s) => plane.left + Math.sqrt(clamp(time_s / end_s, 0, 1)) * (plane.right - plane.left);
  plane.time = (x) => clamp((x - plane.left) / (plane.right - plane.left), 0, 1) ** 2 * end_s;
  ticks(plane, EARLY_MARKS_S.filter((time_s) => time_s <= end_s), String, "s", []);
}

/**
 * @param {Plane} plane
 * @param {number} end_s
 */
function timeAxis(plane, end_s) {
  plane.x = (time_s) => plane.left + clamp(time_s / end_s, 0, 1) * (plane.right - plane.left);
  plane.time = (x) => clamp((x - plane.left) / (plane.right - plane.left), 0, 1) * end_s;
  const step = TIME_STEPS_S.find((s) => (end_s / s) * 44 <= plane.right - plane.left) ?? 0.5;
  const marks = Array.from({ length: Math.floor(end_s / step + 1e-6) + 1 }, (_, k) => k * step);
  const decimals = step < 0.1 ? 2 : 1;
  ticks(plane, marks, (time_s) => (time_s ? time_s.toFixed(decimals) : "0"), "s", []);
}

/**
 * @param {Plane} plane
 * @param {number[]} marks
 * @param {(mark: number) => string} say
 * @param {string} name
 * @param {number[]} strong
 */
function ticks(plane, marks, say, name, strong) {
  const { pen } = plane;
  pen.textAlign = "center";
  let last = plane.left - 30;
  const named = pen.measureText(name).width;
  for (const mark of marks) {
    const x = Math.round(plane.x(mark)) + 0.5;
    pen.strokeStyle = strong.includes(mark) ? INK.gridStrong : INK.grid;
    stroke(pen, [[x, plane.top], [x, plane.bottom]]);
    if (plane.isSmall) continue;
    const at = clamp(x, plane.left + 5, plane.right - 12);
    if (at - last < 27 || at > plane.right - named - 14) continue;
    pen.fillStyle = INK.quiet;
    pen.fillText(say(mark), at, plane.bottom + 12);
    last = at;
  }
  if (plane.isSmall) return;
  pen.textAlign = "right";
  pen.fillStyle = INK.quiet;
  pen.fillText(name, plane.right, plane.bottom + 12);
}

/**
 * @param {Plane} plane
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number>} levels
 * @param {{color: string, width?: number, dash?: number[], fill?: string | null}} style
 */
function curve(plane, xs, levels, { color, width = 1.5, dash = [], fill = null }) {
  const { pen } = plane;
  if (!levels.length) return;
  const points = Array.from(levels, (level_db, i) => [xs[i], plane.y(level_db)]);
  pen.save();
  pen.beginPath();
  pen.rect(plane.left, plane.top - 1, plane.right - plane.left, plane.bottom - plane.top + 1);
  pen.clip();
  if (fill) {
    pen.beginPath();
    pen.moveTo(points[0][0], plane.bottom);
    for (const [x, y] of points) pen.lineTo(x, y);
    pen.lineTo(points.at(-1)[0], plane.bottom);
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
 * @param {Plane} plane
 * @param {number} x
 * @param {[number, string][]} ys
 */
function cursor(plane, x, ys) {
  const { pen } = plane;
  pen.strokeStyle = alpha(INK.cursor, 0.75);
  stroke(pen, [[Math.round(x) + 0.5, plane.top], [Math.round(x) + 0.5, plane.bottom]]);
  for (const [y, color] of ys) {
    pen.beginPath();
    pen.arc(x, y, 2.5, 0, 2 * Math.PI);
    pen.fillStyle = color;
    pen.fill();
  }
}

const topOf = (...lists) => {
  let most = -200;
  for (const values of lists) for (const value of values) most = Math.max(most, value);
  return Math.ceil((Math.max(most, -100) + 3) / 10) * 10;
};

/**
 * @param {Curves} curves
 * @param {number} index
 */
function describeLevels({ model: models, measured: recorded }, index) {
  const model = models[index];
  if (!recorded.length) return `model ${formatDb(model)}`;
  const measured = recorded[index];
  return `recording ${formatDb(measured)}  ·  model ${formatDb(model)}  ·  ${formatDb(model - measured, true)}`;
}

/**
 * @param {Plane} plane
 * @param {ArrayLike<number>} xs
 * @param {Curves} data
 * @param {Curves | undefined} before
 * @param {string} color
 */
function drawCurves(plane, xs, data, before, color) {
  curve(plane, xs, data.measured, { color: INK.measured, width: 1, fill: INK.fill });
  if (!plane.isSmall) curve(plane, xs, data.noise, { color: noiseColor(color), width: 1, dash: [3, 3] });
  if (before) curve(plane, xs, before.model, { color: alpha(color, 0.6), width: 1, dash: [6, 3] });
  curve(plane, xs, data.model, { color, width: plane.isSmall ? 1.25 : 1.75, fill: data.measured.length ? null : alpha(color, 0.12) });
}

/**
 * Energy by frequency. ``look``: {now, before?, color, cursor: index or null, small}.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 */
export function drawSpectrum(canvas, { now, before, color, cursor: at, small }) {
  const plane = begin(canvas, small);
  const hz = now.frequency_hz;
  const { spectrum } = now;
  levelAxis(plane, topOf(spectrum.measured, spectrum.model), 80);
  frequencyAxis(plane, hz[0], hz.at(-1));
  const xs = Array.from(hz, plane.x);
  drawCurves(plane, xs, spectrum, before?.spectrum, color);
  const { pen } = plane;
  pen.strokeStyle = alpha(color, small ? 0.3 : 0.45);
  pen.fillStyle = alpha(color, 0.9);
  now.stem_hz.forEach((stem_hz, i) => {
    if (stem_hz < hz[0] || stem_hz > hz.at(-1)) return;
    const x = plane.x(stem_hz);
    const y = plane.y(now.stem_db[i]);
    stroke(pen, [[x, plane.bottom], [x, y]]);
    if (!small) pen.fillRect(x - 1.5, y - 1.5, 3, 3);
  });
  if (at !== null) cursor(plane, xs[at], [[plane.y(spectrum.model[at]), color], ...(spectrum.measured.length ? [[plane.y(spectrum.measured[at]), INK.measured]] : [])]);
  plane.count = hz.length;
  plane.place = (index) => [xs[index], plane.top];
  plane.pick = (x) => clamp(Math.round((Math.log(plane.hz(x) / hz[0]) / Math.log(hz.at(-1) / hz[0])) * (hz.length - 1)), 0, hz.length - 1);
  plane.say = (index) => `${formatHz(Math.round(hz[index])).replace(".0", "")}  ·  ${describeLevels(spectrum, index)}`;
  return plane;
}

/**
 * Level by time.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 */
export function drawDecay(canvas, { now, before, color, cursor: at, small }) {
  const plane = begin(canvas, small);
  const { level, time_s } = now;
  const step_s = time_s[1] - time_s[0];
  levelAxis(plane, topOf(level.measured, level.model), 80);
  timeAxis(plane, time_s.at(-1) + step_s);
  const xs = Array.from(time_s, (t) => plane.x(t + step_s / 2));
  drawCurves(plane, xs, level, before?.level, color);
  if (at !== null) cursor(plane, xs[at], [[plane.y(level.model[at]), color], ...(level.measured.length ? [[plane.y(level.measured[at]), INK.measured]] : [])]);
  plane.count = time_s.length;
  plane.place = (index) => [xs[index], plane.top];
  plane.pick = (x) => clamp(Math.floor(plane.time(x) / step_s), 0, time_s.length - 1);
  plane.say = (index) => `${formatSeconds(time_s[index])}  ·  ${describeLevels(level, index)}`;
  return plane;
}

/**
 * Model less recording, by time and frequency; ``pick`` gives band * columns + column.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 */
export function drawError(canvas, { now, cursor: at }) {
  const plane = begin(canvas, false);
  plane.right -= 34;
  const { pen } = plane;
  const { band_edges_hz: edges, band_error_db: errors, band_measured_db: measured, time_s } = now;
  const bands = edges.length - 1;
  const columns = time_s.length;
  const step_s = time_s[1] - time_s[0];
  earlyAxis(plane, columns * step_s);
  const width = Math.max(1, Math.round(plane.right - plane.left));
  const picture = new ImageData(width, bands);
  const ground = [17, 21, 27];
  for (let x = 0; x < width; x++) {
    const k = Math.min(columns - 1, Math.floor(plane.time(plane.left + x + 0.5) / step_s));
    for (let band = 0; band < bands; band++) {
      const error_db = errors[band * columns + k];
      picture.data.set([...(Number.isNaN(error_db) ? ground : errorInk(error_db)), 255], ((bands - 1 - band) * width + x) * 4);
    }
  }
  const store = new OffscreenCanvas(width, bands);
  store.getContext("2d").putImageData(picture, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(store, plane.left, plane.top, width, plane.bottom - plane.top);
  const rows = plane.bottom - plane.top;
  /** @param {number} band */
  const height = (band) => plane.bottom - (band / bands) * rows;
  pen.textAlign = "right";
  pen.fillStyle = INK.quiet;
  for (const hz of [100, 500, 1000, 2000, 5000, 10000]) {
    const above = edges.findIndex((edge) => edge > hz);
    if (above < 1) continue;
    const y = height(above - 1 + (hz - edges[above - 1]) / (edges[above] - edges[above - 1]));
    if (rows > 110 || ![500, 2000].includes(hz)) pen.fillText(hertz(hz), plane.left - 7, y);
    pen.fillRect(plane.left - 4, Math.round(y), 3, 1);
  }
  pen.fillText("Hz", plane.left - 7, plane.top + 3);
  drawScale(plane);
  plane.count = bands * columns;
  plane.columns = columns;
  plane.pick = (x, y) => clamp(Math.floor(((plane.bottom - y) / rows) * bands), 0, bands - 1) * columns + clamp(Math.floor(plane.time(x) / step_s), 0, columns - 1);
  plane.place = (index) => [plane.x(((index % columns) + 0.5) * step_s), height(Math.floor(index / columns) + 1)];
  plane.say = (index) => {
    const band = Math.floor(index / columns);
    const where = `${Math.round(edges[band])}\u2013${Math.round(edges[band + 1])} Hz  ·  ${formatSeconds(time_s[index % columns])}`;
    const error_db = errors[index];
    if (Number.isNaN(error_db)) return `${where}  ·  both 60 dB under the peak`;
    const most = Math.abs(error_db) >= MOST_ERROR_DB - 0.05 ? " or more" : "";
    return `${where}  ·  recording ${formatDb(measured[index])}  ·  model ${formatDb(error_db, true)}${most}`;
  };
  if (at !== null) {
    pen.strokeStyle = INK.cursor;
    const [x, y] = plane.place(at);
    pen.strokeRect(x - 3.5, y - 1, 7, Math.max(4, rows / bands + 2));
  }
  return plane;
}

/** @param {Plane} plane */
function drawScale(plane) {
  const { pen } = plane;
  const x = plane.right + 8;
  for (let y = plane.top; y < plane.bottom; y++) {
    pen.fillStyle = errorColor(MOST_ERROR_DB * (1 - (2 * (y - plane.top)) / (plane.bottom - plane.top - 1)));
    pen.fillRect(x, y, 5, 1);
  }
  pen.fillStyle = INK.quiet;
  pen.textAlign = "left";
  [[`+${MOST_ERROR_DB}`, plane.top + 4], ["0", (plane.top + plane.bottom) / 2], [`\u2212${MOST_ERROR_DB}`, plane.bottom - 4]].forEach(([text, y]) => pen.fillText(text, x + 9, y));
}

/**
 * The noise: what the modes leave of the recording, and the model's stages, in the residual's bands.
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 */
export function drawNoise(canvas, { now, cursor: at }) {
  const plane = begin(canvas, false);
  const edges = now.noise_edges_hz;
  const bands = Math.max(0, edges.length - 1);
  const sum = Array.from({ length: bands }, (_, b) => 10 * Math.log10(now.stages.reduce((total, { level_db }) => total + 10 ** (level_db[b] / 10), 1e-20)));
  levelAxis(plane, topOf(now.rest_db, sum), 80);
  frequencyAxis(plane, 20, 20000);
  const xs = Array.from(edges).flatMap((hz, i) => (i === 0 || i === bands ? [plane.x(Math.max(20, hz))] : [plane.x(hz), plane.x(hz)]));
  /** @param {ArrayLike<number>} levels */
  const steps = (levels) => Array.from(levels).flatMap((level_db) => [level_db, level_db]);
  if (bands) {
    curve(plane, xs, steps(now.rest_db), { color: INK.measured, width: 1, fill: INK.fill });
    for (const { name, level_db } of now.stages) {
      for (const [from, to] of soundingRuns(level_db)) curve(plane, xs.slice(2 * from, 2 * to), steps(level_db.slice(from, to)), { color: STAGE_COLORS[name] ?? VIOLET, width: 1.5 });
    }
  }
  /** @param {number} band */
  const middle = (band) => plane.x(Math.sqrt(Math.max(20, edges[band]) * edges[band + 1]));
  if (at !== null && at < bands) cursor(plane, middle(at), []);
  plane.count = bands;
  plane.pick = (x) => {
    const above = edges.findIndex((edge) => edge > plane.hz(x));
    return clamp((above < 0 ? bands : above) - 1, 0, Math.max(0, bands - 1));
  };
  plane.place = (band) => [middle(band), plane.top];
  plane.say = (band) => {
    const rest = now.rest_db.length ? [`recording less modes ${formatDb(now.rest_db[band])}`] : [];
    return [`${Math.round(edges[band])}\u2013${Math.round(edges[band + 1])} Hz`, ...rest, ...now.stages.map(({ name, level_db }) => `${name} ${formatDb(level_db[band])}`)].join("  ·  ");
  };
  return plane;
}

/**
 * Stretches of bands that sound at all, [from, to).
 * @param {ArrayLike<number>} levels
 */
function soundingRuns(levels) {
  /** @type {[number, number][]} */
  const runs = [];
  for (let band = 0; band < levels.length; band++) {
    if (levels[band] < -150) continue;
    if (runs.at(-1)?.[1] === band) runs.at(-1)[1] = band + 1;
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
  const { pen, height } = begin(canvas, true);
  pen.fillStyle = INK.quiet;
  pen.font = "12px system-ui, sans-serif";
  pen.fillText(words, 12, height / 2);
}
