// @ts-check
// A radix-2 complex FFT, in place, float64.

/** @type {Map<number, {cosines: Float64Array, sines: Float64Array}>} */
const plans = new Map();

/**
 * Roots of unity for a size.
 * @param {number} size
 */
function planOf(size) {
  let plan = plans.get(size);
  if (!plan) {
    const cosines = new Float64Array(size / 2);
    const sines = new Float64Array(size / 2);
    for (let k = 0; k < size / 2; k++) {
      cosines[k] = Math.cos((2 * Math.PI * k) / size);
      sines[k] = Math.sin((2 * Math.PI * k) / size);
    }
    plan = { cosines, sines };
    plans.set(size, plan);
  }
  return plan;
}

/**
 * Forward transform e^(-i...) of (re, im), both Float64Array of one power-of-two length; ``inverse`` is unscaled.
 * @param {Float64Array} re
 * @param {Float64Array} im
 */
export function fft(re, im, inverse = false) {
  const size = re.length;
  const { cosines, sines } = planOf(size);
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  const sign = inverse ? 1 : -1;
  for (let half = 1; half < size; half *= 2) {
    const stride = size / (2 * half);
    for (let start = 0; start < size; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const c = cosines[k * stride];
        const s = sign * sines[k * stride];
        const a = start + k;
        const b = a + half;
        const x = re[b] * c - im[b] * s;
        const y = re[b] * s + im[b] * c;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

/**
 * Magnitude in dB of a signal's head, so that a steady sinusoid of amplitude 1 reads 0 dB; bins 0..size/2.
 * @param {Float32Array} samples
 * @param {number} size
 */
export function spectrumDb(samples, size) {
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  const count = Math.min(size, samples.length);
  // A half-Hann window (1 at the onset, 0 at the end) keeps the attack, where the modes have their stated power.
  for (let i = 0; i < count; i++) re[i] = samples[i] * (0.5 + 0.5 * Math.cos((Math.PI * i) / size));
  fft(re, im);
  const levels = new Float32Array(size / 2 + 1);
  const scale = 2 / (size * 0.5);
  for (let k = 0; k <= size / 2; k++) levels[k] = 20 * Math.log10(Math.hypot(re[k], im[k]) * scale + 1e-12);
  return levels;
}
