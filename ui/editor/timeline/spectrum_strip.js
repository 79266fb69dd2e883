// @ts-check
// Spectrograms of many hits as one picture: added up pixel by pixel, which takes a twentieth of the time of drawing one image for each.

import { contextOf } from "../widgets/canvas.js";
import { EMBER } from "./spectrum.js";

/** Rows of a spectrogram, spaced evenly in log frequency, from the top. */
export const ROWS = 72;
const OPACITY_STEPS = 50;

/** @typedef {{reds: Uint8Array, greens: Uint8Array, blues: Uint8Array}} Tints what each shade adds to a pixel */

/** @type {Map<number, Tints>} */
const tints = new Map();

/** @param {number} opacity 0 to 1 */
function tintsOf(opacity) {
  const step = Math.round(opacity * OPACITY_STEPS);
  const known = tints.get(step);
  if (known) return known;
  /** @param {number} channel */
  const scaled = (channel) => Uint8Array.from({ length: 256 }, (_, shade) => Math.round((EMBER[4 * shade + channel] * EMBER[4 * shade + 3] * step) / (255 * OPACITY_STEPS)));
  const made = { reds: scaled(0), greens: scaled(1), blues: scaled(2) };
  tints.set(step, made);
  return made;
}

/**
 * Shades of a spectrogram at half, a quarter, ... of its columns, down to one; each column the brightest of those that it stands for,
 * so that attacks stay.
 * @param {Uint8Array} shades [columns, ROWS]
 * @returns {Uint8Array[]} the shades themselves first
 */
export function halve(shades) {
  const levels = [shades];
  for (let last = shades; last.length > ROWS; ) {
    const columns = Math.ceil(last.length / ROWS / 2);
    const half = new Uint8Array(columns * ROWS);
    for (let at = 0; at < last.length; at++) {
      const to = Math.floor(at / ROWS / 2) * ROWS + (at % ROWS);
      if (last[at] > half[to]) half[to] = last[at];
    }
    levels.push(half);
    last = half;
  }
  return levels;
}

/**
 * Add one spectrogram to a picture, as light adds to light. A column is at least a pixel wide.
 * @param {Uint8ClampedArray} pixels [ROWS, width, 4], opaque
 * @param {number} width
 * @param {Uint8Array[]} levels of ``halve``
 * @param {number} left_px
 * @param {number} column_px width of a column of the first level
 * @param {number} opacity 0 to 1
 */
export function addSpectrogram(pixels, width, levels, left_px, column_px, opacity) {
  let level = 0;
  let step_px = column_px;
  for (; step_px < 1 && level < levels.length - 1; step_px *= 2) level++;
  const shades = levels[level];
  const columns = shades.length / ROWS;
  const { reds, greens, blues } = tintsOf(opacity);
  const first = Math.floor(left_px);
  const end = Math.min(width, Math.max(first + 1, Math.ceil(left_px + columns * step_px)));
  for (let x = Math.max(0, first); x < end; x++) {
    const column = Math.min(columns - 1, Math.max(0, Math.floor((x + 0.5 - left_px) / step_px)));
    let to = 4 * x;
    for (let at = column * ROWS; at < (column + 1) * ROWS; at++, to += 4 * width) {
      const shade = shades[at];
      if (!shade) continue;
      pixels[to] += reds[shade];
      pixels[to + 1] += greens[shade];
      pixels[to + 2] += blues[shade];
    }
  }
}

/** The picture that spectrograms are added to. */
export function createStrip() {
  const picture = document.createElement("canvas");
  let image = new ImageData(1, ROWS);
  return {
    /**
     * Begin anew on a ground.
     * @param {number} width in pixels of the display
     * @param {string} ground "#rrggbb"
     */
    clear(width, ground) {
      if (image.width !== width) {
        image = new ImageData(width, ROWS);
        Object.assign(picture, { width, height: ROWS });
      }
      const color = Number.parseInt(ground.slice(1, 7), 16);
      image.data.set([color >> 16, (color >> 8) & 255, color & 255, 255]);
      const words = new Uint32Array(image.data.buffer);
      words.fill(words[0]);
    },
    /**
     * @param {Uint8Array[]} levels
     * @param {number} left_px in pixels of the display
     * @param {number} column_px
     * @param {number} opacity
     */
    add: (levels, left_px, column_px, opacity) => addSpectrogram(image.data, image.width, levels, left_px, column_px, opacity),
    /**
     * @param {CanvasRenderingContext2D} context
     * @param {number} top
     * @param {number} width
     * @param {number} height
     */
    put(context, top, width, height) {
      contextOf(picture, { alpha: false }).putImageData(image, 0, 0);
      context.imageSmoothingEnabled = true;
      context.drawImage(picture, 0, top, width, height);
    },
  };
}
