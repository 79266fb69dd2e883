// @ts-check
// The fractional delay against the engine's kernels (data/delay_kernels.json), and peaks counted by hand.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { DELAY_LEAD, delayKernel, peakPairs, placeOf } from "../../../ui/editor/audio/buffers.js";

const CASES = /** @type {{fraction: number, kernel: number[]}[]} */ (JSON.parse(readFileSync(new URL("../data/delay_kernels.json", import.meta.url), "utf8")));

test("the delay kernel is the engine's", () => {
  for (const { fraction, kernel } of CASES) {
    delayKernel(fraction).forEach((value, i) => assert.ok(Math.abs(value - kernel[i]) < 1e-6, `${fraction}[${i}]`));
  }
});

test("no fraction is an impulse at the lead", () => {
  delayKernel(0).forEach((value, i) => assert.ok(Math.abs(value - (i === DELAY_LEAD ? 1 : 0)) < 1e-12));
});

test("a time is a sample and a 64th of one", () => {
  assert.deepEqual(placeOf(1), { first: 48000, fraction: 0 });
  assert.deepEqual(placeOf(10.26 / 48000), { first: 10, fraction: 17 / 64 });
});

test("peaks are the least and the greatest of each part", () => {
  const samples = Float32Array.from([0, 1, -1, 0.5, 0.25, -0.5]);
  assert.deepEqual([...peakPairs(samples, 2)], [-1, 1, -0.5, 0.5]);
  assert.deepEqual([...peakPairs(samples, 3)], [0, 1, -1, 0.5, -0.5, 0.25]);
});
