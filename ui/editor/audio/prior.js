// @ts-check
// The analytic prior: modes and residual as sound, by the same formula as the engine. Computed offline here;
// preview_worklet.js does the same sample by sample while a mode is dragged.
//
// x(t) = sum 10^(power_db/20) cos(2 pi f t + phase) e^(-decay t) + band noise, nothing normalised.

import { fft } from "./fft.js";
import { applyMacros } from "./macros.js";
import { dbToGain, ENVELOPE_STEP_S, LN_60_DB, SAMPLE_RATE_HZ } from "./units.js";
/** @import { Modes, NoiseComponent, Physics, Residual, Shaped, HitOffsets } from "../state/types.d.ts" */

const NOISE_LENGTH = 32768; // 0.68 s of noise per band, seamless when looped
const MAX_DURATION_S = 8;
const CUT_FADE_S = 1;
const END_FADE_S = 0.02;
const MOST_TABLES = 8;

/**
 * Uniform numbers in [0, 1) (mulberry32).
 * @param {number} seed
 */
function randomSource(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** @type {Map<string, (Float32Array | null)[]>} */
const noiseTables = new Map();

/**
 * Looping noise for each band between the edges: Float32Array [NOISE_LENGTH] of mean square 1; null above Nyquist.
 * @param {number[]} edges_hz
 * @returns {(Float32Array | null)[]}
 */
export function bandNoise(edges_hz) {
  const name = edges_hz.join();
  const known = noiseTables.get(name);
  if (known) return known;
  const random = randomSource(0x5eed);
  /** @type {(Float32Array | null)[]} */
  const tables = [];
  const bands = Math.max(0, edges_hz.length - 1);
  const hz = SAMPLE_RATE_HZ / NOISE_LENGTH;
  for (let band = 0; band < bands; band++) {
    const first = Math.max(1, Math.ceil(edges_hz[band] / hz));
    const last = Math.min(NOISE_LENGTH / 2 - 1, Math.max(first, Math.ceil(edges_hz[band + 1] / hz) - 1));
    if (first >= NOISE_LENGTH / 2) {
      tables.push(null);
      continue;
    }
    const re = new Float64Array(NOISE_LENGTH);
    const im = new Float64Array(NOISE_LENGTH);
    for (let k = first; k <= last; k++) {
      const size = Math.sqrt(-2 * Math.log(1 - random()));
      const angle = 2 * Math.PI * random();
      re[k] = size * Math.cos(angle);
      im[k] = size * Math.sin(angle);
    }
    fft(re, im, true); // one-sided: the real part is the noise
    let power = 0;
    for (let i = 0; i < NOISE_LENGTH; i++) power += re[i] * re[i];
    // Of a band that reaches past Nyquist only the part below it sounds, at the same level per Hz.
    const share = Math.min(1, (SAMPLE_RATE_HZ / 2 - edges_hz[band]) / (edges_hz[band + 1] - edges_hz[band]));
    const scale = Math.sqrt(share / (power / NOISE_LENGTH));
    tables.push(Float32Array.from(re, (value) => value * scale));
  }
  const [oldest] = noiseTables.keys();
  if (noiseTables.size > MOST_TABLES) noiseTables.delete(oldest);
  noiseTables.set(name, tables);
  return tables;
}

/**
 * The components a residual has, each as levels and decays per band.
 * @param {Residual | null} residual
 * @returns {NoiseComponent[]}
 */
export function noiseComponents(residual) {
  if (!residual || !residual.power_db?.length) return [];
  const all = [residual, residual.room, residual.attack, residual.tail];
  return all.filter((component) => component !== null && component !== undefined).filter((component) => component.power_db.length > 0);
}

/**
 * Fade-in gain of a sound: a raised cosine over its rise. A sample has the gain at its middle, so that a rise much
 * shorter than a sample changes nothing.
 * @param {number} time_s
 * @param {number} rise_s
 */
export function riseGain(time_s, rise_s) {
  const middle_s = time_s + 0.5 / SAMPLE_RATE_HZ;
  return rise_s > 0 && middle_s < rise_s ? 0.5 - 0.5 * Math.cos((Math.PI * middle_s) / rise_s) : 1;
}

/**
 * Level in dB of the largest gain that an exponential decay reaches under a rise.
 * @param {number} decay_per_s
 * @param {number} rise_s
 */
export function risePeakDb(decay_per_s, rise_s) {
  const lasting = decay_per_s * rise_s;
  const angle = Math.atan2(Math.PI, lasting); // of the rise, where the slope of rise times decay is 0
  return 40 * Math.log10(Math.sin(angle)) - ((2 * angle * lasting) / Math.PI) * (60 / LN_60_DB);
}

/**
 * Gains of the fine envelope, one every ENVELOPE_STEP_S from the onset on, and the 1 that it ends in; null for none.
 * @param {number[] | undefined} envelope_db
 */
export function envelopeGains(envelope_db) {
  return envelope_db?.length ? [...envelope_db.map(dbToGain), 1] : null;
}

/**
 * Gain of the fine envelope by time: straight lines between its steps, 1 beyond its end.
 * @param {number[]} gains
 * @param {number} time_s
 */
export function envelopeGain(gains, time_s) {
  const place = time_s / ENVELOPE_STEP_S;
  const k = Math.floor(place);
  return k + 1 < gains.length ? gains[k] + (gains[k + 1] - gains[k]) * (place - k) : 1;
}

/**
 * A sound with its macros and the hit's velocity and offsets applied, as by the engine before synthesis.
 * @param {Shaped} sound
 * @param {Partial<HitOffsets> | null} offsets
 * @returns {Physics}
 */
export function applyHitOffsets(sound, offsets, velocity_db = 0) {
  const pitch = 2 ** ((offsets?.pitch_cents ?? 0) / 1200);
  const ratio = offsets?.decay_ratio ?? 1;
  const residual_db = offsets?.residual_db ?? 0;
  /** @param {NoiseComponent} noise */
  const offset = (noise) => ({ power_db: noise.power_db.map((p) => p + residual_db), decay_per_s: noise.decay_per_s.map((d) => d * ratio) });
  const { modes, residual } = applyMacros(sound.modes, sound.residual, sound.macros, velocity_db);
  return {
    modes: { ...modes, frequency_hz: modes.frequency_hz.map((f) => f * pitch), decay_per_s: modes.decay_per_s.map((d) => d * ratio) },
    residual: residual && {
      ...residual, ...offset(residual),
      room: residual.room && offset(residual.room), tail: residual.tail && offset(residual.tail), attack: residual.attack && offset(residual.attack),
    },
  };
}

/**
 * Seconds until everything that sounds is ``range_db`` under the loudest part's peak, at most MAX_DURATION_S.
 * @param {Physics} physics
 */
export function durationOf({ modes, residual }, range_db = 60) {
  const parts = modes.frequency_hz.map((f, i) => [modes.muted?.[i] || f >= SAMPLE_RATE_HZ / 2 ? -Infinity : modes.power_db[i], modes.decay_per_s[i]]);
  for (const component of noiseComponents(residual)) {
    component.power_db.forEach((p, i) => parts.push([(residual?.edges_hz[i] ?? 0) >= SAMPLE_RATE_HZ / 2 ? -Infinity : p, component.decay_per_s[i]]));
  }
  const top = Math.max(-200, ...parts.map(([power, decay]) => power + risePeakDb(decay, residual?.rise_s ?? 0)));
  const times = parts.map(([power, decay]) => (power > top - range_db ? ((power - top + range_db) * LN_60_DB) / 60 / Math.max(decay, 1e-6) : 0));
  return Math.min(MAX_DURATION_S, Math.max(0.05, ...times));
}

/**
 * The whole sound of a physics, or its first ``longest_s``, with its end faded: longer where it is cut while it sounds.
 * @param {Physics} physics
 * @param {number} longest_s
 * @param {number} seed
 */
export function synthesizeWhole(physics, longest_s = MAX_DURATION_S, seed = 0) {
  const whole_s = durationOf(physics);
  const duration_s = Math.min(longest_s, whole_s);
  const samples = synthesize(physics, duration_s, seed);
  const isCut = whole_s > longest_s || whole_s >= MAX_DURATION_S;
  const count = Math.round(Math.min(isCut ? CUT_FADE_S : END_FADE_S, duration_s / 4) * SAMPLE_RATE_HZ);
  for (let n = 0; n < count; n++) samples[samples.length - 1 - n] *= 0.5 - 0.5 * Math.cos((Math.PI * n) / count);
  return samples;
}

/**
 * Synthesise modes and residual at 48 kHz, sample 0 = onset.
 * @param {Physics} physics
 */
export function synthesize(physics, duration_s = durationOf(physics), seed = 0) {
  const length = Math.ceil(duration_s * SAMPLE_RATE_HZ);
  const sum = new Float64Array(length);
  addModes(sum, physics.modes);
  addResidual(sum, physics.residual, seed);
  const rise_s = physics.residual?.rise_s ?? 0;
  for (let n = 0; n < Math.min(length, rise_s * SAMPLE_RATE_HZ); n++) sum[n] *= riseGain(n / SAMPLE_RATE_HZ, rise_s);
  return Float32Array.from(sum);
}

/**
 * @param {Float64Array} sum
 * @param {Modes} modes
 */
function addModes(sum, modes) {
  for (let i = 0; i < modes.frequency_hz.length; i++) {
    const frequency_hz = modes.frequency_hz[i];
    if (modes.muted?.[i] || frequency_hz >= SAMPLE_RATE_HZ / 2) continue;
    const amplitude = dbToGain(modes.power_db[i]);
    const decay = modes.decay_per_s[i];
    const phase = modes.phase_rad?.[i] ?? 0;
    const angle = (2 * Math.PI * frequency_hz) / SAMPLE_RATE_HZ;
    const shrink = Math.exp(-decay / SAMPLE_RATE_HZ);
    const c = shrink * Math.cos(angle);
    const s = shrink * Math.sin(angle);
    let re = amplitude * Math.cos(phase);
    let im = amplitude * Math.sin(phase);
    // Stop at -140 dB: below any float the ear or a 24-bit file can hold.
    const end = decay > 0 ? Math.min(sum.length, Math.ceil((Math.max(0, Math.log(amplitude) + 16.1) / decay) * SAMPLE_RATE_HZ)) : sum.length;
    for (let n = 0; n < end; n++) {
      sum[n] += re;
      const next = re * c - im * s;
      im = re * s + im * c;
      re = next;
    }
  }
}

/**
 * @param {Float64Array} sum
 * @param {Residual | null} residual
 * @param {number} seed
 */
function addResidual(sum, residual, seed) {
  const components = noiseComponents(residual);
  if (!residual || !components.length) return;
  const tables = bandNoise(residual.edges_hz);
  const random = randomSource(seed * 2654435761 + 1);
  const gains = envelopeGains(residual.envelope_db);
  const shaped = gains ? Float64Array.from({ length: Math.min(sum.length, Math.ceil(gains.length * ENVELOPE_STEP_S * SAMPLE_RATE_HZ)) }, (_, n) => envelopeGain(gains, n / SAMPLE_RATE_HZ)) : [];
  for (const component of components) {
    const fine = component === residual.room ? [] : shaped;
    for (let band = 0; band < component.power_db.length; band++) {
      const table = tables[band];
      const offset = Math.floor(random() * NOISE_LENGTH);
      if (!table) continue;
      let level = dbToGain(component.power_db[band]);
      const step = Math.exp(-component.decay_per_s[band] / SAMPLE_RATE_HZ);
      for (let n = 0; n < sum.length && level > 1e-7; n++) {
        sum[n] += level * (n < fine.length ? fine[n] : 1) * table[(n + offset) & (NOISE_LENGTH - 1)];
        level *= step;
      }
    }
  }
}
