// @ts-check
// The fast transform against the definition of the DFT, and levels against a sinusoid's closed form.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fft, spectrumDb } from "../../../ui/editor/audio/fft.js";
import { randomNumbers } from "../random.js";

/**
 * The definition: X[k] = sum over n of x[n] e^(-2 pi i k n / N).
 * @param {Float64Array} re
 * @param {Float64Array} im
 */
function naiveDft(re, im) {
  const size = re.length;
  const out = { re: new Float64Array(size), im: new Float64Array(size) };
  for (let k = 0; k < size; k++) {
    for (let n = 0; n < size; n++) {
      const angle = (-2 * Math.PI * k * n) / size;
      out.re[k] += re[n] * Math.cos(angle) - im[n] * Math.sin(angle);
      out.im[k] += re[n] * Math.sin(angle) + im[n] * Math.cos(angle);
    }
  }
  return out;
}

/**
 * @param {Float64Array} actual
 * @param {Float64Array} expected
 */
function assertClose(actual, expected) {
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-9, `${i}: ${value} is not ${expected[i]}`));
}

for (const size of [1, 2, 8, 128]) {
  test(`a transform of ${size} agrees with the definition`, () => {
    const random = randomNumbers(size);
    const re = Float64Array.from({ length: size }, random);
    const im = Float64Array.from({ length: size }, random);
    const expected = naiveDft(re, im);
    fft(re, im);
    assertClose(re, expected.re);
    assertClose(im, expected.im);
  });
}

test("the inverse gives the signal back, times its length", () => {
  const random = randomNumbers(3);
  const signal = Float64Array.from({ length: 64 }, random);
  const re = signal.slice();
  const im = new Float64Array(64);
  fft(re, im);
  fft(re, im, true);
  assertClose(re, signal.map((value) => 64 * value));
  assertClose(im, new Float64Array(64));
});

test("a steady sinusoid of amplitude 1 reads 0 dB, and half of it 6.02 dB less", () => {
  const size = 4096;
  const bin = 300;
  const wave = Float32Array.from({ length: size }, (_, n) => Math.cos((2 * Math.PI * bin * n) / size));
  assert.ok(Math.abs(spectrumDb(wave, size)[bin]) < 0.02);
  const half = spectrumDb(wave.map((value) => value / 2), size)[bin];
  assert.ok(Math.abs(half + 20 * Math.log10(2)) < 0.02);
});
