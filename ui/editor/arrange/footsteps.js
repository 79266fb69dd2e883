// @ts-check
// Footsteps: the contacts of heel and ball of the foot in a gait and a shoe. docs/guide.md names the sources of the figures.

import { t } from "../texts/t.js";
/** @import { Random, Strike } from "./patterns.js" */

/** @typedef {"walk" | "run" | "sneak" | "up" | "down"} GaitName */
/** @typedef {"sneaker" | "hard" | "boot" | "barefoot"} ShoeName */
/** @typedef {"heel" | "ball"} Contact */
/** @typedef {{velocity_db: number, gain_db: number, residual_db: number, decay_ratio: number}} Touch how a contact differs from the sound as stored */

/**
 * A gait: steps a minute, the time between both contacts in parts of a step's period, which comes first, and the speed of
 * each against the heel of a walk in decibels.
 * @typedef {{title: string, tempo: number, roll: number, first: Contact, heel_db: number, ball_db: number}} Gait
 */

/** @type {Record<GaitName, Gait>} */
export const GAITS = {
  walk: { title: t("footsteps.walk"), tempo: 110, roll: 0.16, first: "heel", heel_db: 0, ball_db: -8 },
  run: { title: t("footsteps.run"), tempo: 165, roll: 0.1, first: "heel", heel_db: 7, ball_db: 1 },
  sneak: { title: t("footsteps.sneak"), tempo: 50, roll: 0.25, first: "ball", heel_db: -18, ball_db: -14 },
  up: { title: t("footsteps.stairs_up"), tempo: 95, roll: 0.14, first: "ball", heel_db: -14, ball_db: 0 },
  down: { title: t("footsteps.stairs_down"), tempo: 105, roll: 0.14, first: "ball", heel_db: -4, ball_db: 3 },
};

/**
 * Shoes: a softer sole touches for longer, so that it is duller; a contact's speed stands for that, since by Hertz's law
 * both move the spectrum alike, and gain gives back the level. Residual is the slap or scuff, decay the damping by the foot.
 * @type {Record<ShoeName, {title: string, heel: Touch, ball: Touch}>}
 */
export const SHOES = {
  sneaker: { title: t("footsteps.sneaker"), heel: { velocity_db: -18, gain_db: 12, residual_db: 0, decay_ratio: 1.2 }, ball: { velocity_db: -14, gain_db: 9, residual_db: 2, decay_ratio: 1.2 } },
  hard: { title: t("footsteps.hard_heel"), heel: { velocity_db: 4, gain_db: -2, residual_db: 2, decay_ratio: 1 }, ball: { velocity_db: -4, gain_db: 0, residual_db: 3, decay_ratio: 1.1 } },
  boot: { title: t("footsteps.boot"), heel: { velocity_db: -6, gain_db: 8, residual_db: 1, decay_ratio: 1.1 }, ball: { velocity_db: -6, gain_db: 7, residual_db: 3, decay_ratio: 1.2 } },
  barefoot: { title: t("footsteps.barefoot"), heel: { velocity_db: -30, gain_db: 18, residual_db: -4, decay_ratio: 1.5 }, ball: { velocity_db: -26, gain_db: 15, residual_db: 1, decay_ratio: 1.5 } },
};

/** Surfaces; the bank's search by words finds a sound of each. */
export const SURFACES = {
  wood: { title: t("footsteps.wood") },
  gravel: { title: t("footsteps.gravel") },
  concrete: { title: t("footsteps.concrete") },
  metal: { title: t("footsteps.metal") },
  tiles: { title: t("footsteps.tiles") },
  carpet: { title: t("footsteps.carpet") },
  grass: { title: t("footsteps.grass") },
  snow: { title: t("footsteps.snow") },
};

const LEAST_PERIOD = 0.4; // of a step, in parts of the mean period
const ROLL_SPREAD = 2; // the roll of the foot differs by that many times the unevenness of the steps
const LEVEL_DB = 0.4; // standard deviation of a step's level for each percent of unevenness
const PITCH_CENTS = 5; // the same of its pitch: the foot lands elsewhere on the floor
const SIDES = { velocity_db: 1.2, pitch_cents: 50, pan: 0.3 }; // from the left foot to the right, where they differ in full

/**
 * The contacts of steps by rising time, the left foot's first at 0; ``part`` names each and ``step`` counts from 0.
 * @param {{gait: GaitName, shoe: ShoeName, tempo: number, steps: number, roll: number, unevenness: number, sides: number}} values
 * @param {Random} random
 * @returns {Strike[]}
 */
export function makeSteps({ gait, shoe, tempo, steps, roll, unevenness, sides }, random) {
  const { first } = GAITS[gait];
  const period_s = 60 / tempo;
  const percent = 100 * unevenness;
  const strikes = [];
  let time_s = 0;
  for (let step = 0; step < Math.round(steps); step++) {
    if (step) time_s += period_s * Math.max(LEAST_PERIOD, 1 + unevenness * random.normal());
    const side = (step % 2 ? 0.5 : -0.5) * sides;
    const level_db = SIDES.velocity_db * side + LEVEL_DB * percent * random.normal();
    const pitch_cents = SIDES.pitch_cents * side + PITCH_CENTS * percent * random.normal();
    const later_s = roll * period_s * Math.max(LEAST_PERIOD, 1 + ROLL_SPREAD * unevenness * random.normal());
    for (const part of /** @type {Contact[]} */ (["heel", "ball"])) {
      const touch = SHOES[shoe][part];
      strikes.push({
        ...touch, time_s: time_s + (part === first ? 0 : later_s), pitch_cents, pan: SIDES.pan * side, part, step,
        velocity_db: touch.velocity_db + GAITS[gait][`${part}_db`] + level_db,
      });
    }
  }
  return strikes.sort((a, b) => a.time_s - b.time_s);
}

/** @param {Strike} strike */
export const nameContact = ({ part }) => (part === "heel" ? t("footsteps.heel") : t("footsteps.ball"));

/** @param {keyof typeof SURFACES} surface */
export const describeSurface = (surface) => t("footsteps.footsteps_on", { surface: SURFACES[surface].title });
