// @ts-check
// Random numbers that are the same in every run.

/**
 * A source of numbers between -1 and 1 (Park and Miller's minimal standard generator).
 * @param {number} seed
 * @returns {() => number}
 */
export function randomNumbers(seed) {
  let state = (seed * 48271 + 12345) % 2147483647;
  return () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  };
}
