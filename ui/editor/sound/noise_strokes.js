// @ts-check
// Strokes of the pointer over the bars of the noise bands.

/** @typedef {{index: number, value: number}} Place a bar, and how high */

/**
 * Every bar between two places of a stroke, and its height there.
 * @param {Place} from
 * @param {Place} to
 */
export function strokeOver(from, to) {
  const step = Math.sign(to.index - from.index) || 1;
  const indices = Array.from({ length: Math.abs(to.index - from.index) + 1 }, (_, i) => from.index + i * step);
  const values = indices.map((index) => to.value + (to.index === from.index ? 0 : ((index - to.index) / (to.index - from.index)) * (to.value - from.value)));
  return { indices, values };
}
