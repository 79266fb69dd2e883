// @ts-check
// Spectrograms of hits: made once for each rendered sound, in slices between frames.

import { SAMPLE_RATE_HZ } from "../audio/units.js";
import { contextOf } from "../widgets/canvas.js";
import { createTransform, EMBER, rowBins, shadeOf } from "./spectrum.js";
import { halve, ROWS } from "./spectrum_strip.js";
/** @import { AudioEngine } from "../state/types.d.ts" */

/** @typedef {{levels: Uint8Array[], duration_s: number}} Spectrogram shades of a spectrogram and of its halves, see ``halve`` */
/** @typedef {{key: string, samples: Float32Array, columns: number, column: number, shades: Uint8Array}} Job */

const SIZE = 1024;
const HOP = 384; // 8 ms
export const LOWEST_HZ = 60;
export const HIGHEST_HZ = 18000;
const LONGEST_S = 6;
const SLICE_MS = 6;
const MOST_KEPT = 600;
export const MOST_IMAGES = 64;

/** Seconds of a column. */
export const COLUMN_S = HOP / SAMPLE_RATE_HZ;

const BINS = rowBins(ROWS, SIZE, LOWEST_HZ, HIGHEST_HZ);

/**
 * Spectrograms of rendered sounds by their keys; ``redraw()`` is called when one is done.
 * @param {Pick<AudioEngine, "bufferFor">} audio
 * @param {() => void} redraw
 */
export function createSpectrograms(audio, redraw) {
  /** @type {Map<string, Spectrogram | null>} */
  const made = new Map(); // null while it is computed
  /** @type {Map<string, HTMLCanvasElement>} */
  const images = new Map(); // those last in sight from near, the newest at the end
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
    return { ...job, columns, column: 0, shades: new Uint8Array(columns * ROWS) };
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
      job.shades[job.column * ROWS + row] = shadeOf(10 * Math.log10(power + 1e-14));
    }
    job.column++;
  }

  /** @param {Job} job */
  function finish({ key, shades, columns }) {
    made.set(key, { levels: halve(shades), duration_s: columns * COLUMN_S });
    for (const old of made.keys()) {
      if (made.size <= MOST_KEPT) break;
      made.delete(old);
    }
    redraw();
  }

  /**
   * The spectrogram as an image, for views so near that its columns are pixels wide.
   * @param {string} key
   * @param {Spectrogram} spectrogram
   */
  function imageOf(key, spectrogram) {
    const image = images.get(key) ?? imageFrom(spectrogram.levels[0]);
    images.delete(key);
    images.set(key, image);
    for (const old of images.keys()) {
      if (images.size <= MOST_IMAGES) break;
      images.delete(old);
    }
    return image;
  }

  return {
    spectrogramOf, imageOf,
    dispose() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** @param {Uint8Array} shades [columns, ROWS] */
function imageFrom(shades) {
  const columns = shades.length / ROWS;
  const image = new ImageData(columns, ROWS);
  shades.forEach((shade, at) => image.data.set(EMBER.subarray(4 * shade, 4 * shade + 4), 4 * ((at % ROWS) * columns + Math.floor(at / ROWS))));
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: columns, height: ROWS });
  contextOf(canvas).putImageData(image, 0, 0);
  return canvas;
}
