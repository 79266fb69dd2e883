import assert from "node:assert/strict";
import { test } from "node:test";

import { createExtremes } from "../../../ui/editor/timeline/extremes.js";
import { createFilm } from "../../../ui/editor/timeline/film.js";
import { drawHits } from "../../../ui/editor/timeline/lanes.js";
import { addSpectrogram, halve, ROWS } from "../../../ui/editor/timeline/spectrum_strip.js";
import { createScale, layLanes } from "../../../ui/editor/timeline/scale.js";
import { curveOf, drawCurve, drawWaveform, seenVelocity, waveformOf } from "../../../ui/editor/timeline/shapes.js";

const WIDTH = 1000;
const HALF_HOUR_S = 1800;

/** A context that counts the calls of each of its methods, and keeps the corners of lines and rectangles. */
function countingContext() {
  /** @type {Record<string, number>} */
  const calls = {};
  /** @type {number[][]} */
  const points = [];
  /** @type {number[][]} */
  const columns = [];
  const context = new Proxy(/** @type {Record<string, unknown>} */ ({}), {
    get: (target, name) => target[String(name)] ?? ((/** @type {number[]} */ ...given) => {
      calls[String(name)] = (calls[String(name)] ?? 0) + 1;
      if (name === "lineTo") points.push(given);
      if (name === "fillRect") columns.push(given);
    }),
  });
  return { context: /** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (context)), calls, points, columns };
}

/** @param {number} px_per_s */
function scaleAt(px_per_s) {
  const scale = createScale();
  scale.setClip({ duration_s: HALF_HOUR_S, frame_rate: "25" });
  scale.setWidth(WIDTH);
  if (px_per_s) scale.zoom(px_per_s / scale.px_per_s, 500);
  return scale;
}

test("extremes of any stretch are those of its values, from few of them", () => {
  const values = Float32Array.from({ length: 720_000 }, (_, k) => Math.sin(k * 12.9898) * 43758.5453 % 1);
  let reads = 0;
  const read = (/** @type {number} */ k) => {
    reads++;
    return values[k];
  };
  const extremes = createExtremes(values.length, read, read);
  for (const [from, to] of [[0, values.length], [1, values.length - 1], [7, 17], [512, 513], [100, 100_003], [719_999, 720_000]]) {
    reads = 0;
    const stretch = values.subarray(from, to);
    assert.deepEqual(extremes(from, to), [stretch.reduce((a, b) => Math.min(a, b), 2), stretch.reduce((a, b) => Math.max(a, b), -2)], `${from} to ${to}`);
    assert.ok(reads <= 64, `${reads} reads`);
  }
  assert.deepEqual(extremes(5, 5), [Infinity, -Infinity]);
});

test("half an hour of sound and curve is drawn with a few points a pixel, and as the values are", () => {
  const lane = layLanes(400, true).clip ?? { top: 0, height: 40 };
  const waveform = new Int8Array(2 * 400 * HALF_HOUR_S);
  waveform[2 * 400 * 900 + 1] = 120; // one loud value in the middle of silence
  const scale = scaleAt(0);
  const drawn = countingContext();
  drawWaveform(drawn.context, scale, lane, waveformOf(waveform, 400), "");
  assert.ok(drawn.columns.length <= WIDTH + 4);
  const tallest = Math.min(...drawn.columns.map(([, y]) => y));
  const [x] = drawn.columns.find(([, y]) => y === tallest) ?? [];
  assert.ok(Math.abs((x ?? 0) - scale.x(900)) <= 1);
  const curve = countingContext();
  drawCurve(curve.context, scale, lane, curveOf(new Float32Array(100 * HALF_HOUR_S), 100), "#000000");
  assert.ok(curve.points.length <= WIDTH + 4);
});

test("a hit put by hand has the velocity that is seen there, where the picture was looked at", () => {
  const seen = { rate_hz: 100, velocity: new Float32Array([0, 0.25, 0.5, 1]) };
  assert.deepEqual([0, 0.012, 0.02, 9].map((time_s) => seenVelocity(seen, time_s)), [-24, -18, -12, 0]);
  assert.equal(seenVelocity({ ...seen, velocity: null }, 0), null);
  assert.equal(seenVelocity(null, 0), null);
});

test("of 500 hits those in sight are drawn", () => {
  const sounds = [{ id: "s" }];
  const hits = Array.from({ length: 500 }, (_, k) => ({ id: `h${k}`, time_s: 3.6 * k, sound_id: "s", velocity_db: 0, mute: false }));
  const state = { selected: new Set(hits.map(({ id }) => id)), hovered: null, isFresh: () => true, pulse: 0 };
  const project = /** @type {import("../../../ui/editor/state/types.d.ts").Project} */ (/** @type {unknown} */ ({ hits, sounds }));
  for (const [px_per_s, seen] of [[0, 500], [50, 6]]) {
    const { context, calls } = countingContext();
    drawHits(context, scaleAt(px_per_s), layLanes(400, true).hits, project, state);
    assert.ok(Math.abs(calls.closePath - seen) <= 1, `${calls.closePath} hits drawn at ${px_per_s}`);
    assert.ok(calls.fill <= 2 && (calls.stroke ?? 0) <= 1, "heads of alike hits are one path, and no stem is");
    assert.ok(calls.fillRect <= Math.min(seen + 1, WIDTH), "a stem in each column of pixels");
  }
});

/**
 * A black picture with spectrograms of one shade each.
 * @param {number} width
 * @param {[number, number, number, number][]} each shade, columns, left_px, column_px
 */
function addAll(width, each) {
  const pixels = new Uint8ClampedArray(4 * width * ROWS);
  for (const [shade, columns, left_px, column_px] of each) addSpectrogram(pixels, width, halve(new Uint8Array(columns * ROWS).fill(shade)), left_px, column_px, 1);
  return pixels;
}

test("spectrograms add as light does, wherever they lie", () => {
  const [one, other] = [/** @type {[number, number, number, number]} */ ([90, 40, 10.4, 0.7]), /** @type {[number, number, number, number]} */ ([200, 7, 25, 3])];
  const [both, turned, first, second] = [[one, other], [other, one], [one], [other]].map((each) => addAll(60, each));
  assert.deepEqual(both, turned);
  assert.ok(both.every((value, i) => value === Math.min(255, first[i] + second[i])));
  const lit = Array.from({ length: 60 }, (_, x) => x).filter((x) => first[4 * x] > 0);
  assert.deepEqual([lit[0], lit[lit.length - 1] + 1], [10, Math.ceil(10.4 + 40 * 0.7)], "as wide as it lasts");
  assert.ok(addAll(60, [[90, 40, -100, 1], [90, 40, 60, 1]]).every((value) => value === 0), "nothing of what is out of sight");
  assert.equal(addAll(60, [[90, 300, 30.2, 0.001]]).filter((value, i) => i % 4 === 0 && value > 0).length, ROWS, "one column of what is narrower than a pixel");
});

test("the brightest column of a spectrogram is seen from any distance", () => {
  for (const at of [0, 1, 170]) {
    const shades = new Uint8Array(171 * ROWS);
    shades.fill(255, at * ROWS, (at + 1) * ROWS);
    for (const level of halve(shades)) assert.equal(level.filter((shade) => shade === 255).length, ROWS);
  }
});

test("a clip that comes up while another one's pictures are about to be fetched gets its own", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {string[]} */
  const fetched = [];
  Object.assign(globalThis, { devicePixelRatio: 1, Image: class { set src(/** @type {string} */ address) { fetched.push(address); } } });
  /** @type {any} */
  const store = { view: { project: null }, address: (/** @type {string} */ route) => `/${route}` };
  const film = createFilm(store, () => {});
  const lane = layLanes(400, true).clip ?? { top: 0, height: 40 };
  for (const digest of ["first", "second"]) {
    /** @type {any} */
    const clip = { digest, duration_s: HALF_HOUR_S, width: 160, height: 90 };
    store.view.project = { clip };
    film.setClip(clip);
    film.draw(countingContext().context, scaleAt(0), lane, clip, true);
    context.mock.timers.tick(100);
  }
  context.mock.timers.tick(100);
  assert.ok(fetched.length > 0 && fetched.every((address) => address.endsWith("v=second")), fetched.join());
});
