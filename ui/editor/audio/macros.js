// What macros and velocity do to a sound: the arithmetic of engine/physics/macros.py, which says the physics of each
// law, so that the browser plays and shows a change before the server has sampled it.

import { clamp, ENVELOPE_RANGE_DB, LN_60_DB, SILENCE_DB } from "./units.js";

const SIZE_SPAN = 4;
const CONTACT_SPAN = 6;
const VELOCITY_EXPONENT = -0.2;
const DAMPING_SPAN = 10;
const DAMPING_HZ = 1000;
const [POSITION_CENTRE, POSITION_SPAN] = [0.28, 0.22];
const [POSITION_FLOOR, POSITION_BLUR] = [0.1, 4];
const [ROUGHNESS_DB, ROUGHNESS_TILT_DB] = [12, 6];
const ROUGHNESS_WIDENING = 4;
const BURST_DECAY_PER_S = LN_60_DB / 0.02;
const [BURST_OF_STRIKE, BURST_OF_MODES] = [0.25, 0.06];
const [ROOM_SHARE, ROOM_T60_S, ROOM_HZ] = [0.25, 0.5, 4000];
const CONTACT_DEFAULT_S = 0.0005;
const CONTACT_RANGE_S = [0.00005, 0.005];
const PLAIN_EDGES_HZ = Array.from({ length: 11 }, (_, k) => 20 * 2 ** k);
const LONGEST_RISE_S = 0.1;
const MOST_HZ = 1e6;
const ROUNDS = 30;
const LEAST_POWER = 10 ** (SILENCE_DB / 10);
const STAGES = ["strike", "tail", "room", "attack"];

export const MACRO_NAMES = ["mass", "hardness", "damping", "position", "roughness", "room"];

/** Whether macros change nothing. */
export const isNeutral = (macros) => !macros || MACRO_NAMES.every((name) => !macros[name]);

/** Modes and residual as they are heard under macros, struck at a velocity: {modes, residual}, the very same at the defaults. */
export function applyMacros(modes, residual, macros, velocity_db = 0) {
  if (isNeutral(macros) && !velocity_db) return { modes, residual };
  const { mass, hardness, damping, position, roughness, room } = { mass: 0, hardness: 0, damping: 0, position: 0, roughness: 0, room: 0, ...macros };
  const size = SIZE_SPAN ** mass;
  const contact_s = contactTime_s(modes, residual) * size;
  let sound = { modes, residual: residual ?? { edges_hz: [], power_db: [], decay_per_s: [], room: null, tail: null, attack: null, rise_s: 0 } };
  if (mass) sound = changeSize(sound, size);
  if (damping) sound = changeDamping(sound, damping);
  if (position) sound = { ...sound, modes: changePosition(sound.modes, position) };
  if (hardness || velocity_db) sound = changeContact(sound, contact_s, CONTACT_SPAN ** -hardness * 10 ** ((VELOCITY_EXPONENT * velocity_db) / 20));
  if (velocity_db) sound = changeLevel(sound, velocity_db);
  if (roughness) sound = { ...sound, residual: changeRoughness(sound, roughness) };
  if (room) sound = { ...sound, residual: changeRoom(sound, room) };
  return sound;
}

const heardOf = new WeakMap(); // sounds never change, so what is heard of one is computed once

/** A sound as it is heard: its macros applied, and none left to apply. */
export function heard(sound) {
  if (!sound || isNeutral(sound.macros)) return sound;
  if (!heardOf.has(sound)) heardOf.set(sound, { ...sound, ...applyMacros(sound.modes, sound.residual, sound.macros), macros: null });
  return heardOf.get(sound);
}

// --- what the laws refer to ------------------------------------------------------------------------

/** How long striker and object seem to touch: the shorter of the rise and a quarter period at the modes' centre. */
export function contactTime_s(modes, residual) {
  const known = residual?.rise_s > 0 ? [residual.rise_s] : [];
  const centre_hz = mean_hz(modes, 0);
  if (centre_hz !== null) known.push(0.25 / centre_hz);
  return clamp(known.length ? Math.min(...known) : CONTACT_DEFAULT_S, ...CONTACT_RANGE_S);
}

