// @ts-check
// Seeds of takes: which other takes of a hit are offered, and how takes are dealt to many hits.

const MAX_SEED = 0x7fffffff;

/**
 * Seeds of the takes on a page, different from each other, from the hit's own and from those of other pages.
 * @param {number} own seed of the hit
 * @param {number} page
 * @param {number} count
 */
export function takeSeeds(own, page, count) {
  /** @type {number[]} */
  const seeds = [];
  for (let number = page * count + 1; seeds.length < count; number++) seeds.push(scatter(own, number));
  return seeds;
}

/**
 * A seed of a take for each of many hits, in their order in time: never the same twice in a row, all equally often
 * (every round deals each take once).
 * @param {number} count of hits
 * @param {readonly number[]} takes at least two
 * @param {number} seed
 * @returns {number[]}
 */
export function dealTakes(count, takes, seed) {
  /** @type {number[]} */
  const dealt = [];
  for (let round = 0; dealt.length < count; round++) {
    const order = [...takes].map((take, k) => ({ take, rank: scatter(seed, round * takes.length + k + 1) })).sort((a, b) => a.rank - b.rank).map(({ take }) => take);
    if (order[0] === dealt[dealt.length - 1]) order.push(order.shift() ?? order[0]);
    dealt.push(...order);
  }
  return dealt.slice(0, count);
}

/**
 * A seed that looks like chance: for one ``seed`` no two numbers below 2^31 give the same.
 * @param {number} seed
 * @param {number} number
 */
function scatter(seed, number) {
  // Every step is a bijection of 31 bits.
  let t = (seed + Math.imul(number, 0x1e3779b1)) & MAX_SEED;
  t = (t ^ (t >>> 15)) & MAX_SEED;
  t = Math.imul(t, 0x2c1b3c6d) & MAX_SEED;
  t = (t ^ (t >>> 12)) & MAX_SEED;
  t = Math.imul(t, 0x297a2d39) & MAX_SEED;
  return (t ^ (t >>> 15)) & MAX_SEED;
}
