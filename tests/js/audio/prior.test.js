// @ts-check
// The analytic prior against its closed form.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bandNoise, durationOf, envelopeGain, envelopeGains, riseGain, synthesize } from "../../../ui/editor/audio/prior.js";

/** @import { Physics } from "../../../ui/editor/state/types.d.ts" */

/** @type {Physics} */
const TWO_MODES = {
  modes: { frequency_hz: [440, 1234.5, 900], power_db: [-6, -12, 0], decay_per_s: [5, 20, 1], phase_rad: [0.3, -1, 0], muted: [false, false, true] },
  residual: null,
};

test("modes are decaying cosines, muted ones are silent", () => {
  synthesize(TWO_MODES, 0.2).forEach((value, n) => {
    const t = n / 48000;
    const expected = 10 ** (-6 / 20) * Math.cos(2 * Math.PI * 440 * t + 0.3) * Math.exp(-5 * t)
      + 10 ** (-12 / 20) * Math.cos(2 * Math.PI * 1234.5 * t - 1) * Math.exp(-20 * t);
    assert.ok(Math.abs(value - expected) < 1e-6, `${n}: ${value} is not ${expected}`);
  });
});

test("a sound lasts until it has fallen by 60 dB, T60 = ln(1000) / decay", () => {
  const one = { modes: { frequency_hz: [440], power_db: [-20], decay_per_s: [4], phase_rad: [0], muted: [false] }, residual: null };
  assert.ok(Math.abs(durationOf(one) - Math.log(1000) / 4) < 1e-9);
});

test("looping noise has a mean square of 1, and none above Nyquist", () => {
  const [band] = bandNoise([1000, 2000]);
  const [above] = bandNoise([24000, 30000]);
  assert.ok(band);
  assert.ok(Math.abs(band.reduce((sum, value) => sum + value * value, 0) / band.length - 1) < 1e-4);
  assert.equal(above, null);
});

test("the rise is a raised cosine and the fine envelope is straight between its steps", () => {
  assert.ok(Math.abs(riseGain(0.001, 0.002) - 0.5) < 1e-12);
  assert.equal(riseGain(0.003, 0.002), 1);
  const gains = envelopeGains([20, 0]) ?? [];
  assert.deepEqual(gains, [10, 1, 1]);
  assert.ok(Math.abs(envelopeGain(gains, 0.0025) - 5.5) < 1e-9);
  assert.equal(envelopeGain(gains, 1), 1);
  assert.equal(envelopeGains([]), null);
});
