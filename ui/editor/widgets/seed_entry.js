// @ts-check
// A field for the seed of one hit or of the project.

import { createEntry } from "./controls.js";
import { parsePlain } from "./format.js";
import { t } from "../texts/t.js";

const LARGEST_SEED = 0x7fffffff;

/** A random seed of at most seven digits, which the field shows in full. */
export const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % 10_000_000;

/**
 * An entry that accepts whole numbers from 0 to LARGEST_SEED.
 * @param {string} label
 * @param {(seed: number) => void} onSeed
 */
export const createSeedEntry = (label, onSeed) => createEntry({
  label,
  className: "ins-time",
  /** @param {string} text */
  onEnter(text) {
    const value = parsePlain(text);
    if (value === null || !Number.isInteger(value) || value < 0 || value > LARGEST_SEED) return t("refusal.no_seed", { typed: text, most: LARGEST_SEED });
    onSeed(value);
    return true;
  },
});
