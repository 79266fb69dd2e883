// @ts-check
// The analytic prior against its closed form.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bandNoise, durationOf, envelopeGain, envelopeGains, riseGain, risePeakDb, synthesize, synthesizeWhole } from "../../../ui/editor/audio/prior.js";

/** @import { Physics } from "../../../ui/editor/state/types.d.ts" */

const HALF_SAMPLE_S = 0.5 / 48000;

/**
 * One decaying mode.
 * @param {number} frequency_hz
 * @param {number} decay_per_s
 */
const ring = (frequency_hz, decay_per_s, power_db = -12) => ({ frequency_hz: [frequency_hz], power_db: [power_db], decay_per_s: [decay_per_s], phase_rad: [0], muted: [false] });

/** @param {Float32Array} samples */
const peakOf = (samples) => samples.reduce((top, value) => Math.max(top, Math.abs(value)), 0);

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
  assert.ok(Math.abs(riseGain(0.001 - HALF_SAMPLE_S, 0.002) - 0.5) < 1e-12);
  assert.equal(riseGain(0.003, 0.002), 1);
  const gains = envelopeGains([20, 0]) ?? [];
  assert.deepEqual(gains, [10, 1, 1]);
  assert.ok(Math.abs(envelopeGain(gains, 0.0025) - 5.5) < 1e-9);
  assert.equal(envelopeGain(gains, 1), 1);
  assert.equal(envelopeGains([]), null);
});

test("a rise much shorter than a sample does nothing, and a longer one sets in from there", () => {
  assert.equal(riseGain(0, 1e-6), 1);
  let before = 1;
  for (let rise_s = 0; rise_s < 1e-3; rise_s += 1e-6) {
    const gain = riseGain(0, rise_s);
    assert.ok(gain <= before && before - gain < 0.1, `${rise_s}`);
    before = gain;
  }
});

test("a decay peaks under a rise where their product is largest", () => {
  for (const decay of [0, 30, 900]) {
    let top = 0;
    for (let t = 0; t < 0.11; t += 1e-5) top = Math.max(top, riseGain(t - HALF_SAMPLE_S, 0.1) * Math.exp(-decay * t));
    assert.ok(Math.abs(risePeakDb(decay, 0.1) - 20 * Math.log10(top)) < 0.01, `${decay}`);
  }
  assert.equal(risePeakDb(900, 0), 0);
});

test("the length follows what sounds, and the peak that it comes to", () => {
  const alone = durationOf({ modes: ring(440, 4, -40), residual: null });
  const above = { edges_hz: [24000, 26000], power_db: [0], decay_per_s: [500], room: null, tail: null, attack: null, rise_s: 0, envelope_db: [] };
  assert.equal(durationOf({ modes: ring(440, 4, -40), residual: above }), alone);
  const slow = { ...above, edges_hz: [], power_db: [], decay_per_s: [], rise_s: 0.1 };
  const physics = { modes: ring(2000, 100, -6), residual: slow };
  const whole = synthesize(physics, 1);
  assert.ok(peakOf(whole.slice(Math.ceil(durationOf(physics) * 48000))) < 1.5e-3 * peakOf(whole));
});

test("the end fades, and slowly where the sound is cut while it rings", () => {
  const physics = { modes: ring(440, Math.log(1000) / 60), residual: null };
  const sound = synthesizeWhole(physics, 4);
  const own = synthesize(physics, 4);
  assert.equal(sound.length, own.length);
  assert.equal(sound[sound.length - 1], 0);
  assert.ok(peakOf(sound.slice(-480)) < 1e-3 * peakOf(sound));
  assert.deepEqual(sound.slice(0, -48000), own.slice(0, -48000));
  const short = synthesizeWhole({ modes: ring(440, 300), residual: null });
  assert.equal(short[short.length - 1], 0);
});
