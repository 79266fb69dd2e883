// @ts-check
// The macro sliders: mass, hardness, damping, position, roughness and room of a sound, over its own modes.

import { contactTimeHeard_s, isNeutral, MACRO_NAMES, NEUTRAL } from "../audio/macros.js";
import { clamp } from "../audio/units.js";
import { findWord, t, without } from "../texts/t.js";
import { formatDb, formatSeconds, parseDb, parsePlain, parseSeconds } from "../widgets/format.js";
import { createButton, createSlider, make, newGesture } from "../widgets/controls.js";
/** @import { DraftHost, MacroName, Macros, Sound, Store } from "../state/types.d.ts" */
/** @import { BakeMacros, ResetMacros, SetMacros } from "../state/protocol.d.ts" */

/** @param {number} value */
const within = (value) => (Number.isFinite(value) ? clamp(value, -1, 1) : null);
/** @param {number} value */
const ratioText = (value) => `× ${value >= 9.95 ? value.toFixed(0) : value >= 0.995 ? value.toFixed(1) : value.toFixed(2)}`;
/** @param {string} text */
const parseRatio = (text) => {
  const value = parsePlain(text.replace(/[×x]/gi, ""));
  return value !== null && value > 0 ? value : null;
};
/**
 * @param {(text: string) => number | null} read
 * @param {(value: number) => number} change
 * @returns {(text: string) => number | null}
 */
const mapped = (read, change) => (text) => {
  const value = read(text);
  return value === null ? null : within(change(value));
};

/**
 * Name, description, display and parsing of each slider; ``sound()`` is the displayed sound.
 * @param {() => Sound & { macros: Macros }} sound
 * @returns {Record<MacroName, { label: string, help: string, format: (v: number) => string, read: (text: string) => number | null }>}
 */
const describe = (sound) => ({
  mass: {
    label: t("macros.mass"), help: t("macros.size_of_the"),
    format: (v) => ratioText(64 ** v), read: mapped(parseRatio, (ratio) => Math.log(ratio) / Math.log(64)),
  },
  hardness: {
    label: t("macros.hardness"), help: t("macros.of_the_striker"),
    format: (v) => formatContact(contactTimeHeard_s(sound(), { ...sound().macros, hardness: v })),
    read: mapped(parseSeconds, (time_s) => Math.log(contactTimeHeard_s(sound(), { ...sound().macros, hardness: 0 }) / time_s) / Math.log(6)),
  },
  damping: {
    label: t("common.damping"), help: t("macros.how_fast_the"),
    format: (v) => `${t("macros.rings_word")} ${ratioText(10 ** -v)}`, read: mapped((text) => parseRatio(without(text, "macros.rings_word")), (ratio) => -Math.log10(ratio)),
  },
  position: {
    label: t("macros.position"), help: t("macros.where_it_is"),
    format: (v) => (Math.abs(v) < 0.005 ? t("macros.as_struck") : `${Math.round(100 * Math.abs(v))} % ${v < 0 ? t("macros.edge") : t("macros.middle")}`), read: parsePosition,
  },
  roughness: {
    label: t("macros.roughness"), help: t("macros.of_the_surfaces"),
    format: (v) => formatDb(12 * v, true), read: mapped(parseDb, (level_db) => level_db / 12),
  },
  room: {
    label: t("common.room"), help: t("macros.level_of_the"),
    format: (v) => formatRoom(v, hasRoom(sound())), read: (text) => parseRoom(text, hasRoom(sound())),
  },
});

/** @param {number} time_s */
const formatContact = (time_s) => (time_s < 0.00995 ? `${(time_s * 1000).toFixed(2)} ms` : formatSeconds(time_s));
/** @param {Sound} sound */
const hasRoom = (sound) => Boolean(sound.residual?.room);

/**
 * @param {number} value
 * @param {boolean} isOwn
 */
function formatRoom(value, isOwn) {
  if (isOwn) return value <= -0.999 ? t("macros.dry") : formatDb(40 * Math.log10(1 + value), true);
  return value <= 0 ? t("macros.dry") : `${t("macros.small")}, ${formatDb(20 * Math.log10(value))}`;
}

