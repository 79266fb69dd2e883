// @ts-check
// What macros and velocity do to a sound: the arithmetic of engine/physics/macros.py, which says the physics of each
// change, so that the browser plays and shows it before the server has sampled it.

import { addPower, amplify, bandsNear, BURST_DECAY_PER_S, centresOf, LEAST_POWER, levelOf, mapComponents, modePowers, powerOf, rebin, withBands } from "./noise_bands.js";
import { clamp, ENVELOPE_RANGE_DB, LN_60_DB } from "./units.js";
/** @import { MacroName, Macros, ModeQuantity, ModeValues, Modes, NoiseComponent, Physics, Residual, Shaped } from "../state/types.d.ts" */

/** @typedef {{modes: Modes, residual: Residual}} Heard */

const SIZE_SPAN = 4;
const CONTACT_SPAN = 6;
const VELOCITY_EXPONENT = -0.2;
const DAMPING_SPAN = 10;
const DAMPING_HZ = 1000;
const [POSITION_CENTRE, POSITION_SPAN] = [0.28, 0.22];
const [POSITION_FLOOR, POSITION_BLUR] = [0.1, 4];
const [ROUGHNESS_DB, ROUGHNESS_TILT_DB] = [12, 6];
const ROUGHNESS_WIDENING = 4;
const [BURST_OF_STRIKE, BURST_OF_MODES] = [0.25, 0.06];
const [ROOM_SHARE, ROOM_T60_S, ROOM_HZ, ROOM_SMOOTH_OCTAVES] = [0.25, 0.5, 4000, 1];
const CONTACT_DEFAULT_S = 0.0005;
const CONTACT_RANGE_S = [0.00005, 0.005];
const LONGEST_RISE_S = 0.1;
const MOST_HZ = 1e6;
const ROUNDS = 30;
/** @type {Residual} */
const NO_NOISE = { edges_hz: [], power_db: [], decay_per_s: [], room: null, tail: null, attack: null, rise_s: 0, envelope_db: [] };

const MOMENTARY_S = 0.4;

/** Macros that change nothing. */
export const NEUTRAL = { mass: 0, hardness: 0, damping: 0, position: 0, roughness: 0, room: 0, keep_loudness: false };
export const MACRO_NAMES = /** @type {MacroName[]} */ (["mass", "hardness", "damping", "position", "roughness", "room"]);

/**
 * Whether macros change nothing.
 * @param {Macros | null | undefined} macros
 */
export const isNeutral = (macros) => !macros || MACRO_NAMES.every((name) => !macros[name]);

/**
 * Macros after an edit: turned from where they change nothing, they keep loudness.
 * @param {Macros | null | undefined} macros
 * @param {Partial<Macros>} values
 * @returns {Macros}
 */
export function turnMacros(macros, values) {
  const turned = { ...NEUTRAL, ...macros, keep_loudness: isNeutral(macros) || Boolean(macros?.keep_loudness), ...values };
  return isNeutral(turned) ? NEUTRAL : turned;
}

/**
 * Modes and residual with macros and velocity applied; the same objects at the defaults.
 * @param {Modes} modes
 * @param {Residual | null} residual
 * @param {Macros | null | undefined} macros
 * @returns {Physics}
 */
export function applyMacros(modes, residual, macros, velocity_db = 0) {
  if (isNeutral(macros) && !velocity_db) return { modes, residual };
  const { mass, hardness, damping, position, roughness, room } = { ...NEUTRAL, ...macros };
  const size = SIZE_SPAN ** mass;
  const contact_s = contactTime_s(modes, residual) * size;
  /** @type {Heard} */
  let sound = { modes, residual: residual ?? NO_NOISE };
  if (mass) sound = changeSize(sound, size);
  if (damping) sound = changeDamping(sound, damping);
  if (position) sound = { ...sound, modes: changePosition(sound.modes, position) };
  if (hardness || velocity_db) sound = changeContact(sound, contact_s, CONTACT_SPAN ** -hardness * 10 ** ((VELOCITY_EXPONENT * velocity_db) / 20));
  if (velocity_db) sound = changeLevel(sound, velocity_db);
  const without = sound;
  if (roughness) sound = { ...sound, residual: changeRoughness(sound, roughness) };
  if (room) sound = { ...sound, residual: changeRoom(sound, room) };
  return macros?.keep_loudness && sound !== without ? changeLevel(sound, loudness_db(without) - loudness_db(sound)) : sound;
}

/**
 * Level of a sound's first 0.4 s: momentary loudness without weighting.
 * @param {Heard} sound
 */
