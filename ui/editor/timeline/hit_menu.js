// @ts-check
// The menu of a hit: what can be done with it, or with all that are chosen.

import { keyText } from "../actions/bindings.js";
import { formatCombo } from "../actions/combos.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { newGesture } from "../widgets/controls.js";
import { soundColor } from "../widgets/format.js";
import { notShiftedLike, shiftOf } from "./lag.js";
import { formatShift } from "./picking.js";
import { shiftHits } from "./shifting.js";
import { frameRate } from "./timecode.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { AudioEngine, Hit, Store } from "../state/types.d.ts" */
/** @import { MenuRow } from "./menu.js" */

const MOST_SOUNDS = 8; // the inspector lists them all

/**
 * The rows of a hit's menu; an empty one is a line.
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {{arranging: Arranging, quantize: () => void, makePattern: () => void, showTakes: () => void, compare: () => void, scrape: () => void, layers: () => void, parts: () => void}} host
 * @param {Hit} hit
 * @returns {(MenuRow | "")[]}
 */
export function hitMenuRows(store, audio, { arranging, quantize, makePattern, showTakes, compare, scrape, layers, parts }, hit) {
  const ids = [...store.selection.hits];
  const those = ids.length === 1 ? "" : t("hit_menu.hits", { count: ids.length });
  const project = requireProject(store);
  const { clip, hits, sounds } = project;
  const rate = frameRate(clip.frame_rate);
  const name = sounds.find(({ id }) => id === hit.sound_id)?.name ?? "";
  const alike = notShiftedLike(hits, hit);
  /** @param {Record<string, unknown>} values */
  const set = (values) => store.edit({ kind: "set_hits", ids, values }, newGesture());
  return [
    { text: t("hit_menu.hear_it"), key: keyText("hear"), choose: () => audio.auditionHit(hit.id).catch(() => {}) },
    { text: t("hit_menu.other_takes"), key: keyText("takes"), choose: showTakes },
    { text: t("hit_menu.a_b_with"), key: keyText("compare"), choose: compare },
    { text: hit.mute ? t("hit_menu.unmute", { those }) : t("hit_menu.mute", { those }), key: keyText("mute"), choose: () => set({ mute: !hit.mute }) },
    "",
    { text: t("hit_menu.copy", { those }), key: formatCombo("Mod+C"), choose: arranging.copy },
    { text: t("hit_menu.cut", { those }), key: formatCombo("Mod+X"), choose: arranging.cut },
    ...(arranging.canPaste ? [{ text: t("hit_menu.paste_at_the"), key: formatCombo("Mod+V"), choose: arranging.paste }] : []),
    { text: t("hit_menu.duplicate", { those }), key: keyText("duplicate"), choose: arranging.duplicate },
    ...(ids.length > 1 ? [{ text: t("hit_menu.group", { those }), key: keyText("group"), choose: arranging.group }] : []),
    ...(hit.group ? [{ text: t("hit_menu.ungroup", { those }), key: keyText("ungroup"), choose: arranging.ungroup }] : []),
    ...(sounds.length > 1 ? [{ text: t("hit_menu.select_all_of", { name }), key: keyText("select_sound"), color: soundColor(project, hit.sound_id), choose: arranging.selectSound }] : []),
    "",
    { text: t("hit_menu.snap_to_the", { those }), key: keyText("snap"), choose: () => store.send({ type: "snap_hits", hits: ids }) },
    { text: t("hit_menu.quantise", { those }), key: keyText("quantize"), choose: quantize },
    { text: t("hit_menu.make_a_roll"), key: keyText("pattern"), choose: makePattern },
    { text: hit.stroke ? t("hit_menu.change_the_scrape") : t("hit_menu.scrape_or_rub"), key: keyText("scrape"), choose: scrape },
    ...(alike.length ? [{ text: t("hit_menu.shift_the_others", { shift: formatShift(shiftOf(hit), rate) }), choose: () => shiftHits(store, alike, shiftOf(hit)) }] : []),
    "",
    { text: ids.length === 1 ? t("hit_menu.give_it_a") : t("hit_menu.give_sounds_of", { those }), key: keyText("detach"), choose: () => store.edit({ kind: "detach_hits", ids }, newGesture()) },
    ...(clip.has_audio ? [{ text: t("hit_menu.velocity_layers_of", { name }), key: keyText("layers"), choose: layers }] : []),
    { text: t("hit_menu.parts_of", { name }), key: keyText("parts"), choose: () => (store.select({ soundId: hit.sound_id, modes: new Set() }), parts()) },
    ...(clip.has_audio ? [{ text: t("hit_menu.measure_from_the", { those }), choose: () => store.send({ type: "analyse", hits: ids }) }] : []),
    ...mergeRow(store, hit, name),
    { text: arranging.ripple ? t("hit_menu.delete_and_close", { those }) : t("hit_menu.delete", { those }), key: keyText("delete"), choose: arranging.deleteChosen },
    ...(sounds.length > 1 ? [/** @type {const} */ (""), ...sounds.slice(0, MOST_SOUNDS).map((sound) => ({ text: t("hit_menu.strike_with", { name: sound.name }), color: soundColor(project, sound.id), choose: () => set({ sound_id: sound.id }) }))] : []),
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
  return others.length ? [{ text: t("hit_menu.merge_sounds_into", { size: struck.size, name }), key: keyText("merge"), color: soundColor(project, hit.sound_id), choose: () => store.edit({ kind: "merge_sounds", sound_id: hit.sound_id, others }, newGesture()) }] : [];
}
