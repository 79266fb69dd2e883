// @ts-check
// Spectra and their colours, shared by the lane and the large view: places of frequencies, ember shades, columns.

import { fft } from "../audio/fft.js";
import { SAMPLE_RATE_HZ } from "../audio/units.js";

export const FLOOR_DB = -76; // level at which nothing is drawn
export const CEILING_DB = -2;
export const MARKS_HZ = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000];

// Ember: clear, dark red, orange, amber, white.
const STOPS = [[0, 90, 24, 6, 0], [0.25, 128, 40, 10, 150], [0.55, 226, 88, 22, 225], [0.8, 255, 170, 70, 250], [1, 255, 240, 214, 255]];
export const EMBER = new Uint8ClampedArray(256 * 4);
for (let i = 0; i < 256; i++) {
  const at = i / 255;
  const next = Math.max(1, STOPS.findIndex(([place]) => place >= at));
  const [low, high] = [STOPS[next - 1], STOPS[next]];
  const part = (at - low[0]) / (high[0] - low[0]);
  for (let c = 0; c < 4; c++) EMBER[4 * i + c] = low[c + 1] + (high[c + 1] - low[c + 1]) * part;
}

/**
 * Index into EMBER of a level.
 * @param {number} level_db
 */
export const shadeOf = (level_db) => Math.round(255 * Math.min(1, Math.max(0, (level_db - FLOOR_DB) / (CEILING_DB - FLOOR_DB))));

/**
 * Places on a logarithmic axis of frequency, 0 at the top.
 * @param {number} lowest_hz
 * @param {number} highest_hz
 */
export function frequencyAxis(lowest_hz, highest_hz) {
  const span = Math.log(highest_hz / lowest_hz);
  return {
    /** @param {number} hz */
    part: (hz) => Math.log(highest_hz / hz) / span,
    /** @param {number} part */
    hz: (part) => highest_hz * Math.exp(-part * span),
  };
}

/**
 * Bins of a transform that each row takes together, from the top, rows spaced evenly in log frequency.
 * @param {number} rows
 * @param {number} size of the transform
 * @param {number} lowest_hz
 * @param {number} highest_hz
 * @returns {[number, number][]}
 */
export function rowBins(rows, size, lowest_hz, highest_hz) {
  const axis = frequencyAxis(lowest_hz, highest_hz);
  return Array.from({ length: rows }, (_, row) => {
    const from = Math.round((axis.hz((row + 1) / rows) * size) / SAMPLE_RATE_HZ);
    const to = Math.round((axis.hz(row / rows) * size) / SAMPLE_RATE_HZ);
    return [Math.max(1, from), Math.max(from + 1, to)];
  });
}

/**
 * Powers of a windowed transform, from a place in some samples on; a sine of full scale has power 1 at its bin.
 * @param {number} size a power of two
 */
export function createTransform(size) {
  const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  const powers = new Float64Array(size / 2);
  const scale = (4 / size) ** 2;
  /**
   * @param {Float32Array} samples
   * @param {number} start may lie before or behind them
   */
  return (samples, start) => {
    for (let i = 0; i < size; i++) {
      re[i] = (samples[start + i] ?? 0) * window[i];
      im[i] = 0;
    }
    fft(re, im);
    for (let k = 0; k < size / 2; k++) powers[k] = (re[k] * re[k] + im[k] * im[k]) * scale;
    return powers;
  };
}
