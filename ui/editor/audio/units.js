// @ts-check
// Units of sound: decibels and gains, decay rates and T60, and the constants that they refer to.

export const ENVELOPE_STEP_S = 0.005; // of a residual's fine envelope
/** @type {[number, number]} */
export const ENVELOPE_RANGE_DB = [-40, 20];
export const LN_60_DB = Math.log(1000); // T60 = LN_60_DB / decay_per_s
export const SAMPLE_RATE_HZ = 48000;
export const SILENCE_DB = -200;

/** @param {number} level_db */
export const dbToGain = (level_db) => 10 ** (level_db / 20);
/** @param {number} gain */
export const gainToDb = (gain) => (gain > 0 ? Math.max(SILENCE_DB, 20 * Math.log10(gain)) : SILENCE_DB);
/** @param {number} decay_per_s */
export const decayToT60 = (decay_per_s) => (decay_per_s > 0 ? LN_60_DB / decay_per_s : Infinity);
/** @param {number} t60_s */
export const t60ToDecay = (t60_s) => LN_60_DB / t60_s;
/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
/** @param {number[]} values */
export const geometricMean = (values) => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
/** @param {number[]} values */
export const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
