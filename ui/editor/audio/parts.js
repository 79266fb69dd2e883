// @ts-check
// What a hit of a sound with parts strikes, by the law of the engine's engine/document/parts.py, for what is heard before it is sampled.

import { dbToGain, SAMPLE_RATE_HZ, SILENCE_DB } from "./units.js";
/** @import { Samples, Sound } from "../state/types.d.ts" */

const DEEPEST = 2;

/** @typedef {{sound: Sound, offset_s: number, gain_db: number}} Strike */

/**
 * The strikes of a hit of a sound: its own first, then its parts that are not muted, each with theirs; never none.
 * @param {readonly Sound[]} sounds
 * @param {Sound} sound
 * @returns {Strike[]}
 */
export function listStrikes(sounds, sound, depth = 0) {
  if (!sound.parts.length) return [{ sound, offset_s: 0, gain_db: 0 }];
  const strikes = hasOwn(sound) ? [{ sound, offset_s: 0, gain_db: 0 }] : [];
  for (const part of depth < DEEPEST ? sound.parts : []) {
    const struck = part.mute ? undefined : sounds.find(({ id }) => id === part.sound_id);
    if (struck) strikes.push(...listStrikes(sounds, struck, depth + 1).map((one) => ({ sound: one.sound, offset_s: part.offset_s + one.offset_s, gain_db: part.gain_db + one.gain_db })));
  }
  return strikes.length ? strikes : [{ sound, offset_s: 0, gain_db: 0 }];
}

/**
 * Whether a sound has physics of its own that is heard: a mode that is not muted, or noise.
 * @param {Sound} sound
 */
export function hasOwn({ modes, residual }) {
  const noise = residual ? [residual, residual.attack, residual.tail, residual.room] : [];
  return modes.frequency_hz.some((_, i) => !modes.muted[i]) || noise.some((component) => component?.power_db.some((level) => level > SILENCE_DB));
}

/**
 * Whether a sound is another one or has it among its parts, or these among theirs.
 * @param {readonly Sound[]} sounds
 * @param {Sound} sound
 * @param {string} id
 * @returns {boolean}
 */
export function holds(sounds, sound, id, depth = 0) {
  return sound.id === id || (depth <= DEEPEST && sound.parts.some((part) => {
    const inner = sounds.find((one) => one.id === part.sound_id);
    return inner !== undefined && holds(sounds, inner, id, depth + 1);
  }));
}

/** @param {Strike} strike */
const offsetOf = ({ offset_s }) => Math.floor(offset_s * SAMPLE_RATE_HZ + 0.5);

/**
 * Samples from the first of a hit's strikes to the hit: its sound begins so long before it.
 * @param {readonly Strike[]} strikes
 */
export const leadOf = (strikes) => Math.max(0, -Math.min(...strikes.map(offsetOf)));

/**
 * Strikes' sounds at their offsets and gains, from their lead before the hit on.
 * @param {readonly Strike[]} strikes
 * @param {readonly Samples[]} sounds
 * @returns {Samples}
 */
export function sumStrikes(strikes, sounds) {
  const lead = leadOf(strikes);
  const starts = strikes.map((strike) => lead + offsetOf(strike));
  const total = new Float32Array(Math.max(...sounds.map((samples, i) => starts[i] + samples.length)));
  strikes.forEach(({ gain_db }, i) => {
    const gain = dbToGain(gain_db);
    sounds[i].forEach((sample, n) => { total[starts[i] + n] += gain * sample; });
  });
  return total;
}
