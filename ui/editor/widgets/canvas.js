// @ts-check
// Canvases in pixels of the editor on displays of any density.

import { pageScale } from "./page_scale.js";

/** Pixels of the display in a pixel of the editor. */
export const displayScale = () => (globalThis.devicePixelRatio || 1) * pageScale();

/**
 * Size a canvas and return the context to draw on it, in pixels of the editor.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {CanvasRenderingContext2DSettings} [settings] those of the first call count
 */
export function openCanvas(canvas, width, height, settings) {
  const ratio = displayScale();
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const pen = contextOf(canvas, settings);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

/**
 * The 2D context of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("this browser has no 2D canvas");
  return context;
}
