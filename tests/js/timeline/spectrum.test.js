// @ts-check
// Spectra: a tone lies at its frequency and level.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createTransform, frequencyAxis, rowBins } from "../../../ui/editor/timeline/spectrum.js";

test("a sine of full scale has 0 dB at its own bin and nothing far from it", () => {
  const size = 1024;
  const k = 96;
  const tone = Float32Array.from({ length: size }, (_, n) => Math.sin((2 * Math.PI * k * n) / size));
  const powers = createTransform(size)(tone, 0);
  assert.ok(Math.abs(10 * Math.log10(powers[k])) < 0.01);
  assert.ok(10 * Math.log10(powers[k + 20]) < -100);
});

test("rows cover the axis from the top without gaps, and places are the inverse of frequencies", () => {
  const bins = rowBins(72, 1024, 60, 18000);
  assert.equal(bins[0][1], Math.round((18000 * 1024) / 48000));
  for (let row = 1; row < 30; row++) assert.ok(bins[row][1] >= bins[row - 1][0]);
  const axis = frequencyAxis(30, 22000);
  assert.equal(axis.part(22000), 0);
  for (const hz of [30, 440, 9000]) assert.ok(Math.abs(axis.hz(axis.part(hz)) - hz) < 1e-6 * hz);
});
