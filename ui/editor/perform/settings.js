// @ts-check
// What outlives a reload: latencies, how it is recorded, and the notes learnt for each clip's sounds.

import { recall, remember } from "../state/remembered.js";
import { NO_LATENCY } from "./timing.js";
/** @import { LearntNotes } from "./notes.js" */
/** @import { Latency } from "./timing.js" */
/** @import { RecordMode } from "./take.js" */

const LATENCY = "struck.latency";
const RECORDING = "struck.recording";
const NOTES = "struck.notes";
const MOST_CLIPS = 40;

/**
 * A remembered value of the shape of another, whose own parts stand where nothing fits.
 * @template {object} Value
 * @param {string} name
 * @param {Value} usual
 * @returns {Value}
 */
function recallAs(name, usual) {
  try {
    const kept = Object.entries(JSON.parse(recall(name) ?? "{}") ?? {});
    const fits = kept.filter(([part, value]) => part in usual && (value === null ? part === "output_s" : ["number", "string"].includes(typeof value)));
    return { ...usual, ...Object.fromEntries(fits) };
  } catch {
    return usual; // nonsense
  }
}

/** @returns {Latency} */
export const recallLatency = () => recallAs(LATENCY, NO_LATENCY);
/** @param {Latency} latency */
export const keepLatency = (latency) => remember(LATENCY, JSON.stringify(latency));

/** @typedef {{mode: RecordMode, preroll_s: number}} Recording */
/** @returns {Recording} */
export const recallRecording = () => recallAs(RECORDING, /** @type {Recording} */ ({ mode: "overdub", preroll_s: 2 }));
/** @param {Recording} recording */
export const keepRecording = (recording) => remember(RECORDING, JSON.stringify(recording));

/** @returns {Record<string, LearntNotes>} by digest of the clip */
function recallAllNotes() {
  try {
    return JSON.parse(recall(NOTES) ?? "{}") ?? {};
  } catch {
    return {};
  }
}

/** @param {string} digest */
export const recallNotes = (digest) => recallAllNotes()[digest] ?? {};

/**
 * @param {string} digest
 * @param {LearntNotes} learnt
 */
export function keepNotes(digest, learnt) {
  const others = Object.entries(recallAllNotes()).filter(([other]) => other !== digest);
  remember(NOTES, JSON.stringify(Object.fromEntries([...others, [digest, learnt]].slice(-MOST_CLIPS))));
}
