// @ts-check
// Values of the mixer as text and back: sends and filters that can be off, distances, directions, loudness.

import { SEND_OFF_DB } from "../audio/strip.js";
import { clamp } from "../audio/units.js";
import { findWord, t } from "../texts/t.js";
import { formatDb, parseDb, parseHz, parsePlain } from "../widgets/format.js";

export const LOWEST_HZ = 20;
export const HIGHEST_HZ = 20000;
/** @param {string} text */
const saysOff = (text) => /none|^-+$/i.test(text.trim()) || findWord(text, ["units.off"]) !== null;

/** @param {number} level_db */
export const formatSend = (level_db) => (level_db <= SEND_OFF_DB ? t("units.off") : formatDb(level_db, true));
/** @param {string} text */
export const parseSend = (text) => (saysOff(text) ? SEND_OFF_DB : parseDb(text));

/** @param {number} distance_m */
export const formatMetres = (distance_m) => `${distance_m < 9.95 ? distance_m.toFixed(1) : Math.round(distance_m)} m`;
/** @param {string} text */
export const parseMetres = (text) => parsePlain(text, ["m"]);
/** @param {number} offset_m */
export const formatOffset = (offset_m) => (Math.abs(offset_m) < 0.05 ? t("units.as_its_sound") : `${offset_m > 0 ? "+" : "\u2212"}${formatMetres(Math.abs(offset_m))}`);

/** @param {string} text */
export const parseOffset = (text) => (/as|same/i.test(text) || findWord(text, ["units.as_its_sound"]) ? 0 : parseMetres(text));

/**
 * A cutoff at the end of its slider, where the filter is off.
 * @param {number} off_hz
 * @returns {(cutoff_hz: number) => string}
 */
export const formatCutoff = (off_hz) => (cutoff_hz) => (isOff(cutoff_hz, off_hz) ? t("units.off") : cutoff_hz < 999.5 ? `${Math.round(cutoff_hz)} Hz` : `${(cutoff_hz / 1000).toFixed(cutoff_hz < 9950 ? 2 : 1)} kHz`);
/**
 * @param {number} off_hz
 * @returns {(text: string) => number | null}
 */
export const parseCutoff = (off_hz) => (text) => (saysOff(text) ? off_hz : parseHz(text));
/**
 * @param {number} cutoff_hz
 * @param {number} off_hz
 */
export const isOff = (cutoff_hz, off_hz) => Math.abs(Math.log(cutoff_hz / off_hz)) < 0.01;

/** @param {number} direction_deg */
export function formatDirection(direction_deg) {
  const angle = Math.round(Math.abs(direction_deg));
  if (angle === 0) return t("units.front");
  return angle === 180 ? t("units.behind") : `${angle}° ${direction_deg < 0 ? "L" : "R"}`;
}

/** @param {string} text */
export function parseDirection(text) {
  if (/centre|center/i.test(text) || findWord(text, ["units.front"])) return 0;
  if (/back/i.test(text) || findWord(text, ["units.behind"])) return 180;
  const angle = parsePlain(text.replace(/[lr]\w*/gi, ""), ["°", "deg"]);
  return angle === null ? null : clamp(/l/i.test(text) ? -Math.abs(angle) : angle, -180, 180);
}

/** @param {number} value */
export const formatLufs = (value) => value.toFixed(1).replace("-", "\u2212");
