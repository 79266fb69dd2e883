// @ts-check
// How hard a played hit is. Every sound is played around its usual velocity, that of its hits found in the clip, so
// that playing does not change what is usual.

import { clamp } from "../audio/units.js";
/** @import { Project } from "../state/types.d.ts" */

const HARDEST_DB = 12;
const SOFTEST_DB = -60;
const USUAL_VALUE = 100; // of MIDI: a firm strike
const HARD_DB = 6; // of a key with Shift
const PAD_RANGE_DB = [-24, 6]; // of a pad, from its lower edge to its upper one

/** @param {number} velocity_db */
const limit = (velocity_db) => clamp(velocity_db, SOFTEST_DB, HARDEST_DB);

/**
 * The usual velocity of a sound: the median of its hits found in the clip, else of all found, else 0 dB.
 * @param {Project} project
 * @param {string} soundId
 */
export function usualVelocity({ hits }, soundId) {
  const found = hits.filter((hit) => hit.found_s !== null);
  const own = found.filter((hit) => hit.sound_id === soundId);
  const sorted = (own.length ? own : found).map((hit) => hit.velocity_db).sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

/**
 * Of a key of the computer, which knows no force.
 * @param {boolean} isHard
 * @param {number} usual_db
 */
export const keyVelocity = (isHard, usual_db) => limit(usual_db + (isHard ? HARD_DB : 0));

/**
 * Of a MIDI velocity, 1 to 127: power by its fourth power, so 40 log10, as General MIDI recommends (RP-021); 100 is usual.
 * @param {number} value
 * @param {number} usual_db
 */
export const midiVelocity = (value, usual_db) => limit(usual_db + 40 * Math.log10(clamp(value, 1, 127) / USUAL_VALUE));

/**
 * Of a press on a pad: a pen's pressure, else its height on the pad.
 * @param {number} share 0 at the lower edge or without pressure, to 1
 * @param {number} usual_db
 */
export const padVelocity = (share, usual_db) => limit(usual_db + PAD_RANGE_DB[0] + (PAD_RANGE_DB[1] - PAD_RANGE_DB[0]) * clamp(share, 0, 1));

/**
 * Where on its pad a velocity lies, 0 to 1.
 * @param {number} velocity_db
 * @param {number} usual_db
 */
export const shareOf = (velocity_db, usual_db) => clamp((velocity_db - usual_db - PAD_RANGE_DB[0]) / (PAD_RANGE_DB[1] - PAD_RANGE_DB[0]), 0, 1);