/** The contact time under macros. */
export const contactTimeHeard_s = (sound, macros) => contactTime_s(sound.modes, sound.residual) * SIZE_SPAN ** macros.mass * CONTACT_SPAN ** -macros.hardness;

function mean_hz(modes, exponent) {
  const logs = [];
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

// --- the laws --------------------------------------------------------------------------------------

function changeSize({ modes, residual }, size) {
  const edges_hz = residual.edges_hz.map((edge) => edge / size);
  const slowed = (stage) => ({ power_db: stage.power_db, decay_per_s: stage.decay_per_s.map((d) => d / size) });
  return {
    modes: { ...modes, frequency_hz: modes.frequency_hz.map((f) => f / size), decay_per_s: modes.decay_per_s.map((d) => d / size) },
    residual: { ...withStages(residual, (stage, name) => (name === "room" ? stage : rebin(slowed(stage), edges_hz, residual.edges_hz))), rise_s: Math.min(LONGEST_RISE_S, (residual.rise_s ?? 0) * size) },
  };
}

function changeDamping({ modes, residual }, damping) {
  const ratio = (frequency_hz) => (DAMPING_SPAN * Math.sqrt((1 + Math.min(frequency_hz, MOST_HZ) / DAMPING_HZ) / 2)) ** damping;
  const ratios = centresOf(residual.edges_hz).map(ratio);
  return {
    modes: { ...modes, decay_per_s: modes.decay_per_s.map((d, i) => d * ratio(modes.frequency_hz[i])) },
    residual: withStages(residual, (stage, name) => (name === "strike" || name === "tail" ? { ...stage, decay_per_s: stage.decay_per_s.map((d, k) => d * ratios[k]) } : stage)),
  };
}

function changePosition(modes, position) {
  const lowest_hz = mean_hz(modes, -3);
  if (lowest_hz === null) return modes;
  const at = POSITION_CENTRE + POSITION_SPAN * position;
  const power = (order, place) => POSITION_FLOOR ** 2 + 0.5 * (1 - Math.exp(-((order / POSITION_BLUR) ** 2)) * Math.cos(2 * Math.PI * order * place));
  return {
    ...modes,
    power_db: modes.power_db.map((level_db, i) => {
      const order = Math.sqrt(Math.min(modes.frequency_hz[i], MOST_HZ) / lowest_hz);
      return level_db + 10 * Math.log10(power(order, at) / power(order, POSITION_CENTRE));
    }),
  };
}

function changeContact({ modes, residual }, contact_s, ratio) {
  const gain_db = (frequency_hz) => {
    const before = (2 * Math.min(frequency_hz, MOST_HZ) * contact_s) ** 4;
    return 10 * Math.log10((1 + before) / (1 + before * ratio ** 4));
  };
  const gains = centresOf(residual.edges_hz).map(gain_db);
  const rise_s = residual.rise_s > 0 ? residual.rise_s * ratio : Math.max(0, contact_s * (ratio - 1));
  return {
    modes: { ...modes, power_db: modes.power_db.map((p, i) => p + gain_db(modes.frequency_hz[i])) },
    residual: { ...withStages(residual, (stage) => raised(stage, gains)), rise_s: Math.min(LONGEST_RISE_S, rise_s) },
  };
}

function changeLevel({ modes, residual }, level_db) {
  return {
    modes: { ...modes, power_db: modes.power_db.map((p) => p + level_db) },
    residual: withStages(residual, (stage) => ({ ...stage, power_db: stage.power_db.map((p) => p + level_db) })),
  };
}

function changeRoughness({ modes, residual: bare }, roughness) {
  const residual = withBands(bare);
  const centres = centresOf(residual.edges_hz);
  const gains = centres.map((hz) => roughness * (ROUGHNESS_DB + ROUGHNESS_TILT_DB * Math.tanh(Math.log2(Math.max(hz, 1) / 1000) / 3)));
  const ringing = (modePowers(modes).reduce((sum, p) => sum + p, 0) * BURST_OF_MODES) / centres.length;
  const strike = raised({ power_db: residual.power_db, decay_per_s: residual.decay_per_s }, gains);
  let { attack } = residual;
  if (attack) {
    const widened = ROUGHNESS_WIDENING ** -roughness;
    attack = raised({ power_db: attack.power_db, decay_per_s: attack.decay_per_s.map((d) => d * widened) }, gains);
  }
  if (roughness > 0) {
    const burst = gains.map((gain, k) => roughness ** 2 * 10 ** (gain / 10) * (BURST_OF_STRIKE * powerOf(residual.power_db[k]) + ringing));
    attack = mix(attack, burst, BURST_DECAY_PER_S);
  }
  const [low_db, high_db] = ENVELOPE_RANGE_DB;
  const envelope_db = residual.envelope_db?.map((v) => Math.min(high_db, Math.max(low_db, (1 + roughness) * v)));
  return { ...residual, ...strike, attack, envelope_db };
}

function changeRoom({ modes, residual: bare }, room) {
  if (bare.room) {
    if (room <= -1) return { ...bare, room: null };
    return { ...bare, room: raised(bare.room, bare.room.power_db.map(() => 40 * Math.log10(1 + room))) };
  }
  if (room <= 0) return bare;
  const residual = withBands(bare);
  const centres = centresOf(residual.edges_hz);
  const decays = centres.map((hz) => (LN_60_DB / ROOM_T60_S) * Math.sqrt(1 + hz / ROOM_HZ));
  const fed = new Array(centres.length).fill(0);
  withStages(residual, (stage) => {
    stage.power_db.forEach((power_db, k) => { fed[k] += (powerOf(power_db) * decays[k]) / (decays[k] + stage.decay_per_s[k]); });
    return stage;
  });
  modePowers(modes).forEach((power, i) => {
    for (const [k, share] of bandsNear(modes.frequency_hz[i], centres)) fed[k] += (share * power * decays[k]) / (decays[k] + modes.decay_per_s[i]);
  });
  const scale = room ** 2 * ROOM_SHARE;
  return { ...residual, room: { power_db: fed.map((power) => levelOf(scale * power)), decay_per_s: decays } };
}

// --- bands -----------------------------------------------------------------------------------------

/** The residual with each stage it has replaced by ``change(stage, name)``. */
function withStages(residual, change) {
  const result = { ...residual };
  for (const name of STAGES) {
    const stage = name === "strike" ? residual : residual[name];
    if (!stage?.power_db?.length) continue;
    const { power_db, decay_per_s } = change({ power_db: stage.power_db, decay_per_s: stage.decay_per_s }, name);
    if (name === "strike") Object.assign(result, { power_db, decay_per_s });
    else result[name] = { power_db, decay_per_s };
  }
  return result;
}

function withBands(residual) {
  if (residual.power_db.length) return residual;
  const each = (value) => new Array(PLAIN_EDGES_HZ.length - 1).fill(value);
  return { ...residual, edges_hz: PLAIN_EDGES_HZ, power_db: each(SILENCE_DB), decay_per_s: each(BURST_DECAY_PER_S) };
}

function rebin(stage, from_hz, to_hz) {
  const result = { power_db: [], decay_per_s: [] };
  let first = 0;
  for (let band = 0; band + 1 < to_hz.length; band++) {
    const [low, high] = [to_hz[band], to_hz[band + 1]];
    let total = 0;
    let weighted = 0;
    while (first < from_hz.length - 2 && from_hz[first + 1] <= low) first++;
    for (let k = first; k + 1 < from_hz.length && from_hz[k] < high; k++) {
      const share = (Math.min(from_hz[k + 1], high) - Math.max(from_hz[k], low)) / (from_hz[k + 1] - from_hz[k]);
      const power = powerOf(stage.power_db[k]) * Math.max(0, share);
      total += power;
      weighted += power * Math.log(Math.max(stage.decay_per_s[k], 1e-9));
    }
    result.power_db.push(levelOf(total));
    result.decay_per_s.push(total > LEAST_POWER ? Math.exp(weighted / total) : stage.decay_per_s[first]);
  }
  return result;
}

function mix(stage, powers, decay_per_s) {
  if (!stage) return { power_db: powers.map(levelOf), decay_per_s: powers.map(() => decay_per_s) };
  const result = { power_db: [], decay_per_s: [] };
  powers.forEach((power, k) => {
    const own = powerOf(stage.power_db[k]);
    const total = own + power;
    const log = own * Math.log(Math.max(stage.decay_per_s[k], 1e-9)) + power * Math.log(decay_per_s);
    result.power_db.push(levelOf(total));
    result.decay_per_s.push(total > LEAST_POWER ? Math.exp(log / total) : stage.decay_per_s[k]);
  });
  return result;
}

const raised = (stage, gains_db) => ({ ...stage, power_db: stage.power_db.map((p, k) => (p > SILENCE_DB ? p + gains_db[k] : p)) });
const modePowers = (modes) => modes.power_db.map((p, i) => (modes.muted?.[i] ? 0 : 0.5 * 10 ** (p / 10)));
const centresOf = (edges_hz) => edges_hz.slice(1).map((high, k) => 0.5 * (edges_hz[k] + high));
const powerOf = (level_db) => (level_db > SILENCE_DB ? 10 ** (level_db / 10) : 0);
const levelOf = (power) => (power > LEAST_POWER ? 10 * Math.log10(power) : SILENCE_DB);

function bandsNear(frequency_hz, centres) {
  const last = centres.length - 1;
  if (frequency_hz <= centres[0]) return [[0, 1]];
  if (frequency_hz >= centres[last]) return [[last, 1]];
  const above = centres.findIndex((hz) => hz > frequency_hz);
  const share = (frequency_hz - centres[above - 1]) / (centres[above] - centres[above - 1]);
  return [[above - 1, 1 - share], [above, share]];
}

// --- the other way ---------------------------------------------------------------------------------

/**
 * Own values of some modes that are heard as ``wanted`` ({frequency_hz, power_db, decay_per_s}, one for each of
 * ``indices``) under the sound's macros. Frequency and decay are ratios, so one step each is exact. What the laws of
 * level refer to moves with the modes, so levels are corrected by what is missing, by secants, until nothing is.
 */
export function ownValues(sound, indices, wanted) {
  if (isNeutral(sound.macros)) return wanted;
  const macros = { ...sound.macros, roughness: 0, room: 0 }; // they do nothing to modes
  const bare = { edges_hz: [], power_db: [], decay_per_s: [], rise_s: sound.residual?.rise_s ?? 0 };
  const modes = { ...sound.modes, frequency_hz: [...sound.modes.frequency_hz], power_db: [...sound.modes.power_db], decay_per_s: [...sound.modes.decay_per_s] };
  const last = indices.map(() => null); // where a level was a round ago, own and heard
  for (let round = 0; round < ROUNDS; round++) {
    const now = applyMacros(modes, bare, macros).modes;
    let missing = 0;
    indices.forEach((index, i) => {
      for (const name of ["frequency_hz", "decay_per_s"]) {
        const ratio = wanted[name][i] / now[name][index];
        modes[name][index] *= ratio;
        missing = Math.max(missing, Math.abs(Math.log(ratio)));
      }
      const at = { own: modes.power_db[index], heard: now.power_db[index] };
      const slope = last[i] && at.own !== last[i].own && round > 2 ? (at.heard - last[i].heard) / (at.own - last[i].own) : 1;
      const step_db = clamp((wanted.power_db[i] - at.heard) / clamp(slope, 0.4, 4), -40, 40);
      last[i] = at;
      modes.power_db[index] += step_db;
      missing = Math.max(missing, Math.abs(step_db));
    });
    if (missing < 1e-9) break;
  }
  const pick = (name) => indices.map((index) => modes[name][index]);
  return { frequency_hz: pick("frequency_hz"), power_db: pick("power_db"), decay_per_s: pick("decay_per_s") };
}
