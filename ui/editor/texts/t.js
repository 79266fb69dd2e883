// @ts-check
// Texts of the editor in the language that the user chose, else in the browser's, else in English.

import { recall, remember } from "../state/remembered.js";
import { DE } from "./de/all.js";
import { EN } from "./en/all.js";
import { JA } from "./ja/all.js";

/** @typedef {keyof typeof EN} TextKey */
/** @typedef {"en" | "de" | "ja"} Language */

const REMEMBERED = "struck.language";
/** @type {Record<Language, Readonly<Record<TextKey, string>>>} */
const CATALOGUES = { en: EN, de: DE, ja: JA };
/** Each language in its own words. @type {[Language, string][]} */
export const LANGUAGES = [["en", "English"], ["de", "Deutsch"], ["ja", "日本語"]];
const PLACES = /\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g;

/**
 * The language to show: what was chosen, else the first that the browser asks for and that is there.
 * @param {string | null} chosen
 * @param {readonly string[]} asked such as ["de-AT", "en"]
 * @returns {Language}
 */
export function pickLanguage(chosen, asked) {
  return [chosen ?? "", ...asked].map((tag) => LANGUAGES.find(([name]) => name === tag.toLowerCase().split("-")[0])?.[0]).find(Boolean) ?? "en";
}

export const LANGUAGE = pickLanguage(recall(REMEMBERED), typeof document === "undefined" ? [] : navigator.languages);

/**
 * A text of the catalogue with its places filled: "{name}" by a value, "{count|hit|hits}" by the first word where the
 * count is 1, else by the second.
 * @param {TextKey} key
 * @param {Readonly<Record<string, unknown>>} [values]
 */
export function t(key, values = {}) {
  return CATALOGUES[LANGUAGE][key].replace(PLACES, (_, name, one, other) => (one === undefined ? String(values[name]) : Number(values[name]) === 1 ? one : other));
}

/**
 * The first of some words that a typed text holds, in English or the language shown; null for none.
 * @template {TextKey} K
 * @param {string} typed
 * @param {readonly K[]} keys
 */
export function findWord(typed, keys) {
  const text = typed.toLowerCase();
  return keys.find((key) => [EN[key], t(key)].some((word) => text.includes(word.toLowerCase()))) ?? null;
}

/**
 * Show the page in another language, from its next load on, which is now.
 * @param {Language} language
 */
export function chooseLanguage(language) {
  if (language === LANGUAGE) return;
  remember(REMEMBERED, language);
  location.reload();
}

/**
 * A typed text without some words of the catalogue.
 * @param {string} typed
 * @param {TextKey[]} keys
 */
export function without(typed, ...keys) {
  return keys.flatMap((key) => [EN[key], t(key)]).reduce((text, word) => text.replace(new RegExp(word, "i"), ""), typed);
}
