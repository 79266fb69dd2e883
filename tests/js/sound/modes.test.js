// @ts-check
// The plot of the modes: its axes, tails, and what lies under the pointer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { byFrequency, chooseBeside } from "../../../ui/editor/sound/chosen.js";
import { modesInBox, modeUnder } from "../../../ui/editor/sound/mode_picking.js";
import { strokeOver } from "../../../ui/editor/sound/noise_strokes.js";
import { planeOf, rangeOf, tailDecay, tailLength } from "../../../ui/editor/sound/modes_plot.js";
import { unpackFloats } from "../../../ui/editor/sound/packed_floats.js";

const PLANE = planeOf(638, 332, { low_hz: 20, high_hz: 20000 }, { top_db: 0, bottom_db: -60 }); // 38 to 628, 10 to 310
const MODES = { frequency_hz: [200, 2000], power_db: [-30, -30], decay_per_s: [10, 10] };
const NONE = /** @type {Set<number>} */ (new Set());

test("frequency is logarithmic and level linear, and both can be read back", () => {
  assert.ok(Math.abs(PLANE.x(Math.sqrt(20 * 20000)) - (38 + 628) / 2) < 1e-9);
  assert.ok(Math.abs(PLANE.y(-30) - 160) < 1e-9);
  assert.ok(Math.abs(PLANE.hz(PLANE.x(1234)) - 1234) < 1e-9);
  assert.ok(Math.abs(PLANE.db(PLANE.y(-12.3)) + 12.3) < 1e-9);
  assert.ok(Math.abs(PLANE.hz(PLANE.x(500) + 40) - 500 * PLANE.ratioOf(40)) < 1e-9);
});

test("tails grow with the logarithm of T60", () => {
  assert.ok(Math.abs(tailLength(Math.log(1000) / 0.099) - 30) < 1e-9); // 30 log10(1 + 0.099 / 0.011)
  assert.ok(Math.abs(tailDecay(tailLength(7)) - 7) < 1e-9);
});

test("levels fit between tens, 60 to 100 dB apart, muted modes aside", () => {
  const muted = [false, false, true];
  const modes = { frequency_hz: [1, 2, 3], power_db: [-14, -20, -150], decay_per_s: [1, 1, 1], phase_rad: [0, 0, 0], muted };
  assert.deepEqual(rangeOf(modes), { top_db: -10, bottom_db: -70 });
  assert.deepEqual(rangeOf({ ...modes, muted: [false, false, false] }), { top_db: -10, bottom_db: -110 });
});

test("a head, a stem, and the tail of a selected mode are picked", () => {
  const x = PLANE.x(200);
  assert.equal(modeUnder(MODES, { x: x + 5, y: 155 }, PLANE, NONE, null).index, 0);
  assert.equal(modeUnder(MODES, { x: x + 3, y: 280 }, PLANE, NONE, null).index, 0);
  assert.equal(modeUnder(MODES, { x: x + 60, y: 100 }, PLANE, NONE, null).index, null);
  const end = { x: x + tailLength(10), y: 160 };
  assert.equal(modeUnder(MODES, end, PLANE, NONE, null).index, null);
  assert.equal(modeUnder(MODES, end, PLANE, new Set([0]), null).tail, true);
});

test("a box takes the heads in it, from any corner", () => {
  assert.deepEqual(modesInBox(MODES, { x0: 628, y0: 200, x1: 38, y1: 100 }, PLANE), [0, 1]);
  assert.deepEqual(modesInBox(MODES, { x0: PLANE.x(1000), y0: 100, x1: 628, y1: 200 }, PLANE), [1]);
});

test("keys go from mode to mode by frequency, from the ends where none is chosen, and no further than the ends", () => {
  const order = byFrequency({ frequency_hz: [880, 220, 440] });
  assert.deepEqual(order, [1, 2, 0]);
  assert.deepEqual([chooseBeside(order, NONE, 1), chooseBeside(order, NONE, -1)], [1, 0]);
  assert.deepEqual([chooseBeside(order, new Set([2]), 1), chooseBeside(order, new Set([2]), -1)], [0, 1]);
  assert.deepEqual([chooseBeside(order, new Set([1, 2]), 1), chooseBeside(order, new Set([0, 2]), -1)], [0, 1]);
  assert.deepEqual([chooseBeside(order, new Set([0]), 1), chooseBeside(order, new Set([0, 1, 2]), -1)], [0, 1]);
  assert.equal(chooseBeside([], NONE, 1), null);
});

test("a stroke over noise bands leaves no gap", () => {
  assert.deepEqual(strokeOver({ index: 3, value: 1 }, { index: 1, value: 0 }), { indices: [3, 2, 1], values: [1, 0.5, 0] });
  assert.deepEqual(strokeOver({ index: 2, value: 1 }, { index: 2, value: 5 }), { indices: [2], values: [5] });
});

test("floats take the place of what names them", () => {
  const text = new TextEncoder().encode('{"a":{"at":1,"shape":[1,2]},"b":[{"at":0,"shape":[1]},null,"c"]}  ');
  const padded = Math.ceil(text.length / 4) * 4;
  const buffer = new ArrayBuffer(4 + padded + 12);
  new DataView(buffer).setUint32(0, padded, true);
  new Uint8Array(buffer, 4, padded).fill(32);
  new Uint8Array(buffer, 4).set(text);
  new Float32Array(buffer, 4 + padded).set([1, 2, 3]);
  assert.deepEqual(unpackFloats(buffer), { a: Float32Array.from([2, 3]), b: [Float32Array.from([1]), null, "c"] });
});
