// @ts-check
// Arithmetic of the residual's bands: levels and powers, and components changed, added and spread over other bands.

import { LN_60_DB, SILENCE_DB } from "./units.js";
/** @import { ComponentName, Modes, NoiseComponent, Residual } from "../state/types.d.ts" */

/** @type {ComponentName[]} */
const COMPONENTS = ["strike", "tail", "room", "attack"];
const PLAIN_EDGES_HZ = Array.from({ length: 11 }, (_, k) => 20 * 2 ** k);
/** Of a band that is not silent. */
export const LEAST_POWER = 10 ** (SILENCE_DB / 10);

/** Decay of the noise burst of a contact: 60 dB in 20 ms. */
export const BURST_DECAY_PER_S = LN_60_DB / 0.02;

/**
 * The residual with each component it has replaced by ``change(component, name)``.
 * @param {Residual} residual
 * @param {(component: NoiseComponent, name: ComponentName) => NoiseComponent} change
 * @returns {Residual}
 */
export function mapComponents(residual, change) {
  const result = { ...residual };
  for (const name of COMPONENTS) {
    const component = name === "strike" ? residual : residual[name];
    if (!component?.power_db?.length) continue;
    const { power_db, decay_per_s } = change({ power_db: component.power_db, decay_per_s: component.decay_per_s }, name);
    if (name === "strike") Object.assign(result, { power_db, decay_per_s });
    else result[name] = { power_db, decay_per_s };
  }
  return result;
}

/**
 * The residual itself if it has bands, else with silent octave bands.
 * @param {Residual} residual
 * @returns {Residual}
 */
export function withBands(residual) {
  if (residual.power_db.length) return residual;
  const each = (/** @type {number} */ value) => new Array(PLAIN_EDGES_HZ.length - 1).fill(value);
  return { ...residual, edges_hz: PLAIN_EDGES_HZ, power_db: each(SILENCE_DB), decay_per_s: each(BURST_DECAY_PER_S) };
}

/**
 * A component's power spread anew over other bands; decays are averaged by power, in their logarithm.
 * @param {NoiseComponent} component
 * @param {number[]} from_hz edges of its bands
 * @param {number[]} to_hz
 * @returns {NoiseComponent}
 */
export function rebin(component, from_hz, to_hz) {
  /** @type {NoiseComponent} */
  const result = { power_db: [], decay_per_s: [] };
  let first = 0;
  for (let band = 0; band + 1 < to_hz.length; band++) {
    const [low, high] = [to_hz[band], to_hz[band + 1]];
    let total = 0;
    let weighted = 0;
    while (first < from_hz.length - 2 && from_hz[first + 1] <= low) first++;
    for (let k = first; k + 1 < from_hz.length && from_hz[k] < high; k++) {
      const share = (Math.min(from_hz[k + 1], high) - Math.max(from_hz[k], low)) / (from_hz[k + 1] - from_hz[k]);
      const power = powerOf(component.power_db[k]) * Math.max(0, share);
      total += power;
      weighted += power * Math.log(Math.max(component.decay_per_s[k], 1e-9));
    }
    result.power_db.push(levelOf(total));
    result.decay_per_s.push(total > LEAST_POWER ? Math.exp(weighted / total) : component.decay_per_s[first]);
  }
  return result;
}

/**
 * A component with power of one decay added in every band.
 * @param {NoiseComponent | null} component
 * @param {number[]} powers
 * @param {number} decay_per_s
 * @returns {NoiseComponent}
 */
export function addPower(component, powers, decay_per_s) {
  if (!component) return { power_db: powers.map(levelOf), decay_per_s: powers.map(() => decay_per_s) };
  /** @type {NoiseComponent} */
  const result = { power_db: [], decay_per_s: [] };
  powers.forEach((power, k) => {
    const own = powerOf(component.power_db[k]);
    const total = own + power;
    const log = own * Math.log(Math.max(component.decay_per_s[k], 1e-9)) + power * Math.log(decay_per_s);
    result.power_db.push(levelOf(total));
    result.decay_per_s.push(total > LEAST_POWER ? Math.exp(log / total) : component.decay_per_s[k]);
  });
  return result;
}

/**
 * A component with a gain in every band; silence stays silent.
 * @param {NoiseComponent} component
 * @param {number[]} gains_db
 * @returns {NoiseComponent}
 */
export const amplify = (component, gains_db) => ({ ...component, power_db: component.power_db.map((p, k) => (p > SILENCE_DB ? p + gains_db[k] : p)) });
/**
 * Mean squares of the modes at the onset; muted ones have none.
 * @param {Modes} modes
 */
export const modePowers = (modes) => modes.power_db.map((p, i) => (modes.muted?.[i] ? 0 : 0.5 * 10 ** (p / 10)));
/** @param {number[]} edges_hz */
export const centresOf = (edges_hz) => edges_hz.slice(1).map((high, k) => 0.5 * (edges_hz[k] + high));
/** @param {number} level_db */
export const powerOf = (level_db) => (level_db > SILENCE_DB ? 10 ** (level_db / 10) : 0);
/** @param {number} power */
export const levelOf = (power) => (power > LEAST_POWER ? 10 * Math.log10(power) : SILENCE_DB);

/**
 * The bands whose centres lie around a frequency and their linear shares: [index, share].
 * @param {number} frequency_hz
 * @param {number[]} centres
 * @returns {[number, number][]}
 */
export function bandsNear(frequency_hz, centres) {
  const last = centres.length - 1;
  if (frequency_hz <= centres[0]) return [[0, 1]];
  if (frequency_hz >= centres[last]) return [[last, 1]];
  const above = centres.findIndex((hz) => hz > frequency_hz);
  const share = (frequency_hz - centres[above - 1]) / (centres[above] - centres[above - 1]);
  return [[above - 1, 1 - share], [above, share]];
}