/**
 * @param {string} text
 * @param {boolean} isOwn
 */
function parseRoom(text, isOwn) {
  if (/dry|none|off/i.test(text)) return isOwn ? -1 : 0;
  const level_db = parseDb(without(text, "macros.small").replace(",", ""));
  if (level_db === null) return null;
  return within(isOwn ? 10 ** (level_db / 40) - 1 : 10 ** (level_db / 20));
}

/** @param {string} text */
function parsePosition(text) {
  if (/as struck/i.test(text)) return 0;
  const share = parsePlain(without(text, "macros.edge", "macros.middle").replace("%", "").trim() || "100");
  return share === null ? null : within((share / 100) * (findWord(text, ["macros.edge"]) ? -1 : 1));
}

/**
 * ``host``: {sound() -> the sound as shown, preview(sound), committed(soundId)}.
 * @param {Store} store
 * @param {DraftHost} host
 */
export function createMacros(store, host) {
  /** @type {string | null} */
  let gesture = null;
  let soundId = ""; // of the sound whose slider was taken hold of
  let isMoving = false;

  const now = () => {
    const sound = host.sound();
    return { ...sound, macros: sound.macros ?? NEUTRAL };
  };
  const settingsOf = describe(now);
  const sliders = MACRO_NAMES.map((name) => ({ name, slider: createSlider({
    ...settingsOf[name], min: -1, max: 1, step: 0.01, neutral: 0,
    /** @param {string} id */
    onStart(id) { [gesture, soundId] = [id, host.sound().id]; },
    /** @param {number} value */
    onInput(value) {
      isMoving = true;
      store.hold(macroEdit(name, value));
      preview();
    },
    /** @param {number} value */
    onCommit(value) {
      isMoving = false;
      host.committed(soundId);
      store.edit(macroEdit(name, value), gesture);
      preview();
    },
  }) }));
  for (const { name, slider } of sliders) slider.element.dataset.macro = name;
  const element = make("div", "ins-macros", { role: "group", "aria-label": t("macros.macros") }, ...sliders.map(({ slider }) => slider.element));

  const bake = createButton(t("common.bake"), { kind: "quiet", title: t("macros.apply_macros_and"), onPress: () => send({ kind: "bake_macros", sound_id: host.sound().id }) });
  const reset = createButton(t("common.reset"), { kind: "quiet", title: t("macros.all_macros_back"), onPress: () => send({ kind: "reset_macros", sound_id: host.sound().id }) });
  const keep = make("input", "", { type: "checkbox", onchange: () => send({ kind: "set_macros", sound_id: host.sound().id, values: { keep_loudness: keep.checked } }) });
  const keeping = make("label", "ins-check", { title: t("macros.roughness_and_room") }, keep, make("span", "", { textContent: t("macros.keep_loudness") }));
  const note = make("span", "ins-quiet");
  const actions = make("div", "ins-macro-actions", { hidden: true }, note, keeping, bake, reset);

  function preview() {
    const moved = store.view?.project?.sounds.find(({ id }) => id === soundId);
    if (moved) host.preview(moved);
  }

  /** @param {BakeMacros | ResetMacros | SetMacros} edit */
  function send(edit) {
    host.committed(edit.sound_id);
    store.edit(edit, newGesture());
  }

  /**
   * @param {MacroName} name
   * @param {number} value
   * @returns {SetMacros}
   */
  const macroEdit = (name, value) => ({ kind: "set_macros", sound_id: soundId, values: { [name]: value } });

  return {
    element, actions,
    show() {
      const { macros, detail } = now();
      for (const { name, slider } of sliders) slider.set(macros[name]);
      actions.hidden = isNeutral(macros) && detail >= 1;
      reset.hidden = isNeutral(macros);
      keeping.hidden = !macros.roughness && !macros.room;
      keep.checked = Boolean(macros.keep_loudness);
      note.textContent = detail < 1 ? t("macros.stems_as_measured") : t("macros.under_macros");
    },
    get active() { return isMoving; },
  };
}
