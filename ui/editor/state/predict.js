// @ts-check
// What an edit will make of the document: shown until the server's document contains it.
//
// A pure function for each kind of edit that is shown at once; other kinds are shown when the server has applied them.

import { turnMacros } from "../audio/macros.js";
import { clamp } from "../audio/units.js";
/** @import { Hit, Project } from "./types.d.ts" */
/** @import { DeleteHits, EditMessage, HitValues, MoveHits, SetEachHit, SetHits, SetMacros, SetMix, SetModes, SetResidual, SoundState } from "./protocol.d.ts" */

const OFFSETS = new Set(["pitch_cents", "decay_ratio", "residual_db"]);

/**
 * The document after an edit; the same document where the edit's kind is not predicted.
 * @param {Project} project
 * @param {EditMessage} edit
 * @returns {Project}
 */
export function predict(project, edit) {
  switch (edit.kind) {
    case "move_hits": return moveHits(project, edit);
    case "set_hits": return setHits(project, new Map(edit.ids.map((id) => [id, edit.values])));
    case "set_each_hit": return setHits(project, new Map(Object.entries(edit.values)));
    case "delete_hits": return deleteHits(project, edit);
    case "set_marker": return { ...project, markers: project.markers.map((marker) => (marker.id === edit.marker_id ? assign(marker, { time_s: edit.time_s, name: edit.name }) : marker)) };
    case "delete_marker": return { ...project, markers: project.markers.filter((marker) => marker.id !== edit.marker_id) };
    case "set_modes": return changeSound(project, edit.sound_id, (sound) => setModes(sound, edit));
    case "set_residual": return changeSound(project, edit.sound_id, (sound) => setResidual(sound, edit));
    case "set_macros": return changeSound(project, edit.sound_id, (sound) => ({ ...sound, macros: turnMacros(sound.macros, assign({}, edit.values)) }));
    case "set_detail": return changeSound(project, edit.sound_id, (sound) => assign(sound, { detail: edit.detail, detail_seed: edit.detail_seed, variation: edit.variation }));
    case "set_mix": return { ...project, mix: assign(project.mix, { gain_db: edit.gain_db, clip_gain_db: edit.clip_gain_db, width: edit.width, limit: edit.limit }) };
    case "set_strip": return changeSound(project, edit.sound_id, (sound) => ({ ...sound, strip: assign(sound.strip, edit.values) }));
    case "set_part": return changeSound(project, edit.sound_id, (sound) => ({ ...sound, parts: sound.parts.map((part) => (part.id === edit.part_id ? assign(part, edit.values) : part)) }));
    case "delete_parts": return changeSound(project, edit.sound_id, (sound) => ({ ...sound, parts: sound.parts.filter(({ id }) => !edit.part_ids.includes(id)) }));
    case "set_color": return changeSound(project, edit.sound_id, (sound) => ({ ...sound, color: edit.color }));
    case "set_threshold": return { ...project, detection: { ...project.detection, threshold: edit.threshold } };
    default: return project;
  }
}

/**
 * @param {Project} project
 * @param {MoveHits} edit
 */
function moveHits(project, { ids, delta_s }) {
  const moved = new Set(ids);
  const times_s = project.hits.filter((hit) => moved.has(hit.id)).map((hit) => hit.time_s);
  if (!times_s.length) return project;
  const end_s = project.clip.duration_s;
  const step_s = clamp(delta_s, -Math.min(...times_s), Math.max(0, end_s - Math.max(...times_s)));
  const hits = project.hits.map((hit) => (moved.has(hit.id) ? { ...hit, time_s: clamp(hit.time_s + step_s, 0, end_s) } : hit));
  return { ...project, hits };
}

/**
 * Without some hits; with ripple, what followed one stands in its place.
 * @param {Project} project
 * @param {DeleteHits} edit
 */
function deleteHits(project, { ids, ripple }) {
  const gone = new Set(ids);
  let gone_s = 0;
  const ordered = [...project.hits].sort((a, b) => a.time_s - b.time_s);
  /** @type {Hit[]} */
  const hits = [];
  ordered.forEach((hit, i) => {
    if (!gone.has(hit.id)) hits.push(gone_s ? { ...hit, time_s: hit.time_s - gone_s } : hit);
    else if (ripple && i + 1 < ordered.length) gone_s += ordered[i + 1].time_s - hit.time_s;
  });
  return { ...project, hits };
}

/**
 * @param {Project} project
 * @param {Map<string, HitValues>} values by the hits' ids
 */
function setHits(project, values) {
  const hits = project.hits.map((hit) => {
    const own = values.get(hit.id);
    return own ? setHit(hit, own) : hit;
  });
  return { ...project, hits };
}

/**
 * @param {Hit} hit
 * @param {HitValues} values
 * @returns {Hit}
 */
function setHit(hit, values) {
  const given = Object.entries(values);
  const plain = Object.fromEntries(given.filter(([name]) => !OFFSETS.has(name)));
  const offsets = Object.fromEntries(given.filter(([name]) => OFFSETS.has(name)));
  return { ...hit, ...plain, offsets: { ...hit.offsets, ...offsets } };
}

/**
 * @param {Project} project
 * @param {string} soundId
 * @param {(sound: SoundState) => SoundState} change
 */
function changeSound(project, soundId, change) {
  return { ...project, sounds: project.sounds.map((sound) => (sound.id === soundId ? change(sound) : sound)) };
}

/**
 * @param {SoundState} sound
 * @param {SetModes} edit
 */
function setModes(sound, { indices, frequency_hz, power_db, decay_per_s }) {
  const { modes } = sound;
  return { ...sound, modes: { ...modes, ...putEach(modes, indices, { frequency_hz, power_db, decay_per_s }) } };
}

/**
 * @param {SoundState} sound
 * @param {SetResidual} edit
 */
function setResidual(sound, { component: name, indices, power_db, decay_per_s }) {
  const { residual } = sound;
  const component = name === "strike" ? residual : residual?.[/** @type {"attack" | "tail" | "room"} */ (name)];
  if (!residual || !component) return sound;
  const changed = putEach(component, indices, { power_db, decay_per_s });
  return { ...sound, residual: name === "strike" ? { ...residual, ...changed } : { ...residual, [name]: { ...component, ...changed } } };
}

/**
 * The lists that are given anew, each with the new values at the indices.
 * @param {object} lists
 * @param {number[]} indices
 * @param {Record<string, number[] | null | undefined>} values
 */
function putEach(lists, indices, values) {
  /** @type {Record<string, number[]>} */
  const result = {};
  for (const [name, fresh] of Object.entries(values)) {
    if (!fresh) continue;
    const list = /** @type {Record<string, number[]>} */ (lists)[name].slice();
    indices.forEach((index, i) => {
      if (index < list.length) list[index] = fresh[i];
    });
    result[name] = list;
  }
  return result;
}

/**
 * An object with the values that are given.
 * @template {object} T
 * @param {T} object
 * @param {object} values
 * @returns {T}
 */
function assign(object, values) {
  return { ...object, ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) };
}
