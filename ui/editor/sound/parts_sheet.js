// @ts-check
// The sheet of parts: other sounds that sound with every hit of the one on show, at offsets and levels of their own.

import { hasOwn, holds } from "../audio/parts.js";
import { createHeardAnew } from "../arrange/heard_anew.js";
import { createSheet } from "../arrange/sheet.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { createButton, createSelect, createSlider, make, newGesture, openMenu } from "../widgets/controls.js";
import { formatDb, parseDb, parsePlain, soundColor } from "../widgets/format.js";
/** @import { EditMessage, PartState, PartValues } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Player, Store } from "../state/types.d.ts" */

const MOST_PARTS = 8;
const [EARLIEST_MS, LATEST_MS] = [-5000, 10000];
const [SOFTEST_DB, LOUDEST_DB] = [-60, 24];

/** @param {number} ms */
const roundMs = (ms) => (Math.abs(ms) < 0.5 ? 0 : Math.round(ms * 10) / 10);
/** @param {number} ms */
const formatMs = (ms) => `${ms < 0 ? "−" : roundMs(ms) > 0 ? "+" : ""}${Math.abs(roundMs(ms)).toFixed(Math.abs(ms) < 100 ? 1 : 0)} ms`;

/**
 * "120", "-120 ms", "0.12 s"; always milliseconds.
 * @param {string} text
 */
