// @ts-check
// Patterns of blows from a law: a ball that bounces, a roll, a coin that spins down, a ratchet, falling debris, footsteps.

import { t } from "../texts/t.js";
import { makeSteps } from "./footsteps.js";
/** @import { Contact, GaitName, ShoeName } from "./footsteps.js" */

/** @typedef {"bounce" | "roll" | "coin" | "ratchet" | "debris" | "steps"} PatternName */
/** @typedef {{time_s: number, velocity_db: number, pitch_cents: number, gain_db?: number, pan?: number, residual_db?: number, decay_ratio?: number, part?: Contact, step?: number}} Strike the first lies at 0 */
/** @typedef {{gap_s: number, bounciness: number, length_s: number, rate_hz: number, end_rate_hz: number, swell_db: number, looseness: number, tempo: number, steps: number, roll: number, unevenness: number, sides: number}} PatternNumbers */
/** @typedef {PatternNumbers & {gait: GaitName, shoe: ShoeName}} PatternValues */
/** @typedef {keyof PatternNumbers} PatternControl */

export const MOST_STRIKES = 400;
const LEAST_GAP_S = 0.012; // closer blows are heard as one sound
const SOFTEST_DB = -48;
const MOST_RATE_HZ = 60;
const LOOSE_TIME = 0.12; // standard deviation of a loose strike, in parts of the distance between two
const LOOSE_DB = 3;

/** @type {Record<PatternName, {title: string, words: string, controls: PatternControl[]}>} */
export const PATTERNS = {
  bounce: { title: t("common.bounce"), words: t("patterns.a_dropped_ball"), controls: ["gap_s", "bounciness"] },
  roll: { title: t("patterns.roll"), words: t("patterns.two_sticks_in"), controls: ["length_s", "rate_hz", "swell_db", "looseness"] },
  coin: { title: t("patterns.coin"), words: t("patterns.a_disc_that"), controls: ["length_s", "rate_hz"] },
  ratchet: { title: t("patterns.ratchet"), words: t("patterns.teeth_that_pass"), controls: ["length_s", "rate_hz", "end_rate_hz", "looseness"] },
  debris: { title: t("patterns.debris"), words: t("patterns.pieces_that_fall"), controls: ["length_s", "rate_hz", "looseness"] },
  steps: { title: t("footsteps.footsteps"), words: t("footsteps.heel_and_ball"), controls: ["tempo", "steps", "roll", "unevenness", "sides"] },
};

/** @type {PatternValues} */
export const DEFAULTS = { gap_s: 0.5, bounciness: 0.72, length_s: 1.5, rate_hz: 14, end_rate_hz: 6, swell_db: 0, looseness: 0.3, gait: "walk", shoe: "hard", tempo: 110, steps: 8, roll: 0.16, unevenness: 0.03, sides: 0.5 };

/**
 * The strikes of a pattern by rising time, the first at 0, at most MOST_STRIKES; but for footsteps the first changes nothing.
 * @param {PatternName} name
 * @param {PatternValues} values
 * @param {number} seed
 * @returns {Strike[]}
 */
export function makePattern(name, values, seed) {
  const random = createRandom(seed);
  const makers = { bounce, roll, coin, ratchet, debris, steps: makeSteps };
  return makers[name](values, random).slice(0, MOST_STRIKES);
}

/**
 * A ball that keeps the ratio e of its speed: flights last 2 v / g, so gaps and speeds both shrink by e a bounce.
 * @param {PatternValues} values
 * @returns {Strike[]}
 */
function bounce({ gap_s, bounciness }) {
  const strikes = [{ time_s: 0, velocity_db: 0, pitch_cents: 0 }];
  let time_s = 0;
  for (let count = 1, gap = gap_s; count < MOST_STRIKES && gap >= LEAST_GAP_S; count++, gap *= bounciness) {
    const velocity_db = count * toDb(bounciness);
    if (velocity_db < SOFTEST_DB) break;
    time_s += gap;
    strikes.push({ time_s, velocity_db, pitch_cents: 0 });
  }
  return strikes;
}

/**
 * Two hands in turn at an even rate; looseness moves each strike by chance, and the second hand is a little softer.
 * @param {PatternValues} values
 * @param {Random} random
 * @returns {Strike[]}
 */
