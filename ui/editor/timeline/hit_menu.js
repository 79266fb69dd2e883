// @ts-check
// The menu of a hit: what can be done with it, or with all that are chosen.

import { keyText } from "../actions/bindings.js";
import { formatCombo } from "../actions/combos.js";
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
 * @param {{arranging: Arranging, quantize: () => void, makePattern: () => void, showTakes: () => void, compare: () => void, scrape: () => void, layers: () => void}} host
 * @param {Hit} hit
 * @returns {(MenuRow | "")[]}
 */
export function hitMenuRows(store, audio, { arranging, quantize, makePattern, showTakes, compare, scrape, layers }, hit) {
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
    { text: "Hear it", key: keyText("hear"), choose: () => audio.auditionHit(hit.id).catch(() => {}) },
    { text: "Other takes…", key: keyText("takes"), choose: showTakes },
    { text: "A/B with before or the clip…", key: keyText("compare"), choose: compare },
    { text: `${hit.mute ? "Unmute" : "Mute"}${those}`, key: keyText("mute"), choose: () => set({ mute: !hit.mute }) },
    "",
    { text: `Copy${those}`, key: formatCombo("Mod+C"), choose: arranging.copy },
    { text: `Cut${those}`, key: formatCombo("Mod+X"), choose: arranging.cut },
    ...(arranging.canPaste ? [{ text: "Paste at the playhead", key: formatCombo("Mod+V"), choose: arranging.paste }] : []),
    { text: `Duplicate${those}`, key: keyText("duplicate"), choose: arranging.duplicate },
    ...(ids.length > 1 ? [{ text: `Group${those}`, key: keyText("group"), choose: arranging.group }] : []),
    ...(hit.group ? [{ text: `Ungroup${those}`, key: keyText("ungroup"), choose: arranging.ungroup }] : []),
    ...(sounds.length > 1 ? [{ text: `Select all of ${name}`, key: keyText("select_sound"), color: soundColor(project, hit.sound_id), choose: arranging.selectSound }] : []),
    "",
    { text: `Snap${those} to the nearest transient`, key: keyText("snap"), choose: () => store.send({ type: "snap_hits", hits: ids }) },
    { text: `Quantise${those}…`, key: keyText("quantize"), choose: quantize },
    { text: `Make a roll, bounce or other pattern of ${ids.length === 1 ? "it" : "them"}…`, key: keyText("pattern"), choose: makePattern },
    { text: hit.stroke ? "Change the scrape…" : `Scrape or rub with ${ids.length === 1 ? "it" : "them"}…`, key: keyText("scrape"), choose: scrape },
    ...(alike.length ? [{ text: `Shift the others ${formatShift(shiftOf(hit), rate)}, as this one`, choose: () => store.edit({ kind: "set_each_hit", values: shiftTimes(alike, shiftOf(hit), clip.duration_s) }, newGesture()) }] : []),
    "",
    { text: ids.length === 1 ? "Give it a sound of its own" : `Give${those} sounds of their own`, key: keyText("detach"), choose: () => store.edit({ kind: "detach_hits", ids }, newGesture()) },
    ...(clip.has_audio ? [{ text: `Velocity layers of ${name}…`, key: keyText("layers"), choose: layers }] : []),
    ...(clip.has_audio ? [{ text: `Measure${those} from the clip again`, choose: () => store.send({ type: "analyse", hits: ids }) }] : []),
    ...mergeRow(store, hit, name),
    { text: arranging.ripple ? `Delete${those} and close the gap` : `Delete${those}`, key: keyText("delete"), choose: arranging.deleteChosen },
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
  return others.length ? [{ text: `Merge ${struck.size} sounds into ${name}`, key: keyText("merge"), color: soundColor(project, hit.sound_id), choose: () => store.edit({ kind: "merge_sounds", sound_id: hit.sound_id, others }, newGesture()) }] : [];
}