const parseMs = (text) => parsePlain(text, ["ms"]) ?? (parsePlain(text, ["s"]) ?? NaN) * 1000;

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 */
export function createPartsSheet(app, store, audio, player) {
  const heard = createHeardAnew(store, audio, player, () => sheet.isOpen);
  /** @type {Set<string> | null} */
  let known = null; // sounds from before one that is being made, which is chosen when it comes
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map();

  const words = make("p", "ins-quiet arr-words");
  const list = make("ul", "snd-parts");
  const add = createButton(t("parts_sheet.add_a_part"), { onPress: addPart });
  add.setAttribute("aria-haspopup", "menu");
  const separate = createButton(t("parts_sheet.new_sound"), { onPress: makeSound });
  const apply = createButton(t("common.strike"), { title: t("sound.hear_this_sound"), onPress: strike });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("parts_sheet.parts"),
    content: [words, list, make("div", "ins-row", {}, add, separate, make("span", "st-space"), apply)],
    apply, onShow: show, onEnter: strike,
  });
  sheet.element.classList.add("is-parts");

  /** The sound on show. */
  function sound() {
    const sounds = store.view?.project?.sounds ?? [];
    return sounds.find(({ id }) => id === store.selection.soundId) ?? sounds[0] ?? null;
  }

  /** The hit that stands for it: a chosen one, else the loudest. */
  function heardHit() {
    const hits = (store.view?.project?.hits ?? []).filter((hit) => hit.sound_id === sound()?.id);
    return hits.find(({ id }) => store.selection.hits.has(id)) ?? [...hits].sort((a, b) => b.velocity_db - a.velocity_db)[0];
  }

  /** Sounds that may be parts of the one on show: not itself, and none that holds it. */
  function candidates() {
    const { sounds } = requireProject(store);
    const own = sound();
    return own ? sounds.filter((one) => !holds(sounds, one, own.id)) : [];
  }

  // --- what is changed ----------------------------------------------------------------------------

  /**
   * Send an edit, and play what it makes of a hit of the sound once that is there.
   * @param {EditMessage} edit
   * @param {string} gesture
   */
  function change(edit, gesture = newGesture()) {
    const hit = heardHit();
    heard.wait(hit?.id);
    store.edit(edit, gesture);
    if (!hit) setTimeout(strike, 60);
  }

  /** @param {string} [id] */
  function strike(id) {
    const struck = typeof id === "string" ? id : sound()?.id;
    if (!struck) return;
    audio.resume();
    store.send({ type: "strike", sound_id: struck, velocity_db: 0 });
  }

  function addPart() {
    const own = sound();
    if (!own) return;
    const project = requireProject(store);
    openMenu(add, candidates().map((one) => ({
      text: one.name, color: soundColor(project, one.id),
      choose: () => {
        add.focus();
        change({ kind: "add_part", sound_id: own.id, part_sound_id: one.id });
      },
      audition: () => strike(one.id),
    })), { empty: t("parts_sheet.no_other_sound") });
  }

  function makeSound() {
    const own = sound();
    if (!own) return;
    known = new Set(requireProject(store).sounds.map(({ id }) => id));
    store.edit({ kind: "join_sounds", sound_ids: [own.id] }, newGesture());
  }

  // --- as it is shown -----------------------------------------------------------------------------

  /** @param {string} partId */
  function createRow(partId) {
    /**
     * @param {PartValues} values
     * @returns {EditMessage}
     */
    const editOf = (values) => ({ kind: "set_part", sound_id: sound()?.id ?? "", part_id: partId, values });
    let muted = false;
    let soundId = "";
    const offset = createSlider({
      label: t("parts_sheet.offset"), help: t("parts_sheet.time_after_the"), min: EARLIEST_MS, max: LATEST_MS, scale: "signed", neutral: 0, format: formatMs, read: parseMs,
      onInput: (ms) => store.hold(editOf({ offset_s: roundMs(ms) / 1000 })), onCommit: (ms, gesture) => change(editOf({ offset_s: roundMs(ms) / 1000 }), gesture),
    });
    const gain = createSlider({
      label: t("common.level"), help: t("parts_sheet.level_of_the"), min: SOFTEST_DB, max: LOUDEST_DB, step: 0.1, neutral: 0, format: (db) => formatDb(db, true), read: parseDb,
      onInput: (gain_db) => store.hold(editOf({ gain_db })), onCommit: (gain_db, gesture) => change(editOf({ gain_db }), gesture),
    });
    const hear = make("button", "ins-button", { type: "button", textContent: "▶", onclick: () => strike(soundId) });
    const dot = make("i", "ins-dot");
    const choice = createSelect({ label: t("parts_sheet.its_sound"), onChoose: (id) => change(editOf({ sound_id: id })) });
    const mute = make("button", "ins-button", { type: "button", textContent: "M", onclick: () => change(editOf({ mute: !muted })) });
    const remove = make("button", "ins-button", {
      type: "button", textContent: "×",
      onclick: () => {
        add.focus();
        change({ kind: "delete_parts", sound_id: sound()?.id ?? "", part_ids: [partId] });
      },
    });
    const element = make("li", "", {}, make("div", "ins-row", {}, hear, dot, choice.element, make("span", "st-space"), mute, remove), make("div", "ins-columns is-two", {}, offset.element, gain.element));
    return {
      element,
      /** @param {PartState} part */
      set(part) {
        const project = requireProject(store);
        const name = project.sounds.find(({ id }) => id === part.sound_id)?.name ?? "";
        muted = part.mute;
        soundId = part.sound_id;
        element.classList.toggle("is-mute", muted);
        dot.style.setProperty("--sound", soundColor(project, soundId));
        choice.set(candidates().map((one) => [one.id, one.name]), soundId);
        offset.set(part.offset_s * 1000);
        gain.set(part.gain_db);
        for (const [button, text] of /** @type {[HTMLElement, string][]} */ ([[hear, t("parts_sheet.hear_alone", { name })], [mute, t("parts_sheet.mute", { name })], [remove, t("parts_sheet.remove", { name })]])) {
          button.title = text;
          button.setAttribute("aria-label", text);
        }
        mute.setAttribute("aria-pressed", String(muted));
        mute.classList.toggle("is-on", muted);
        element.setAttribute("aria-label", name);
      },
    };
  }

  function show() {
    const own = sound();
    const parts = own?.parts ?? [];
    const name = own?.name ?? "";
    words.textContent = !own ? t("common.no_sound_yet") : !parts.length ? t("parts_sheet.is_one_sound", { name }) : hasOwn(own) ? t("parts_sheet.hits_sound_its", { name }) : t("parts_sheet.is_parts_alone", { name });
    const names = parts.map(({ id }) => `${own?.id} ${id}`);
    for (const [key, { element }] of rows) {
      if (names.includes(key)) continue;
      element.remove();
      rows.delete(key);
    }
    parts.forEach((part, i) => {
      const row = rows.get(names[i]) ?? createRow(part.id);
      rows.set(names[i], row);
      if (list.children[i] !== row.element) list.insertBefore(row.element, list.children[i] ?? null);
      row.set(part);
    });
    list.hidden = !parts.length;
    add.disabled = !own || parts.length >= MOST_PARTS;
    add.title = t("parts_sheet.another_sound_of", { name });
    separate.disabled = apply.disabled = !own;
    separate.title = t("parts_sheet.a_new_sound", { name });
  }

  /** Choose the sound that was made, once it is in the document. */
  function followMade() {
    const made = known && store.view?.project?.sounds.find(({ id }) => !known?.has(id));
    if (!made) return;
    known = null;
    store.select({ soundId: made.id, modes: new Set() });
  }

  const cleanups = [
    heard.dispose,
    store.watch(() => [store.view?.project?.sounds], () => {
      followMade();
      if (sheet.isOpen) show();
    }),
    store.on("error", () => { known = null; }),
  ];

  return {
    open: sheet.open,
    dispose() {
      sheet.dispose();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
