// @ts-check
// Spectrograms of hits: made once for each rendered sound, in slices between frames, as small images.

import { SAMPLE_RATE_HZ } from "../audio/units.js";
import { contextOf } from "../widgets/canvas.js";
import { createTransform, EMBER, rowBins, shadeOf } from "./spectrum.js";
/** @import { AudioEngine } from "../state/types.d.ts" */

/** @typedef {{canvas: HTMLCanvasElement, small: HTMLCanvasElement, duration_s: number}} Spectrogram ``small`` is for far zooms */
/** @typedef {{key: string, samples: Float32Array, columns: number, column: number, image: ImageData}} Job */

const SIZE = 1024;
const HOP = 384; // 8 ms
const ROWS = 72;
export const LOWEST_HZ = 60;
export const HIGHEST_HZ = 18000;
const LONGEST_S = 6;
const SLICE_MS = 6;
const MOST_KEPT = 600;

/** Columns of the small image: many large ones in one picture are more than a browser keeps at hand. */
export const SMALL_COLUMNS = 24;

const BINS = rowBins(ROWS, SIZE, LOWEST_HZ, HIGHEST_HZ);

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
  const transform = createTransform(SIZE);
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
    const powers = transform(job.samples, job.column * HOP);
    for (let row = 0; row < ROWS; row++) {
      const [from, to] = BINS[row];
      let power = 0;
      for (let k = from; k < to; k++) power = Math.max(power, powers[k]);
      const shade = shadeOf(10 * Math.log10(power + 1e-14));
      job.image.data.set(EMBER.subarray(4 * shade, 4 * shade + 4), 4 * (row * job.columns + job.column));
    }
    job.column++;
  }

  /** @param {Job} job */
  function finish({ key, image, columns }) {
    made.set(key, { canvas: canvasOf(image), small: canvasOf(shrink(image, Math.min(columns, SMALL_COLUMNS))), duration_s: (columns * HOP) / SAMPLE_RATE_HZ });
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

/** @param {ImageData} image */
function canvasOf(image) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.width, height: image.height });
  contextOf(canvas).putImageData(image, 0, 0);
  return canvas;
}

/**
 * An image of fewer columns, each the brightest of those that it stands for, so that attacks stay.
 * @param {ImageData} image
 * @param {number} columns
 */
function shrink(image, columns) {
  const small = new ImageData(columns, image.height);
  for (let row = 0; row < image.height; row++) {
    for (let column = 0; column < image.width; column++) {
      const from = 4 * (row * image.width + column);
      const to = 4 * (row * columns + Math.floor((column * columns) / image.width));
      const isBrighter = image.data[from + 1] + image.data[from + 3] > small.data[to + 1] + small.data[to + 3]; // green and opacity rise with the level
      if (isBrighter) small.data.set(image.data.subarray(from, from + 4), to);
    }
  }
  return small;
}
