// @ts-check
// Quantities as text and back: Hz and notes, dB, seconds, pan; and the colours of sounds.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { COLORS } from "./theme.js";
/** @import { Project } from "../state/types.d.ts" */

const MINUS = "\u2212";
const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const STEPS = { c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11 };
const SOUND_COLORS = /** @type {const} */ (["teal", "violet", "coral", "blue"]);

/**
 * The colour of a sound: its own, or by its place among the project's sounds.
 * @param {{sounds: {id: string, color?: string}[]}} project
 * @param {string | undefined} soundId
 */
export function soundColor(project, soundId) {
  const index = project.sounds.findIndex((sound) => sound.id === soundId);
  return project.sounds[index]?.color || COLORS[index < 0 ? "quiet" : SOUND_COLORS[index % SOUND_COLORS.length]];
}

/**
 * The colours of all sounds by their ids, for a drawing of many hits.
 * @param {Pick<Project, "sounds">} project
 */
export const soundColors = (project) => new Map(project.sounds.map(({ id, color }, index) => [id, color || COLORS[SOUND_COLORS[index % SOUND_COLORS.length]]]));

/**
 * The nearest equal-tempered note, such as "D6" (A4 = 440 Hz).
 * @param {number} frequency_hz
 */
export function noteName(frequency_hz) {
  const key = Math.round(69 + 12 * Math.log2(frequency_hz / 440));
  return NOTES[((key % 12) + 12) % 12] + (Math.floor(key / 12) - 1);
}

/**
 * Distance in cents from the nearest equal-tempered note.
 * @param {number} frequency_hz
 */
export function centsOff(frequency_hz) {
  const key = 69 + 12 * Math.log2(frequency_hz / 440);
  return Math.round((key - Math.round(key)) * 100);
}

/** @param {string} text */
const signed = (text) => text.replace("-", MINUS);

/**
 * "1184.2 Hz".
 * @param {number} frequency_hz
 */
export function formatHz(frequency_hz) {
  return `${frequency_hz.toFixed(frequency_hz < 10000 ? 1 : 0)} Hz`;
}

/**
 * "−14.6 dB"; with ``plus``, "+1.5 dB".
 * @param {number} level_db
 */
export function formatDb(level_db, plus = false) {
  const text = (Math.abs(level_db) < 0.05 ? 0 : level_db).toFixed(1);
  return `${signed(plus && level_db >= 0.05 ? `+${text}` : text)} dB`;
}

/**
 * "0.82 s", "45 ms", or "∞".
 * @param {number} duration_s
 */
export function formatSeconds(duration_s) {
  if (!Number.isFinite(duration_s)) return "∞";
  if (duration_s < 0.1) return `${(duration_s * 1000).toFixed(duration_s < 0.01 ? 1 : 0)} ms`;
  return `${duration_s.toFixed(duration_s < 10 ? 2 : 1)} s`;
}

/**
 * How long ago, in words: "just now", "5 min ago", "3 h ago", "2 days ago".
 * @param {number} age_s
 */
export function formatAge(age_s) {
  const minutes = Math.round(age_s / 60);
  if (minutes < 1) return t("format.just_now");
  if (minutes < 60) return t("format.min_ago", { minutes });
  const hours = Math.round(minutes / 60);
  if (hours < 24) return t("format.h_ago", { hours });
  const days = Math.round(hours / 24);
  return days === 1 ? t("format.yesterday") : t("format.days_ago", { days });
}

/**
 * "L 35", "centre", "R 35".
 * @param {number} pan
 */
export function formatPan(pan) {
  const percent = Math.round(Math.abs(pan) * 100);
  return percent === 0 ? t("format.centre") : `${pan < 0 ? "L" : "R"} ${percent}`;
}

/** @param {string} text */
export function parseNumber(text) {
  const found = text.trim().replace(/[\u2212\u2013]/g, "-").replace(/\s+/g, "").match(/^([+-]?(?:\d+\.?\d*|[.,]\d+)(?:[.,]\d+)?)(.*)$/);
  if (!found) return null;
  const value = Number(found[1].replace(",", "."));
  return Number.isFinite(value) ? { value, unit: found[2].toLowerCase() } : null;
}

/**
 * "1184 Hz", "1.2 kHz" (not "1k2"), "D6", "F#3", "Bb2 +12" (cents); null for other text.
 * @param {string} text
 */
export function parseHz(text) {
  const note = text.trim().toLowerCase().match(/^([a-g])\s*(#|♯|b|♭)?\s*(-?\d)\s*([+\-\u2212]\s*\d+(?:\.\d+)?)?\s*(?:c|ct|cents?)?$/);
  if (note) {
    const accidental = note[2] ? (note[2] === "#" || note[2] === "♯" ? 1 : -1) : 0;
    const key = STEPS[/** @type {keyof typeof STEPS} */ (note[1])] + accidental + (Number(note[3]) + 1) * 12;
    const cents = note[4] ? Number(note[4].replace("\u2212", "-").replace(/\s/g, "")) : 0;
    return 440 * 2 ** ((key - 69) / 12 + cents / 1200);
  }
  const number = parseNumber(text.split("·")[0]);
  if (!number || number.value <= 0 || !["", "hz", "k", "khz"].includes(number.unit)) return null;
  return number.unit.startsWith("k") ? number.value * 1000 : number.value;
}

/**
 * "-14.6 dB" or "-14.6".
 * @param {string} text
 */
export function parseDb(text) {
  const number = parseNumber(text);
  return number && ["", "db", "dbfs"].includes(number.unit) ? number.value : null;
}

/**
 * "0.82 s", "820 ms", "0.82"; always seconds.
 * @param {string} text
 */
export function parseSeconds(text) {
  const number = parseNumber(text.replace(/^\s*t60/i, ""));
  if (!number || number.value <= 0 || !["", "s", "sec", "ms"].includes(number.unit)) return null;
  return number.unit === "ms" ? number.value / 1000 : number.value;
}

/**
 * "L 35", "R35", "centre", "-0.35", "35%".
 * @param {string} text
 */
export function parsePan(text) {
  const word = text.trim().toLowerCase();
  if (["c", "centre", "center", "mid", "middle", t("format.centre")].includes(word)) return 0;
  const side = word.match(/^([lr])[a-z]*\s*(\d+(?:\.\d+)?)\s*%?$/) ?? word.match(/^(\d+(?:\.\d+)?)\s*%?\s*([lr])\w*$/);
  if (side) {
    const left = side[1] === "l" || side[2] === "l";
    return clamp(Number(/\d/.test(side[1]) ? side[1] : side[2]) / 100, 0, 1) * (left ? -1 : 1);
  }
  const number = parseNumber(text);
  if (!number || !["", "%"].includes(number.unit)) return null;
  const value = number.unit === "%" || Math.abs(number.value) > 1 ? number.value / 100 : number.value;
  return clamp(value, -1, 1);
}

/**
 * A plain number whose unit may be any of ``units``.
 * @param {string} text
 * @param {string[]} [units]
 */
export function parsePlain(text, units = []) {
  const number = parseNumber(text);
  return number && (number.unit === "" || units.includes(number.unit)) ? number.value : null;
}

/**
 * "40 %" as 0.4; null where it is no number.
 * @param {string} text
 */
export function parsePercent(text) {
  const percent = parsePlain(text, ["%"]);
  return percent === null ? null : percent / 100;
}

/**
 * "½×", "2×": playback speed.
 * @param {number} pace
 */
export const formatPace = (pace) => `${pace === 0.5 ? "½" : pace}×`;
