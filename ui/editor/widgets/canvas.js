// @ts-check
// Canvases in pixels of the editor on displays of any density.

import { pageScale } from "./page_scale.js";

/**
 * Size a canvas and return the context to draw on it, in pixels of the editor.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function openCanvas(canvas, width, height) {
  const ratio = (window.devicePixelRatio || 1) * pageScale();
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const pen = contextOf(canvas);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

/**
 * The 2D context of a canvas.
 * @param {HTMLCanvasElement} canvas
 */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no 2D canvas");
  return context;
}
