// @ts-check
// The menu of a hit: what can be done with it, or with all that are chosen.

import { requireProject } from "../state/project.js";
import { newGesture } from "../widgets/controls.js";
import { soundColor } from "../widgets/format.js";
import { notShiftedLike, shiftOf, shiftTimes } from "./lag.js";
import { formatShift } from "./picking.js";
import { frameRate } from "./timecode.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { AudioEngine, Hit, Store } from "../state/types.d.ts" */
/** @import { MenuRow } from "./menu.js" */

const MOST_SOUNDS = 8; // the inspector lists them all

/**
 * The rows of a hit's menu; an empty one is a line.
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {{arranging: Arranging, quantize: () => void, makePattern: () => void, showTakes: () => void}} host
 * @param {Hit} hit
 * @returns {(MenuRow | "")[]}
 */
export function hitMenuRows(store, audio, { arranging, quantize, makePattern, showTakes }, hit) {
  const ids = [...store.selection.hits];
  const those = ids.length === 1 ? "" : ` ${ids.length} hits`;
  const project = requireProject(store);
  const { clip, hits, sounds } = project;
  const rate = frameRate(clip.frame_rate);
  const name = sounds.find(({ id }) => id === hit.sound_id)?.name ?? "";
  const alike = notShiftedLike(hits, hit);
  /** @param {Record<string, unknown>} values */
  const set = (values) => store.edit({ kind: "set_hits", ids, values }, newGesture());
  return [
    { text: "Hear it", key: "↵", choose: () => audio.auditionHit(hit.id).catch(() => {}) },
    { text: "Other takes…", key: "V", choose: showTakes },
    { text: `${hit.mute ? "Unmute" : "Mute"}${those}`, key: "M", choose: () => set({ mute: !hit.mute }) },
    "",
    { text: `Copy${those}`, key: "Ctrl C", choose: arranging.copy },
    { text: `Cut${those}`, key: "Ctrl X", choose: arranging.cut },
    ...(arranging.canPaste ? [{ text: "Paste at the playhead", key: "Ctrl V", choose: arranging.paste }] : []),
    { text: `Duplicate${those}`, key: "Ctrl D", choose: arranging.duplicate },
    ...(ids.length > 1 ? [{ text: `Group${those}`, key: "Ctrl G", choose: arranging.group }] : []),
    ...(hit.group ? [{ text: `Ungroup${those}`, key: "Ctrl ⇧ G", choose: arranging.ungroup }] : []),
    ...(sounds.length > 1 ? [{ text: `Select all of ${name}`, key: "A", color: soundColor(project, hit.sound_id), choose: arranging.selectSound }] : []),
    "",
    { text: `Snap${those} to the nearest transient`, key: "T", choose: () => store.send({ type: "snap_hits", hits: ids }) },
    { text: `Quantise${those}…`, key: "Q", choose: quantize },
    { text: `Make a roll, bounce or other pattern of ${ids.length === 1 ? "it" : "them"}…`, key: "B", choose: makePattern },
    ...(alike.length ? [{ text: `Shift the others ${formatShift(shiftOf(hit), rate)}, as this one`, choose: () => store.edit({ kind: "set_each_hit", values: shiftTimes(alike, shiftOf(hit), clip.duration_s) }, newGesture()) }] : []),
    "",
    { text: ids.length === 1 ? "Give it a sound of its own" : `Give${those} sounds of their own`, key: "D", choose: () => store.edit({ kind: "detach_hits", ids }, newGesture()) },
    ...(clip.has_audio ? [{ text: `Measure${those} from the clip again`, choose: () => store.send({ type: "analyse", hits: ids }) }] : []),
    ...mergeRow(store, hit, name),
    { text: arranging.ripple ? `Delete${those} and close the gap` : `Delete${those}`, key: "⌫", choose: arranging.deleteChosen },
    ...(sounds.length > 1 ? [/** @type {const} */ (""), ...sounds.slice(0, MOST_SOUNDS).map((sound) => ({ text: `Strike with ${sound.name}`, color: soundColor(project, sound.id), choose: () => set({ sound_id: sound.id }) }))] : []),
  ];
}

/**
 * Merging, where the chosen hits strike several sounds.
 * @param {Store} store
 * @param {Hit} hit whose sound stays
 * @param {string} name of that sound
 */
function mergeRow(store, hit, name) {
  const project = requireProject(store);
  const struck = new Set(project.hits.filter(({ id }) => store.selection.hits.has(id)).map(({ sound_id }) => sound_id));
  const others = [...struck].filter((id) => id !== hit.sound_id);
  return others.length ? [{ text: `Merge ${struck.size} sounds into ${name}`, key: "G", color: soundColor(project, hit.sound_id), choose: () => store.edit({ kind: "merge_sounds", sound_id: hit.sound_id, others }, newGesture()) }] : [];
}