function loudness_db({ modes, residual }) {
  let total = 1e-30;
  /** @type {(power: number, decay_per_s: number) => void} */
  const add = (power, decay_per_s) => {
    const fall = 2 * Math.max(decay_per_s, 1e-6) * MOMENTARY_S;
    total += (power * -Math.expm1(-fall)) / fall;
  };
  modePowers(modes).forEach((power, i) => add(power, modes.decay_per_s[i]));
  mapComponents(residual, (component) => {
    component.power_db.forEach((power_db, k) => add(powerOf(power_db), component.decay_per_s[k]));
    return component;
  });
  return 10 * Math.log10(total);
}

/** @type {WeakMap<Shaped, Shaped>} */
const heardOf = new WeakMap(); // sounds never change, so what is heard of one is computed once

/**
 * A sound with its macros applied and reset.
 * @template {Shaped | null | undefined} Given
 * @param {Given} sound
 * @returns {Given}
 */
export function heard(sound) {
  if (!sound || isNeutral(sound.macros)) return sound;
  const known = heardOf.get(sound);
  if (known) return /** @type {Given} */ (known);
  const made = { ...sound, ...applyMacros(sound.modes, sound.residual, sound.macros), macros: null };
  heardOf.set(sound, made);
  return /** @type {Given} */ (made);
}

// --- what the macros refer to ----------------------------------------------------------------------

/**
 * Estimated contact time: the shorter of the rise and a quarter period at the modes' mean frequency.
 * @param {Modes} modes
 * @param {Residual | null} residual
 */
export function contactTime_s(modes, residual) {
  const known = residual && residual.rise_s > 0 ? [residual.rise_s] : [];
  const centre_hz = mean_hz(modes, 0);
  if (centre_hz !== null) known.push(0.25 / centre_hz);
  return clamp(known.length ? Math.min(...known) : CONTACT_DEFAULT_S, CONTACT_RANGE_S[0], CONTACT_RANGE_S[1]);
}

/**
 * The contact time under macros.
 * @param {Physics} sound
 * @param {Macros} macros
 */
export const contactTimeHeard_s = (sound, macros) => contactTime_s(sound.modes, sound.residual) * SIZE_SPAN ** macros.mass * CONTACT_SPAN ** -macros.hardness;

/**
 * Geometric mean frequency of the sounding modes, weighted by amplitude times frequency to an exponent; null for none.
 * @param {Modes} modes
 * @param {number} exponent
 */
function mean_hz(modes, exponent) {
  /** @type {number[]} */
  const logs = [];
  /** @type {number[]} */
  const weights = [];
  modes.frequency_hz.forEach((frequency_hz, i) => {
    if (modes.muted?.[i] || frequency_hz <= 0) return;
    const log = Math.log(clamp(frequency_hz, 1, MOST_HZ));
    logs.push(log);
    weights.push((Math.LN10 * modes.power_db[i]) / 20 + exponent * log);
  });
  if (!logs.length) return null;
  const top = weights.reduce((a, b) => Math.max(a, b));
  let total = 0;
  let sum = 0;
  logs.forEach((log, i) => {
    const share = Math.exp(weights[i] - top);
    total += share;
    sum += share * log;
  });
  return Math.exp(sum / total);
}

// --- the macros -------------------------------------------------------------------------------------

/**
 * Scale all lengths by ``size``.
 * @param {Heard} physics
 * @param {number} size
 * @returns {Heard}
 */
function changeSize({ modes, residual }, size) {
  const edges_hz = residual.edges_hz.map((edge) => edge / size);
  /** @param {NoiseComponent} component */
  const slowed = (component) => ({ power_db: component.power_db, decay_per_s: component.decay_per_s.map((d) => d / size) });
  const moved = { ...modes, frequency_hz: modes.frequency_hz.map((f) => f / size), decay_per_s: modes.decay_per_s.map((d) => d / size) };
  const shifted = mapComponents(residual, (component, name) => (name === "room" ? component : rebin(slowed(component), edges_hz, residual.edges_hz)));
  const result = { ...shifted, rise_s: Math.min(LONGEST_RISE_S, (residual.rise_s ?? 0) * size) };
  return { modes: moved, residual: feedRoom({ modes, residual }, { modes: moved, residual: result }) };
}

/**
 * Scale decay rates, high frequencies more.
 * @param {Heard} physics
 * @param {number} damping
 * @returns {Heard}
 */
function changeDamping({ modes, residual }, damping) {
  /** @param {number} frequency_hz */
  const ratio = (frequency_hz) => (DAMPING_SPAN * Math.sqrt((1 + Math.min(frequency_hz, MOST_HZ) / DAMPING_HZ) / 2)) ** damping;
  const ratios = centresOf(residual.edges_hz).map(ratio);
  const changed = { ...modes, decay_per_s: modes.decay_per_s.map((d, i) => d * ratio(modes.frequency_hz[i])) };
  const result = mapComponents(residual, (component, name) => (name === "strike" || name === "tail" ? { ...component, decay_per_s: component.decay_per_s.map((d, k) => d * ratios[k]) } : component));
  return { modes: changed, residual: feedRoom({ modes, residual }, { modes: changed, residual: result }) };
}

