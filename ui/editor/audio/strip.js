// @ts-check
// A hit through its sound's channel strip: what is heard, level and place, and filters, by the laws of the engine's
// engine/pipeline/channel_strip.py.

import { listStrikes } from "./parts.js";
import { clamp, SAMPLE_RATE_HZ } from "./units.js";
/** @import { Hit, Project, Samples } from "../state/types.d.ts" */
/** @import { SoundState, StripState } from "../state/protocol.d.ts" */

export const SEND_OFF_DB = -60;
export const MOST_M = 50;
const AIR_SHELF_HZ = 11000;
const AIR_DB_PER_M = -0.44;
const FRONT_DEG = 30;
const SURROUND_DEG = 110;

/** @type {StripState} */
export const NEUTRAL_STRIP = { gain_db: 0, pan: 0, distance_m: 1, room_db: SEND_OFF_DB, high_pass_hz: 0, low_pass_hz: 0, surround_deg: 0, lfe_db: SEND_OFF_DB, mute: false, solo: false };

/** @typedef {[number, number, number, number, number]} Biquad b0, b1, b2, a1, a2 with a0 = 1 */
/**
 * @typedef {object} Shape filters, and a name that differs where they do
 * @property {string} name
 * @property {() => Biquad[]} filters
 */
/**
 * @typedef {object} Place of a hit in the mix
 * @property {number} gain_db of the direct sound, with the distance
 * @property {number} pan
 * @property {Shape} shape
 * @property {number} room_db of the room that is added; -Infinity for none
 * @property {Shape} roomShape
 */

/** @type {Shape} */
export const PLAIN = { name: "", filters: () => [] };

// --- what is heard -------------------------------------------------------------------------------

/** @type {WeakMap<Project, Set<string>>} */
const heardSounds = new WeakMap();

/**
 * Whether a hit sounds: not muted, of a sound that is not muted, and solo where any sound is.
 * @param {Project} project
 * @param {Hit} hit
 */
export function isHeard(project, hit) {
  let heard = heardSounds.get(project);
  if (!heard) {
    const solo = project.sounds.some(({ strip }) => strip?.solo);
    heard = new Set(project.sounds.filter(({ strip }) => strip?.mute || (solo && !strip?.solo)).map(({ id }) => id));
    heardSounds.set(project, heard);
  }
  return !hit.mute && !heard.has(hit.sound_id);
}

// --- level and place -----------------------------------------------------------------------------

/**
 * A hit's place in the mix by its own values and those of its sound.
 * @param {SoundState | undefined} sound
 * @param {Pick<Hit, "gain_db" | "pan"> & { distance_m?: number }} hit
 * @param {readonly SoundState[]} [sounds] of the project, among which its parts are
 * @returns {Place}
 */
export function placeInMix(sound, hit, sounds = []) {
  const strip = sound?.strip ?? NEUTRAL_STRIP;
  const distance_m = clamp(strip.distance_m + (hit.distance_m ?? 0), 1, MOST_M);
  const level_db = hit.gain_db + strip.gain_db;
  return {
    gain_db: level_db - 20 * Math.log10(distance_m),
    pan: clamp(hit.pan + strip.pan + directionPan(strip.surround_deg), -1, 1),
    shape: shapeOf(strip, distance_m),
    room_db: level_db + roomDb(sound, distance_m, sounds),
    roomShape: shapeOf(strip, 1),
  };
}

/**
 * Level of the room that is added to a hit: the send, and what of its own room the distance took.
 * @param {SoundState | undefined} sound
 * @param {number} distance_m
 * @param {readonly SoundState[]} sounds
 */
function roomDb(sound, distance_m, sounds) {
  if (!sound?.strip) return -Infinity;
  const send = sound.strip.room_db > SEND_OFF_DB ? 10 ** (sound.strip.room_db / 10) : 0;
  const hasRoom = distance_m > 1 && listStrikes(sounds, sound).some(({ sound: { macros, residual } }) => (macros?.room ?? 0) > (residual?.room ? -1 : 0));
  return 10 * Math.log10(send + (hasRoom ? 1 - distance_m ** -2 : 0));
}

/**
 * Pan of a direction in the stereo track: 0 in front and behind, 1 from right to right surround.
 * @param {number} direction_deg
 */
export function directionPan(direction_deg) {
  const angle = Math.abs(direction_deg);
  const share = angle <= SURROUND_DEG ? Math.min(1, angle / FRONT_DEG) : (180 - angle) / (180 - SURROUND_DEG);
  return Math.sign(direction_deg) * share;
}

// --- filters -------------------------------------------------------------------------------------

/**
 * @param {StripState} strip
 * @param {number} distance_m
 * @returns {Shape}
 */
function shapeOf({ high_pass_hz, low_pass_hz }, distance_m) {
  if (!high_pass_hz && !low_pass_hz && distance_m <= 1) return PLAIN;
  return {
    name: `${high_pass_hz}/${low_pass_hz}/${distance_m}`,
    filters: () => [
      ...(high_pass_hz ? [passBiquad(high_pass_hz, true)] : []),
      ...(low_pass_hz ? [passBiquad(low_pass_hz, false)] : []),
      ...(distance_m > 1 ? [shelfBiquad(AIR_SHELF_HZ, AIR_DB_PER_M * (distance_m - 1))] : []),
    ],
  };
}

/**
 * A second-order Butterworth high or low pass.
 * @param {number} cutoff_hz
 * @param {boolean} isHigh
 * @returns {Biquad}
 */
export function passBiquad(cutoff_hz, isHigh) {
  const angle = (2 * Math.PI * cutoff_hz) / SAMPLE_RATE_HZ;
  const cosine = Math.cos(angle);
  const alpha = Math.sin(angle) / Math.SQRT2;
  const edge = isHigh ? 1 + cosine : 1 - cosine;
  const a0 = 1 + alpha;
  return [edge / 2 / a0, (isHigh ? -edge : edge) / a0, edge / 2 / a0, (-2 * cosine) / a0, (1 - alpha) / a0];
}

/**
 * A high shelf of slope 1.
 * @param {number} corner_hz
 * @param {number} gain_db
 * @returns {Biquad}
 */
export function shelfBiquad(corner_hz, gain_db) {
  const angle = (2 * Math.PI * corner_hz) / SAMPLE_RATE_HZ;
  const amplitude = 10 ** (gain_db / 40);
  const cosine = Math.cos(angle);
  const spread = Math.sqrt(2 * amplitude) * Math.sin(angle);
  const more = amplitude + 1;
  const less = amplitude - 1;
  const a0 = more - less * cosine + spread;
  return [
    (amplitude * (more + less * cosine + spread)) / a0,
    (-2 * amplitude * (less + more * cosine)) / a0,
    (amplitude * (more + less * cosine - spread)) / a0,
    (2 * (less - more * cosine)) / a0,
    (more - less * cosine - spread) / a0,
  ];
}

/**
 * Samples through biquads in turn, from rest; what rings on after the last sample is left out.
 * @param {Samples} samples
 * @param {Biquad[]} filters
 * @returns {Samples}
 */
export function applyFilters(samples, filters) {
  const wave = Float64Array.from(samples);
  for (const [b0, b1, b2, a1, a2] of filters) {
    let first = 0;
    let second = 0;
    for (let n = 0; n < wave.length; n++) {
      const x = wave[n];
      const y = b0 * x + first;
      first = b1 * x - a1 * y + second;
      second = b2 * x - a2 * y;
      wave[n] = y;
    }
  }
  return Float32Array.from(wave);
}
