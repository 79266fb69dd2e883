// @ts-check
// Shapes drawn as columns of the display's pixels.

import { displayScale } from "../widgets/canvas.js";

/** @typedef {{x: number, width: number, y: number, height: number}} Column */

/**
 * Fill rectangles side by side, those that are alike as one: a path of as many corners takes far longer to fill, and longer still to draw as a line.
 * @param {CanvasRenderingContext2D} context
 * @param {Column[]} columns from the left
 */
export function fillColumns(context, columns) {
  for (let k = 0, next = 0; k < columns.length; k = next) {
    const { x, y, height } = columns[k];
    let right = x;
    while (next < columns.length && columns[next].y === y && columns[next].height === height) right = columns[next].x + columns[next++].width;
    context.fillRect(x, y, right - x, height);
  }
}

/**
 * The columns of the display's pixels between two places: rectangles of other widths would show seams.
 * @param {number} left
 * @param {number} right
 */
export function pixelColumns(left, right) {
  const width = 1 / displayScale();
  return Array.from({ length: Math.max(0, Math.ceil((right - left) / width)) }, (_, k) => ({ x: (Math.floor(left / width) + k) * width, width }));
}