/**
 * Weight the modes as a strike at another place excites them.
 * @param {Modes} modes
 * @param {number} position
 * @returns {Modes}
 */
function changePosition(modes, position) {
  const lowest_hz = mean_hz(modes, -3);
  if (lowest_hz === null) return modes;
  const at = POSITION_CENTRE + POSITION_SPAN * position;
  /**
   * @param {number} order
   * @param {number} place
   */
  const power = (order, place) => POSITION_FLOOR ** 2 + 0.5 * (1 - Math.exp(-((order / POSITION_BLUR) ** 2)) * Math.cos(2 * Math.PI * order * place));
  return {
    ...modes,
    power_db: modes.power_db.map((level_db, i) => {
      const order = Math.sqrt(Math.min(modes.frequency_hz[i], MOST_HZ) / lowest_hz);
      return level_db + 10 * Math.log10(power(order, at) / power(order, POSITION_CENTRE));
    }),
  };
}

/**
 * Low-pass by a contact of another duration.
 * @param {Heard} physics
 * @param {number} contact_s
 * @param {number} ratio
 * @returns {Heard}
 */
function changeContact({ modes, residual }, contact_s, ratio) {
  /** @param {number} frequency_hz */
  const gain_db = (frequency_hz) => {
    const before = (2 * Math.min(frequency_hz, MOST_HZ) * contact_s) ** 4;
    return 10 * Math.log10((1 + before) / (1 + before * ratio ** 4));
  };
  const gains = centresOf(residual.edges_hz).map(gain_db);
  const rise_s = residual.rise_s > 0 ? residual.rise_s * ratio : Math.max(0, contact_s * (ratio - 1));
  return {
    modes: { ...modes, power_db: modes.power_db.map((p, i) => p + gain_db(modes.frequency_hz[i])) },
    residual: { ...mapComponents(residual, (component) => amplify(component, gains)), rise_s: Math.min(LONGEST_RISE_S, rise_s) },
  };
}

/**
 * @param {Heard} physics
 * @param {number} level_db
 * @returns {Heard}
 */
function changeLevel({ modes, residual }, level_db) {
  return {
    modes: { ...modes, power_db: modes.power_db.map((p) => p + level_db) },
    residual: mapComponents(residual, (component) => ({ ...component, power_db: component.power_db.map((p) => p + level_db) })),
  };
}

/**
 * More or less noise of the contact, and a burst where there was none.
 * @param {Heard} physics
 * @param {number} roughness
 * @returns {Residual}
 */
function changeRoughness({ modes, residual: bare }, roughness) {
  const residual = withBands(bare);
  const centres = centresOf(residual.edges_hz);
  const gains = centres.map((hz) => roughness * (ROUGHNESS_DB + ROUGHNESS_TILT_DB * Math.tanh(Math.log2(Math.max(hz, 1) / 1000) / 3)));
  const ringing = (modePowers(modes).reduce((sum, p) => sum + p, 0) * BURST_OF_MODES) / centres.length;
  const strike = amplify({ power_db: residual.power_db, decay_per_s: residual.decay_per_s }, gains);
  let { attack } = residual;
  if (attack) {
    const widened = ROUGHNESS_WIDENING ** -roughness;
    attack = amplify({ power_db: attack.power_db, decay_per_s: attack.decay_per_s.map((d) => d * widened) }, gains);
  }
  if (roughness > 0) {
    const burst = gains.map((gain, k) => roughness ** 2 * 10 ** (gain / 10) * (BURST_OF_STRIKE * powerOf(residual.power_db[k]) + ringing));
    attack = addPower(attack, burst, BURST_DECAY_PER_S);
  }
  const [low_db, high_db] = ENVELOPE_RANGE_DB;
  const envelope_db = residual.envelope_db?.map((v) => Math.min(high_db, Math.max(low_db, (1 + roughness) * v)));
  return { ...residual, ...strike, attack, envelope_db };
}

/**
 * Level of the room's own tail, or a small room where the sound has none.
 * @param {Heard} physics
 * @param {number} room
 * @returns {Residual}
 */
function changeRoom({ modes, residual: bare }, room) {
  if (bare.room) {
    if (room <= -1) return { ...bare, room: null };
    return { ...bare, room: amplify(bare.room, bare.room.power_db.map(() => 40 * Math.log10(1 + room))) };
  }
  if (room <= 0) return bare;
  const residual = withBands(bare);
  const centres = centresOf(residual.edges_hz);
  const decays = centres.map((hz) => (LN_60_DB / ROOM_T60_S) * Math.sqrt(1 + hz / ROOM_HZ));
  const scale = room ** 2 * ROOM_SHARE;
  return { ...residual, room: { power_db: exciteRoom(modes, residual, decays).map((power) => levelOf(scale * power)), decay_per_s: decays } };
}

