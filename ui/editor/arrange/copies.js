// @ts-check
// Copies of hits: what is copied, where it is put, and as text for the clipboard.

import { formatTimecode } from "../timeline/timecode.js";
/** @import { AddHits, HitValues } from "../state/protocol.d.ts" */
/** @import { Hit, Project } from "../state/types.d.ts" */

/** @typedef {HitValues & {time_s: number, sound_name: string, digest?: string}} HitCopy a hit's values, its sound by name for other projects, and its clip */

/** The kind under which the clipboard keeps hits; a text table beside it serves other programs. */
export const CLIPBOARD_KIND = "application/x-struck-hits";
const SINGLE_STEP_S = 0.5;
const LEAST_STEP_S = 0.01;
const MOST_HITS = 10_000;

/**
 * A hit's own values; its seed is left out, since a copy is another take.
 * @param {Hit} hit
 * @returns {Required<Omit<HitValues, "seed">> & {time_s: number}}
 */
export function valuesOf({ time_s, sound_id, velocity_db, gain_db, pan, distance_m, mute, name, group, stroke, offsets }) {
  return { time_s, sound_id, velocity_db, gain_db, pan, distance_m, mute, name, group, stroke, ...offsets };
}

/**
 * Copies of some hits by rising time.
 * @param {Project} project
 * @param {Set<string>} ids
 * @returns {HitCopy[]}
 */
export function copyHits(project, ids) {
  return inOrder(project.hits).filter((hit) => ids.has(hit.id)).map((hit) => ({
    ...valuesOf(hit), digest: project.clip.digest, sound_name: project.sounds.find(({ id }) => id === hit.sound_id)?.name ?? "",
  }));
}

/**
 * The edit that puts copies into a project, the first at a time; ``left`` counts those that would lie past its end. A
 * sound is found by name where the project has none of that id and name, as in another project; ``missing`` names those
 * that it has not, in whose place the server takes that of the nearest hit.
 * @param {Project} project
 * @param {readonly HitCopy[]} copies by rising time
 * @param {number} at_s
 * @param {"paste" | "duplicate"} how
 * @returns {{edit: AddHits, left: number, missing: string[]}}
 */
export function placeCopies({ clip, sounds }, copies, at_s, how) {
  const shift_s = at_s - copies[0].time_s;
  /** @type {Set<string>} */
  const missing = new Set();
  const hits = copies.map(({ sound_name, digest, ...values }) => {
    const own = sounds.find(({ id }) => id === values.sound_id && digest === clip.digest); // perhaps renamed meanwhile
    const sound = sounds.find(({ id, name }) => id === values.sound_id && name === sound_name) ?? sounds.find(({ name }) => name === sound_name) ?? own;
    if (!sound) missing.add(sound_name);
    return { ...values, time_s: values.time_s + shift_s, sound_id: sound?.id ?? null };
  });
  const inside = hits.filter(({ time_s }) => time_s <= clip.duration_s);
  return { edit: { kind: "add_hits", hits: inside, how }, left: hits.length - inside.length, missing: [...missing] };
}

/**
 * How much later duplicates lie: several hits keep their rhythm, with their mean distance between the last and its first
 * copy; a single one is put half a second later.
 * @param {readonly {time_s: number}[]} hits by rising time
 */
export function duplicateShift(hits) {
  const span_s = hits.length ? hits[hits.length - 1].time_s - hits[0].time_s : 0;
  if (span_s < LEAST_STEP_S) return SINGLE_STEP_S;
  return span_s + span_s / (hits.length - 1);
}

/**
 * The hits that a ripple move takes along: the chosen ones and all that are not earlier than the first of them.
 * @param {readonly Hit[]} hits
 * @param {Set<string>} ids
 */
export function withLater(hits, ids) {
  const first_s = Math.min(...hits.filter(({ id }) => ids.has(id)).map(({ time_s }) => time_s));
  return hits.filter(({ time_s }) => time_s >= first_s);
}

/**
 * Copies as the clipboard holds them: for Struck, and as a table for other programs.
 * @param {readonly HitCopy[]} copies
 * @param {Project} project
 */
export function writeCopies(copies, { clip }) {
  const rows = copies.map(({ time_s, velocity_db, sound_name, name }) => [formatTimecode(time_s, clip), time_s.toFixed(6), (velocity_db ?? 0).toFixed(2), sound_name, name ?? ""].join("\t"));
  return { own: JSON.stringify(copies), text: [["timecode", "time_s", "velocity_db", "sound", "name"].join("\t"), ...rows].join("\n") };
}

/**
 * Copies from the clipboard; null where it holds none, or something else under their kind.
 * @param {string} text
 * @returns {HitCopy[] | null}
 */
export function readCopies(text) {
  try {
    const copies = JSON.parse(text);
    const isFine = Array.isArray(copies) && copies.length > 0 && copies.length <= MOST_HITS && copies.every((copy) => Number.isFinite(copy?.time_s) && typeof copy?.sound_name === "string");
    return isFine ? inOrder(copies) : null;
  } catch {
    return null; // another program's data, or none
  }
}

/**
 * By rising time.
 * @template {{time_s: number}} Timed
 * @param {readonly Timed[]} hits
 */
export const inOrder = (hits) => [...hits].sort((a, b) => a.time_s - b.time_s);
