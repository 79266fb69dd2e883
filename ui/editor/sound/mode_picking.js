// @ts-check
// Which modes lie under the pointer or in a box.

import { clamp } from "../audio/units.js";
import { tailLength } from "./modes_plot.js";
/** @import { Box, ModeValues, Point } from "../state/types.d.ts" */

/** @import { ModePlane } from "./modes_plot.js" */

const HEAD_PX = 9;
const STEM_PX = 4;
const TAIL_PX = 7;

/**
 * Where the head of a mode is drawn; one out of range stands at the edge.
 * @param {ModeValues} modes
 * @param {number} index
 * @param {Pick<ModePlane, "x" | "y" | "top" | "bottom">} plane
 * @returns {Point}
 */
export function headOf({ frequency_hz, power_db }, index, plane) {
  return { x: plane.x(frequency_hz[index]), y: clamp(plane.y(power_db[index]), plane.top - 4, plane.bottom) };
}

/**
 * The mode under a point, and whether the end of its tail is meant, which only a selected or hovered mode offers. A head
 * goes before a stem, a selected mode before its neighbours.
 * @param {ModeValues} modes
 * @param {Point} at
 * @param {Pick<ModePlane, "x" | "y" | "top" | "bottom">} plane
 * @param {Set<number>} selected
 * @param {number | null} hovered
 * @returns {{index: number | null, tail: boolean}}
 */
export function modeUnder(modes, { x, y }, plane, selected, hovered) {
  let best = { index: /** @type {number | null} */ (null), tail: false, distance: Infinity };
  modes.frequency_hz.forEach((_, index) => {
    const at = headOf(modes, index, plane);
    const isSelected = selected.has(index);
    let distance = Infinity;
    let tail = false;
    const head = Math.hypot(x - at.x, y - at.y);
    if (head <= HEAD_PX) distance = head;
    else if (Math.abs(x - at.x) <= STEM_PX && y > at.y) distance = HEAD_PX + Math.abs(x - at.x);
    else if ((index === hovered || isSelected) && Math.hypot(x - at.x - tailLength(modes.decay_per_s[index]), y - at.y) < TAIL_PX) {
      [distance, tail] = [HEAD_PX - 1, true];
    }
    distance -= isSelected ? 1 : 0;
    if (distance < best.distance) best = { index, tail, distance };
  });
  return best;
}

/**
 * Indices of the modes whose heads lie in a box.
 * @param {ModeValues} modes
 * @param {Box} box
 * @param {Pick<ModePlane, "x" | "y" | "top" | "bottom">} plane
 */
export function modesInBox(modes, { x0, y0, x1, y1 }, plane) {
  return [...modes.frequency_hz.keys()].filter((index) => {
    const { x, y } = headOf(modes, index, plane);
    return x >= Math.min(x0, x1) && x <= Math.max(x0, x1) && y >= Math.min(y0, y1) && y <= Math.max(y0, y1);
  });
}