function roll({ length_s, rate_hz, swell_db, looseness }, random) {
  const count = Math.max(1, Math.floor(length_s * rate_hz + 1e-9) + 1);
  return inOrder(Array.from({ length: count }, (_, k) => ({
    time_s: k ? (k + LOOSE_TIME * looseness * random.normal()) / rate_hz : 0,
    velocity_db: (count > 1 ? (swell_db * k) / (count - 1) : 0) + (k ? looseness * (LOOSE_DB * 0.5 * random.normal() - (k % 2 ? 1 : 0)) : 0),
    pitch_cents: 0,
  })));
}

/**
 * A disc spinning down (Euler's disk): its inclination falls to zero in finite time, as (1 - t / T)^(2/3) under rolling
 * friction, and its contact runs round at a rate that grows as the inclination to the power -1/2 (Moffatt 2000, "Euler's
 * disk and its finite-time singularity", Nature 404). Strikes are whole turns; their speed is inclination times rate.
 * @param {PatternValues} values
 * @returns {Strike[]}
 */
function coin({ length_s, rate_hz }) {
  const strikes = [];
  const whole = 1.5 * rate_hz * length_s; // turns until the end: the integral of rate_hz (1 - t / T)^(-1/3)
  for (let turn = 0; turn < Math.min(whole, MOST_STRIKES); turn++) {
    const left = (1 - turn / whole) ** 1.5; // 1 - t / T
    if (rate_hz * left ** (-1 / 3) > MOST_RATE_HZ) break;
    strikes.push({ time_s: length_s * (1 - left), velocity_db: toDb(left ** (1 / 3)), pitch_cents: 0 });
  }
  return strikes;
}

/**
 * Teeth that pass at a rate which changes evenly from one value to another.
 * @param {PatternValues} values
 * @param {Random} random
 * @returns {Strike[]}
 */
function ratchet({ length_s, rate_hz, end_rate_hz, looseness }, random) {
  const growth = (end_rate_hz - rate_hz) / length_s;
  const strikes = [{ time_s: 0, velocity_db: 0, pitch_cents: 0 }];
  for (let tooth = 1; tooth <= MOST_STRIKES; tooth++) {
    // The phase rate_hz t + growth t^2 / 2 is a whole number; the form is exact also where the rate stays.
    const under = rate_hz * rate_hz + 2 * growth * tooth;
    if (under < 0) break;
    const time_s = (2 * tooth) / (rate_hz + Math.sqrt(under));
    if (time_s > length_s + 1e-9) break;
    strikes.push({ time_s: time_s + (0.3 * LOOSE_TIME * looseness * random.normal()) / rate_hz, velocity_db: LOOSE_DB * 0.5 * looseness * random.normal(), pitch_cents: 0 });
  }
  return inOrder(strikes);
}

/**
 * Pieces that land at random (a Poisson process whose rate dies away by a factor of 20), softer ones later; looseness is
 * how much their size, and with it level and pitch, differs.
 * @param {PatternValues} values
 * @param {Random} random
 * @returns {Strike[]}
 */
function debris({ length_s, rate_hz, looseness }, random) {
  const fall = Math.log(20) / length_s;
  const whole = (rate_hz / fall) * (1 - Math.exp(-fall * length_s)); // mean number of pieces
  const strikes = [{ time_s: 0, velocity_db: 0, pitch_cents: 0 }];
  for (let mass = -Math.log(1 - random.uniform()); mass < whole && strikes.length <= MOST_STRIKES; mass -= Math.log(1 - random.uniform())) {
    const time_s = -Math.log(1 - (mass * fall) / rate_hz) / fall;
    const small = -Math.log(1 - random.uniform()); // exponential: many small pieces, few large ones
    strikes.push({ time_s, velocity_db: Math.max(SOFTEST_DB, -6 * (time_s / length_s) - 10 * looseness * small), pitch_cents: Math.min(2400, 500 * looseness * small) });
  }
  return inOrder(strikes);
}

/** @param {number} ratio */
const toDb = (ratio) => 20 * Math.log10(ratio);

/** @param {Strike[]} strikes */
const inOrder = (strikes) => strikes.map((strike) => ({ ...strike, time_s: Math.max(0, strike.time_s) })).sort((a, b) => a.time_s - b.time_s);

/** @typedef {ReturnType<typeof createRandom>} Random */

/**
 * Random numbers of a seed, the same in every browser (mulberry32).
 * @param {number} seed
 */
function createRandom(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