/**
 * Power with which modes and noise excite a room of such decays, in each band.
 * @param {Modes} modes
 * @param {Residual} residual
 * @param {number[]} decays
 */
function exciteRoom(modes, residual, decays) {
  return sumBands({ modes, residual }, (k, decay) => decays[k] / Math.max(decays[k] + decay, 1e-9));
}

/**
 * The residual of a changed object, its room louder or softer by as much as it is fed more or less.
 * @param {Heard} before
 * @param {Heard} changed
 * @returns {Residual}
 */
function feedRoom(before, changed) {
  const { room } = before.residual;
  if (!room) return changed.residual;
  /** @type {(k: number, decay: number) => number} */
  const weigh = (k, decay) => 1 / Math.max(Math.hypot(decay, room.decay_per_s[k]), 1e-9);
  const octaves = centresOf(before.residual.edges_hz).map((hz) => Math.log2(Math.max(hz, 20)));
  const [since, now] = [sumBands(before, weigh), sumBands(changed, weigh)];
  const gains = octaves.map((here) => {
    const weights = octaves.map((there) => Math.exp(-0.5 * ((there - here) / ROOM_SMOOTH_OCTAVES) ** 2));
    /** @param {number[]} energies */
    const around = (energies) => energies.reduce((sum, energy, k) => sum + weights[k] * energy, 0);
    const [from, to] = [around(since), around(now)];
    return Math.min(from, to) > LEAST_POWER ? 10 * Math.log10(to / from) : 0;
  });
  return { ...changed.residual, room: amplify(room, gains) };
}

/**
 * Powers of modes and noise but the room's in each band, weighed by band and decay.
 * @param {Heard} sound
 * @param {(k: number, decay: number) => number} weigh
 */
function sumBands({ modes, residual }, weigh) {
  const centres = centresOf(residual.edges_hz);
  const total = new Array(centres.length).fill(0);
  mapComponents(residual, (component, name) => {
    if (name !== "room") component.power_db.forEach((power_db, k) => { total[k] += powerOf(power_db) * weigh(k, component.decay_per_s[k]); });
    return component;
  });
  modePowers(modes).forEach((power, i) => {
    for (const [k, share] of bandsNear(modes.frequency_hz[i], centres)) total[k] += share * power * weigh(k, modes.decay_per_s[i]);
  });
  return total;
}

// --- the inverse -----------------------------------------------------------------------------------

/**
 * The modes' own values at ``indices`` that give ``wanted`` under the sound's macros. Frequency and decay are
 * ratios, so one step each is exact. What levels depend on moves with the modes, so levels are found by the secant method.
 * @param {Shaped} sound
 * @param {number[]} indices
 * @param {ModeValues} wanted a value for each index
 * @returns {ModeValues}
 */
export function ownValues(sound, indices, wanted) {
  if (isNeutral(sound.macros)) return wanted;
  const isKept = sound.macros?.keep_loudness;
  // Roughness and room do nothing to modes, except where these make room for them.
  const macros = { ...NEUTRAL, ...sound.macros, ...(isKept ? {} : { roughness: 0, room: 0 }) };
  const bare = isKept ? sound.residual : { ...NO_NOISE, rise_s: sound.residual?.rise_s ?? 0 };
  const modes = { ...sound.modes, frequency_hz: [...sound.modes.frequency_hz], power_db: [...sound.modes.power_db], decay_per_s: [...sound.modes.decay_per_s] };
  /** @type {({own: number, heard: number} | null)[]} */
  const last = indices.map(() => null); // where a level was a round ago
  for (let round = 0; round < ROUNDS; round++) {
    const now = applyMacros(modes, bare, macros).modes;
    let missing = 0;
    indices.forEach((index, i) => {
      for (const name of /** @type {const} */ (["frequency_hz", "decay_per_s"])) {
        const ratio = wanted[name][i] / now[name][index];
        modes[name][index] *= ratio;
        missing = Math.max(missing, Math.abs(Math.log(ratio)));
      }
      const at = { own: modes.power_db[index], heard: now.power_db[index] };
      const before = last[i];
      const slope = before && at.own !== before.own && round > 2 ? (at.heard - before.heard) / (at.own - before.own) : 1;
      const step_db = clamp((wanted.power_db[i] - at.heard) / clamp(slope, 0.4, 4), -40, 40);
      last[i] = at;
      modes.power_db[index] += step_db;
      missing = Math.max(missing, Math.abs(step_db));
    });
    if (missing < 1e-9) break;
  }
  const pick = (/** @type {ModeQuantity} */ name) => indices.map((index) => modes[name][index]);
  return { frequency_hz: pick("frequency_hz"), power_db: pick("power_db"), decay_per_s: pick("decay_per_s") };
}
