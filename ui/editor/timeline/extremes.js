// @ts-check
// Lowest and highest value of any stretch of a long series, from few of its values: each level holds those of eight of the one below.

const FACTOR = 8;

/**
 * @param {number} count
 * @param {(k: number) => number} lowOf
 * @param {(k: number) => number} highOf
 * @returns {(from: number, to: number) => [number, number]} lowest and highest of the values from one index up to before another
 */
export function createExtremes(count, lowOf, highOf) {
  const levels = [{ count, lowOf, highOf }];
  for (let below = levels[0]; below.count > FACTOR; below = levels[levels.length - 1]) levels.push(gather(below));
  return (from, to) => {
    let [low, high] = [Infinity, -Infinity];
    let level = 0;
    /** @param {number} k */
    const take = (k) => {
      low = Math.min(low, levels[level].lowOf(k));
      high = Math.max(high, levels[level].highOf(k));
    };
    while (level < levels.length - 1 && to - from > 2 * FACTOR) {
      while (from % FACTOR) take(from++);
      while (to % FACTOR) take(--to);
      [from, to] = [from / FACTOR, to / FACTOR];
      level++;
    }
    for (let k = from; k < to; k++) take(k);
    return [low, high];
  };
}

/** @param {{count: number, lowOf: (k: number) => number, highOf: (k: number) => number}} below */
function gather(below) {
  const count = Math.ceil(below.count / FACTOR);
  const lows = new Float32Array(count).fill(Infinity);
  const highs = new Float32Array(count).fill(-Infinity);
  for (let k = 0; k < below.count; k++) {
    const at = Math.floor(k / FACTOR);
    lows[at] = Math.min(lows[at], below.lowOf(k));
    highs[at] = Math.max(highs[at], below.highOf(k));
  }
  return { count, lowOf: (/** @type {number} */ k) => lows[k], highOf: (/** @type {number} */ k) => highs[k] };
}
