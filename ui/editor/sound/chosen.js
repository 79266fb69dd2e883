// @ts-check
// What keys choose in the plots of a sound, a mode or a noise band, and how it is said.

import { decayToT60 } from "../audio/units.js";
import { t } from "../texts/t.js";
import { centsOff, formatDb, formatHz, formatSeconds, noteName } from "../widgets/format.js";
/** @import { Modes, ModeValues, NoiseComponent } from "../state/types.d.ts" */

/** Keys that go from one to the next, as they go from hit to hit in the timeline. */
export const STEPS = /** @type {Record<string, 1 | -1 | undefined>} */ ({ "[": -1, "]": 1 });

/**
 * Whether keys are meant for a plot, and were what reached it.
 * @param {HTMLCanvasElement} canvas
 */
export const isReached = (canvas) => document.activeElement === canvas && canvas.matches(".by-keys *");

/**
 * The one beside those chosen, in an order; the first or the last where none is chosen, and at the ends.
 * @param {number[]} order
 * @param {Set<number>} chosen
 * @param {1 | -1} step
 * @returns {number | null} null where there is nothing to choose
 */
export function chooseBeside(order, chosen, step) {
  /** @param {number} index */
  const isChosen = (index) => chosen.has(index);
  const from = step > 0 ? order.findLastIndex(isChosen) : order.findIndex(isChosen);
  if (from < 0) return order.at(step > 0 ? 0 : -1) ?? null;
  return order[from + step] ?? order[from];
}

/**
 * Indices of modes from the lowest to the highest.
 * @param {Pick<ModeValues, "frequency_hz">} modes
 */
export const byFrequency = ({ frequency_hz }) => [...frequency_hz.keys()].sort((a, b) => frequency_hz[a] - frequency_hz[b]);

/**
 * The values of a mode, each in words.
 * @param {ModeValues & Partial<Pick<Modes, "muted">>} modes
 * @param {number} index
 */
export function describeMode({ frequency_hz, power_db, decay_per_s, muted }, index) {
  const hz = frequency_hz[index];
  const cents = centsOff(hz);
  return [
    formatHz(hz), `${noteName(hz)}${cents ? ` ${cents > 0 ? "+" : "\u2212"}${Math.abs(cents)} c` : ""}`,
    formatDb(power_db[index]), `T60 ${formatSeconds(decayToT60(decay_per_s[index]))}`, muted?.[index] ? t("common.muted") : "",
  ].filter(Boolean);
}

/**
 * The chosen modes in words; "" for none.
 * @param {ModeValues & Partial<Pick<Modes, "muted">>} modes
 * @param {Set<number>} chosen
 */
export function describeModes(modes, chosen) {
  const order = byFrequency(modes);
  const [first, ...others] = order.filter((index) => chosen.has(index));
  if (first === undefined) return "";
  if (others.length) return t("chosen.modes_selected", { count: others.length + 1, total: order.length });
  return [t("chosen.mode_of", { number: order.indexOf(first) + 1, count: order.length }), ...describeMode(modes, first)].join(", ");
}

/**
 * The values of a noise band, each in words.
 * @param {number[]} edges_hz
 * @param {Pick<NoiseComponent, "power_db" | "decay_per_s">} part
 * @param {number} index
 */
export const describeBand = (edges_hz, { power_db, decay_per_s }, index) => [
  `${Math.round(edges_hz[index])}\u2013${formatHz(Math.round(edges_hz[index + 1])).replace(".0", "")}`, formatDb(power_db[index]), `T60 ${formatSeconds(decayToT60(decay_per_s[index]))}`,
];

/**
 * The chosen noise bands in words.
 * @param {number[]} edges_hz
 * @param {Pick<NoiseComponent, "power_db" | "decay_per_s">} part
 * @param {Set<number>} chosen
 */
export function describeBands(edges_hz, part, chosen) {
  const total = part.power_db.length;
  const [first, ...others] = chosen;
  if (first === undefined || others.length) return t("residual.of_bands_chosen", { count: chosen.size, count2: total });
  return [t("chosen.band_of", { number: first + 1, count: total }), ...describeBand(edges_hz, part, first)].join(", ");
}
