// @ts-check
// Sliders of variation: that of the project is the least of each sound, and is told where it is what is heard.

import { findWord, t, without } from "../texts/t.js";
import { createSlider } from "./controls.js";
import { parsePercent } from "./format.js";
/** @import { SliderSettings } from "./controls.js" */
/** @import { Project } from "../state/types.d.ts" */

/**
 * How far the hits of a sound differ as they are heard: by its own variation or the project's, whichever is more.
 * @param {Pick<Project, "render">} project
 * @param {{variation: number}} sound
 */
export const heardVariation = ({ render }, { variation }) => Math.max(render.variation, variation);

/** @param {number} variation */
const formatPart = (variation) => (variation < 0.005 ? t("common.none") : `${Math.round(100 * variation)} %`);

/**
 * "40 %", "none"; of a sound's value under the project's, what is heard and why: "60 %, of the project".
 * @param {number} variation
 * @param {number} least that of the project
 */
export const formatVariation = (variation, least = 0) => (formatPart(variation) === formatPart(Math.max(variation, least)) ? formatPart(variation) : formatPart(least) + t("variation.of_the_project"));

/** @param {string} text */
export const parseVariation = (text) => (/off/i.test(text) || findWord(text, ["common.none"]) ? 0 : parsePercent(without(text, "variation.of_the_project")));

/**
 * A slider of variation; ``least()`` is the project's, under which a sound's is not heard.
 * @param {Pick<SliderSettings, "label" | "help" | "onInput" | "onCommit">} settings
 * @param {() => number} [least]
 */
export function createVariation(settings, least = () => 0) {
  const slider = createSlider({
    ...settings, min: 0, max: 1, step: 0.01, neutral: 0, format: (value) => formatVariation(value, least()), read: parseVariation,
    onCommit(value, gesture) {
      settings.onCommit(value, gesture);
      set(value);
    },
  });
  /** @param {number} value the sound's own, or the project's */
  const set = (value) => slider.set(Math.max(value, least()), formatVariation(value, least()));
  return { element: slider.element, set };
}
