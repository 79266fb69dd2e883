// @ts-check
// Spectrograms of hits: made once for each rendered sound, in slices between frames, as small images.

import { fft } from "../audio/fft.js";
import { SAMPLE_RATE_HZ } from "../audio/units.js";
import { contextOf } from "../widgets/canvas.js";
/** @import { AudioEngine } from "../state/types.d.ts" */

/** @typedef {{canvas: HTMLCanvasElement, duration_s: number}} Spectrogram */
/** @typedef {{key: string, samples: Float32Array, columns: number, column: number, image: ImageData}} Job */

const SIZE = 1024;
const HOP = 384; // 8 ms
const ROWS = 72;
const LOWEST_HZ = 60;
const HIGHEST_HZ = 18000;
const LONGEST_S = 6;
const FLOOR_DB = -76; // mean level in a row at which it is drawn empty
const CEILING_DB = -2;
const SLICE_MS = 6;
const MOST_KEPT = 600;

const WINDOW = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
// Bins that each row, from the top, takes together; rows are spaced evenly in log frequency.
const BANDS = Array.from({ length: ROWS }, (_, row) => {
  /** @param {number} k */
  const edge = (k) => LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (k / ROWS);
  /** @param {number} hz */
  const bin = (hz) => (hz * SIZE) / SAMPLE_RATE_HZ;
  const [low, high] = [bin(edge(ROWS - 1 - row)), bin(edge(ROWS - row))];
  const from = Math.round(low);
  return [Math.max(1, from), Math.max(from + 1, Math.round(high))];
});

// Ember: clear, dark red, orange, amber, white.
const STOPS = [[0, 90, 24, 6, 0], [0.25, 128, 40, 10, 150], [0.55, 226, 88, 22, 225], [0.8, 255, 170, 70, 250], [1, 255, 240, 214, 255]];
const EMBER = new Uint8ClampedArray(256 * 4);
for (let i = 0; i < 256; i++) {
  const at = i / 255;
  const next = Math.max(1, STOPS.findIndex(([place]) => place >= at));
  const [low, high] = [STOPS[next - 1], STOPS[next]];
  const part = (at - low[0]) / (high[0] - low[0]);
  for (let c = 0; c < 4; c++) EMBER[4 * i + c] = low[c + 1] + (high[c + 1] - low[c + 1]) * part;
}

/**
 * Spectrograms of rendered sounds by their keys; ``redraw()`` is called when one is done.
 * @param {Pick<AudioEngine, "bufferFor">} audio
 * @param {() => void} redraw
 */
export function createSpectrograms(audio, redraw) {
  /** @type {Map<string, Spectrogram | null>} */
  const made = new Map(); // null while it is computed
  /** @type {{key: string, samples: Float32Array}[]} */
  const queue = [];
  const re = new Float64Array(SIZE);
  const im = new Float64Array(SIZE);
  /** @type {ReturnType<typeof setTimeout> | 0} */
  let timer = 0;
  /** @type {Job | null} */
  let working = null;
  let isClosed = false;

  /** @param {string} key */
  function spectrogramOf(key) {
    if (made.has(key)) return made.get(key);
    made.set(key, null);
    audio.bufferFor(key).then(
      (buffer) => {
        queue.push({ key, samples: buffer.getChannelData(0) });
        schedule();
      },
      () => setTimeout(() => made.get(key) === null && made.delete(key), 1000), // asked for again when drawn
    );
    return null;
  }

  function schedule() {
    if (!timer && !isClosed) timer = setTimeout(work, 0);
  }

  function work() {
    timer = 0;
    const until_ms = performance.now() + SLICE_MS;
    while (performance.now() < until_ms) {
      working ??= begin(queue.shift());
      if (!working) return;
      fillColumn(working);
      if (working.column < working.columns) continue;
      finish(working);
      working = null;
    }
    schedule();
  }

  /**
   * @param {{key: string, samples: Float32Array} | undefined} job
   * @returns {Job | null}
   */
  function begin(job) {
    if (!job) return null;
    const length = Math.min(job.samples.length, LONGEST_S * SAMPLE_RATE_HZ);
    const columns = Math.max(1, Math.ceil(length / HOP));
    return { ...job, columns, column: 0, image: new ImageData(columns, ROWS) };
  }

  /**
   * Each column begins at its own time, so nothing is drawn before the attack.
   * @param {Job} job
   */
  function fillColumn(job) {
    const start = job.column * HOP;
    for (let i = 0; i < SIZE; i++) {
      re[i] = (job.samples[start + i] ?? 0) * WINDOW[i];
      im[i] = 0;
    }
    fft(re, im);
    const scale = (4 / SIZE) ** 2;
    for (let row = 0; row < ROWS; row++) {
      const [from, to] = BANDS[row];
      let power = 0;
      for (let k = from; k < to; k++) power = Math.max(power, re[k] * re[k] + im[k] * im[k]);
      const level_db = 10 * Math.log10(power * scale + 1e-14);
      const shade = Math.round(255 * Math.min(1, Math.max(0, (level_db - FLOOR_DB) / (CEILING_DB - FLOOR_DB))));
      job.image.data.set(EMBER.subarray(4 * shade, 4 * shade + 4), 4 * (row * job.columns + job.column));
    }
    job.column++;
  }

  /** @param {Job} job */
  function finish({ key, image, columns }) {
    const canvas = document.createElement("canvas");
    canvas.width = columns;
    canvas.height = ROWS;
    contextOf(canvas).putImageData(image, 0, 0);
    made.set(key, { canvas, duration_s: (columns * HOP) / SAMPLE_RATE_HZ });
    for (const old of made.keys()) {
      if (made.size <= MOST_KEPT) break;
      made.delete(old);
    }
    redraw();
  }

  return {
    spectrogramOf,
    dispose() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
