// @ts-check
// The Sound tab: which sound, where it comes from, its modes and its residual.

import { spectrumDb } from "../audio/fft.js";
import { heard, isNeutral, ownValues } from "../audio/macros.js";
import { createMatch } from "../sound/comparison.js";
import { createModeEdit } from "../sound/mode_draft.js";
import { createModes } from "../sound/modes.js";
import { createMorph } from "../sound/morph.js";
import { translateSource } from "../texts/server.js";
import { t } from "../texts/t.js";
import { createDetail } from "./detail.js";
import { createMacros } from "./macros.js";
import { decayToT60, geometricMean, mean, t60ToDecay } from "../audio/units.js";
import { formatDb, formatHz, formatSeconds, noteName, parseDb, parseHz, parseSeconds, soundColor } from "../widgets/format.js";
import { createResidual } from "../sound/residual.js";
import { createButton, createEntry, createSlider, make, newGesture, openMenu, setChanged } from "../widgets/controls.js";
/** @import { AudioEngine, ModeQuantity, Sound, Store, Project } from "../state/types.d.ts" */

/** @import { Shared } from "./inspector.js" */
/** @typedef {{frequency_hz: number, power_db: number, decay_per_s: number}} ModeMeans */
/** @typedef {(value: number, from: ModeMeans) => [number, number, number]} ToScale */
/** @typedef {Omit<Parameters<typeof createSlider>[0], "onStart" | "onInput" | "onCommit">} ModeSliderSettings */

const SPECTRUM_SIZE = 16384; // 0.34 s from the onset: 3 Hz a bin
const HEAR_MS = 20000;
/** @type {Record<string, string>} */
const ORIGINS = { clip: t("sound.from_the_clips"), reference: t("sound.from_a_recording"), picture: t("sound.from_the_picture"), text: t("sound.from_words"), preset: t("sound.preset"), edited: t("sound.edited_2") };
const HINT = t("sound.drag_frequency_power");

/**
 * ``shared``: {currentSound(), select(partial), report(message)}.
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Shared} shared
 */
export function createSoundPanel(store, audio, shared) {
  /** @type {{soundId: string, before: Map<string, string | undefined>, until_ms: number} | null} */
  let hearing = null; // {soundId, before: Map hit -> key, until_ms, asked}
  /** @type {Float32Array | null} */
  let levels = null;
  /** @type {string | undefined} */
  let levelsOf; // the key of the rendered hit whose spectrum they are
  /** @type {string | null} */
  let levelsSound = null;
  /** @type {string | null} */
  let striking = null;
  /** @type {(() => void)[]} */
  const cleanups = [];

  /** The displayed sound; without one the panel shows that there is none. */
  const sound = () => /** @type {Sound} */ (shared.currentSound());
  /** The document on show; only asked for while there is one. */
  const project = () => /** @type {Project} */ (store.view?.project);
  /** The sound as the server has it, which its comparison with a recording is about. */
  const acknowledged = () => store.acknowledged?.project?.sounds.find(({ id }) => id === sound()?.id) ?? null;
  const selected = () => store.selection.modes ?? new Set();
  /** @param {string} id */
  const hitsOf = (id) => project().hits.filter((hit) => hit.sound_id === id);
  /** The sound with its macros applied. */
  const heardNow = () => heard(morph.shown() ?? sound());

  const host = { sound, changed: show, preview: (/** @type {Sound} */ changed) => audio.previewModes(changed, 0), committed: hearWhenReady };
  const edit = createModeEdit(store, host);
  const macros = createMacros(store, host);
  const detail = createDetail(store, host);
  const residual = createResidual(store, host);
  const match = createMatch(store, { sound: acknowledged, residual: residual.element });
  const modes = createModes({
    edit, selected, levels: () => levels,
    shownSound: heardNow,
    ownModes: () => (isNeutral(sound()?.macros) || morph.shown() ? null : sound().modes),
    color: () => soundColor(project(), sound()?.id),
    select: (set) => shared.select({ modes: set }),
    /**
     * @param {number} frequency_hz
     * @param {number} power_db
     * @param {number} decay_per_s
     */
    add(frequency_hz, power_db, decay_per_s) {
      const { id, modes: old } = sound();
      const next = { ...sound(), modes: { frequency_hz: [...old.frequency_hz, frequency_hz], power_db: [...old.power_db, power_db], decay_per_s: [...old.decay_per_s, decay_per_s], phase_rad: [...old.phase_rad, 0], muted: [...old.muted, false] } };
      const values = ownValues(next, [old.frequency_hz.length], { frequency_hz: [frequency_hz], power_db: [power_db], decay_per_s: [decay_per_s] });
      for (const [key, [value]] of Object.entries(values)) next.modes[/** @type {ModeQuantity} */ (key)][old.frequency_hz.length] = value;
      audio.previewModes(next, 0);
      hearWhenReady(id);
      store.edit({ kind: "add_mode", sound_id: id, frequency_hz: values.frequency_hz[0], power_db: values.power_db[0], decay_per_s: values.decay_per_s[0] }, newGesture());
      shared.select({ modes: new Set([old.frequency_hz.length]) });
    },
    /** @param {number[]} indices */
    remove(indices) {
      shared.select({ modes: new Set() });
      hearWhenReady(sound().id);
      store.edit({ kind: "delete_modes", sound_id: sound().id, indices }, newGesture());
    },
    /**
     * @param {number[]} indices
     * @param {boolean} muted
     */
    mute(indices, muted) {
      hearWhenReady(sound().id);
      store.edit({ kind: "mute_modes", sound_id: sound().id, indices, muted }, newGesture());
    },
    strike, zoomed: (value) => { all.hidden = !value; },
    refuse: () => store.emit("note", { type: "note", message: t("modes.no_mode_is") }),
  });

  // --- header --------------------------------------------------------------------------------------

  const dot = make("button", "ins-dot-button", { type: "button", title: t("sound.choose_another_sound"), "aria-label": t("sound.choose_another_sound"), onclick: chooseSound, "aria-haspopup": "menu" }, make("i", "ins-dot"));
  const name = createEntry({
    label: t("sound.name_of_the"),
    className: "ins-name",
    /** @param {string} text */
    onEnter(text) {
      if (!text.trim()) return t("refusal.no_name");
      store.edit({ kind: "rename_sound", sound_id: sound().id, name: text.trim() }, newGesture());
      return true;
    },
  });
  const choose = createButton("▾", { kind: "icon", title: t("sound.choose_another_sound_or"), onPress: chooseSound });
  const uses = make("span", "ins-quiet ins-uses");
  const about = make("span", "ins-quiet ins-origin");
  const strikeButton = createButton(t("common.strike"), { title: t("sound.hear_this_sound"), onPress: strike });
  const replaceButton = createButton(t("sound.replace"), { title: t("sound.take_another_sound"), onPress: replaceMenu });
  const morphButton = createButton(t("sound.morph"), { title: t("sound.move_this_sound"), onPress: () => morph.open() });
  morphButton.setAttribute("aria-haspopup", "dialog");
  const morph = createMorph(store, morphButton, { ...host, stems: () => modes.element, select: (/** @type {string} */ id) => shared.select({ soundId: id, modes: new Set() }) });
  const partsButton = createButton(t("sound.parts"), { kind: "quiet", title: t("sound.other_sounds_that"), action: "parts", onPress: shared.openParts });
  const deleteButton = createButton(t("sound.delete"), { title: t("sound.delete_this_sound"), onPress: () => store.edit({ kind: "delete_sound", sound_id: sound().id }, newGesture()) });
  const file = make("input", "", { type: "file", accept: "audio/*,video/*,.wav,.flac,.aif,.aiff,.ogg,.mp3", hidden: true });
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    if (chosen) useRecording(chosen);
  });
  const header = make("div", "ins-row ins-sound-head", {}, dot, name.element, choose, uses, match.button, make("span", "st-space"), strikeButton, replaceButton, morphButton, deleteButton, file);

  const count = make("span", "ins-quiet ins-count", { title: HINT });
  const hint = make("span", "ins-quiet ins-hint", { title: HINT, textContent: t("sound.gestures") });
  const all = createButton("20 Hz – 20 kHz", { kind: "quiet", title: t("sound.show_all_frequencies"), onPress: () => modes.showAll() });
  all.hidden = true;
  const hear = make("input", "", { type: "checkbox", checked: remembered() });
  hear.addEventListener("change", () => {
    try {
      localStorage.setItem("struck.hear", hear.checked ? "1" : "0");
    } catch {
      // a page without storage forgets the choice at reload
    }
  });
  const status = make("div", "ins-row ins-mode-status", {}, count, about, partsButton, all, make("label", "ins-check", { title: t("sound.play_the_sampled") }, hear, t("sound.hear_on_release")), hint);

  function remembered() {
    try {
      return localStorage.getItem("struck.hear") !== "0";
    } catch {
      return true;
    }
  }

  // --- sliders -------------------------------------------------------------------------------------

  /**
   * @param {Sound} s
   * @param {ModeQuantity} key
   */
  const middle = (s, key) => {
    const values = [...selected()].filter((i) => i < s.modes.frequency_hz.length).map((i) => s.modes[key][i]);
    return values.length ? (key === "power_db" ? mean(values) : geometricMean(values)) : null;
  };
  /**
   * @param {ModeSliderSettings} settings
   * @param {ToScale} toScale
   */
  const modeSlider = (settings, toScale) => {
    /** @type {ModeMeans | null} */
    let from = null;
    /** @param {number} value */
    const moved = (value) => {
      if (from) edit.scale(...toScale(value, from));
    };
    return createSlider({
      ...settings,
      /** @param {string} gesture */
      onStart(gesture) {
        const s = heardNow();
        from = { frequency_hz: middle(s, "frequency_hz") ?? 1, power_db: middle(s, "power_db") ?? 0, decay_per_s: middle(s, "decay_per_s") ?? 1 };
        edit.begin(selected(), gesture);
      },
      onInput: moved,
      /** @param {number} value */
      onCommit(value) {
        moved(value);
        edit.commit();
      },
    });
  };
  const frequency = modeSlider(
    { label: t("sound.frequency"), help: t("sound.type_hz_or"), min: 20, max: 20000, scale: "log", format: (v) => `${formatHz(v)} · ${noteName(v)}`, read: parseHz },
    (value, from) => [value / from.frequency_hz, 0, 1],
  );
  const power = modeSlider(
    { label: t("sound.power"), help: t("sound.level_at_the"), min: -100, max: 12, format: (v) => formatDb(v), read: parseDb },
    (value, from) => [1, value - from.power_db, 1],
  );
  const decay = modeSlider(
    { label: t("common.decay"), help: t("sound.time_in_which"), min: 0.005, max: 20, scale: "log", format: (v) => `T60 ${formatSeconds(v)}`, read: parseSeconds },
    (value, from) => [1, 0, t60ToDecay(value) / from.decay_per_s],
  );
  const sliders = make("div", "ins-columns", {}, frequency.element, power.element, decay.element);

  modes.float(macros.actions);
  const element = make("div", "ins-sound", {}, header, macros.element, detail.element, modes.element, status, sliders, match.element);
  const empty = make("p", "ins-empty", { textContent: t("sound.no_sound_yet") });
  const root = make("div", "ins-panel", {}, element, empty, match.large);

  // --- doing ---------------------------------------------------------------------------------------

  function chooseSound() {
    const { sounds } = project();
    if (sounds.length < 2) return;
    const { id: into, name: intoName } = sound();
    const merges = sounds.filter((s) => s.id !== into).map((s) => ({
      group: t("sound.merge_into", { intoName }), text: s.name, color: soundColor(project(), s.id), note: t("sound.its_hits_strike", { count: hitsOf(s.id).length, name: intoName }),
      choose: () => store.edit({ kind: "merge_sounds", sound_id: into, others: [s.id] }, newGesture()),
    }));
    openMenu(choose, [...sounds.map((s) => ({
      text: s.name, color: soundColor(project(), s.id), note: t("common.hits", { count: hitsOf(s.id).length }), choose: () => shared.select({ soundId: s.id, modes: new Set() }),
      audition: () => store.send({ type: "strike", sound_id: s.id, velocity_db: 0 }),
    })), ...merges]);
  }

  function strike() {
    const { id } = sound();
    striking = id;
    strikeButton.classList.add("is-busy");
    setTimeout(calm, 6000);
    audio.resume();
    store.send({ type: "strike", sound_id: id, velocity_db: 0 });
  }

  function calm() {
    striking = null;
    strikeButton.classList.remove("is-busy");
  }

  function replaceMenu() {
    const { id } = sound();
    const presets = (store.welcome?.presets ?? []).map((preset) => ({
      text: preset.name, group: preset.material, note: [...(preset.tags ?? []), preset.credit].filter(Boolean).join(" · "),
      choose: () => {
        hearWhenReady(id);
        store.edit({ kind: "apply_preset", sound_id: id, name: preset.name }, newGesture());
      },
      audition: () => {
        audio.resume();
        store.send({ type: "audition_preset", name: preset.name });
      },
    })).sort((a, b) => a.group.localeCompare(b.group));
    const search = { text: t("sound.find"), note: t("sound.by_the_picture"), choose: () => shared.showTab("find") };
    openMenu(replaceButton, [search, { text: t("sound.a_recording"), note: t("sound.an_audio_file"), choose: () => file.click() }, ...presets], { filter: true });
  }

  /** @param {File} recording */
  async function useRecording(recording) {
    file.value = "";
    const [id, digest] = [shared.currentSound()?.id, store.view?.project?.clip.digest];
    if (!id) return; // undone while the person chose a file
    try {
      const query = new URLSearchParams({ session: store.session ?? "", name: recording.name });
      const answer = await fetch(`/struck/upload?${query}`, { method: "POST", body: recording });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(told.error ?? told.message ?? t("sound.the_upload_failed", { status: answer.status }));
      if (store.view?.project?.clip.digest !== digest) return; // another clip was opened
      hearWhenReady(id);
      store.send({ type: "sound_from_file", sound_id: id, path: told.path });
    } catch (error) {
      shared.report(t("sound.could_not_be", { name: recording.name, part: error instanceof Error ? error.message : error }));
    }
  }

  /**
   * After the change that is being sent: play its sampled result once, when it is there.
   * @param {string} soundId
   */
  function hearWhenReady(soundId) {
    if (!hear.checked) return;
    const before = new Map(hitsOf(soundId).map((hit) => [hit.id, store.rendered.get(hit.id)?.key]));
    hearing = { soundId, before, until_ms: performance.now() + HEAR_MS };
    const isStopped = store.status.phase === "cancelled" && store.status.message === "Sampling stopped";
    if (!before.size || isStopped) setTimeout(() => store.send({ type: "strike", sound_id: soundId, velocity_db: 0 }), 60);
  }

  function hearNow() {
    if (!hearing || edit.active || macros.active || detail.active || residual.active) return;
    if (performance.now() > hearing.until_ms || audio.playing) {
      hearing = null;
      return;
    }
    const hit = heardHit(hearing.soundId);
    const entry = hit && store.rendered.get(hit.id);
    if (!entry || entry.key === hearing.before.get(hit.id)) return;
    hearing = null;
    audio.auditionHit(hit.id)?.catch?.(() => {});
  }

  /**
   * The hit that stands for a sound: a selected one, else the loudest.
   * @param {string} soundId
   */
  function heardHit(soundId) {
    const hits = hitsOf(soundId);
    return hits.find((hit) => store.selection.hits?.has(hit.id)) ?? [...hits].sort((a, b) => b.velocity_db - a.velocity_db)[0];
  }

  async function lookAtSpectrum() {
    const hit = sound() && heardHit(sound().id);
    const entry = hit ? store.rendered.get(hit.id) : undefined;
    const key = entry?.key;
    if (key === levelsOf) return;
    const subject = `${store.view?.project?.clip.digest} ${sound()?.id}`;
    if (!key && subject === levelsSound) return; // until the changed sound is there, the old one stays
    [levelsOf, levelsSound] = [key, subject];
    if (!entry) {
      levels = null;
      modes.refresh();
      return;
    }
    try {
      const buffer = await audio.bufferFor(entry.key);
      if (levelsOf === key) levels = spectrumDb(buffer.getChannelData(0).subarray(entry.lead), SPECTRUM_SIZE).map((level) => level - hit.velocity_db);
    } catch {
      levels = null; // the sound was dropped meanwhile; the next one is drawn
    }
    modes.refresh();
  }

  // --- showing -------------------------------------------------------------------------------------

  /** What depends on the hits of the document, where there is a sound. */
  function showHits() {
    const [s, { sounds }] = [sound(), project()];
    setChanged(choose, { hidden: sounds.length < 2 });
    const isNeeded = sounds.length < 2 || hitsOf(s.id).length > 0 || sounds.some(({ parts }) => parts.some(({ sound_id }) => sound_id === s.id));
    setChanged(deleteButton, { hidden: isNeeded });
    setChanged(uses, { textContent: `${t("common.hits", { count: hitsOf(s.id).length })}${s.layers.length ? ` · ${t("sound.layers", { count: s.layers.length + 1 })}` : ""}` });
    lookAtSpectrum();
  }

  function show() {
    element.hidden = !sound();
    empty.hidden = Boolean(sound());
    if (!sound()) return;
    const s = heardNow();
    const color = soundColor(project(), s.id);
    dot.style.setProperty("--sound", color);
    element.style.setProperty("--sound", color);
    name.set(s.name);
    if (!CSS.supports("field-sizing", "content")) name.element.style.width = `${Math.min(24, Math.max(4, s.name.length + 1))}ch`;
    const note = translateSource(s.origin_note);
    const origin = s.origin === "preset" || !ORIGINS[s.origin] ? note || ORIGINS[s.origin] : s.origin === "edited" && note ? t("sound.edited", { origin_note: note }) : ORIGINS[s.origin];
    partsButton.textContent = s.parts.length ? t("sound.parts_2", { count: s.parts.length }) : t("sound.parts");
    about.textContent = origin;
    about.title = [ORIGINS[s.origin], note].filter(Boolean).join("\n");
    const total = s.modes.frequency_hz.length;
    const chosen = [...selected()].filter((i) => i < total);
    count.textContent = chosen.length ? t("sound.of_modes", { chosen: chosen.length, total }) : t("sound.modes", { count: total });
    element.classList.toggle("has-chosen", chosen.length > 0);
    const words = total ? t("sound.select_a_mode") : "—";
    frequency.set(chosen.length ? middle(s, "frequency_hz") : null, chosen.length ? "—" : words);
    power.set(chosen.length ? middle(s, "power_db") : null);
    decay.set(chosen.length ? decayToT60(middle(s, "decay_per_s") ?? 1) : null);
    macros.show();
    detail.show();
    modes.refresh();
    residual.refresh();
    match.show();
    showHits();
  }

  cleanups.push(
    store.on("rendered", () => {
      lookAtSpectrum();
      hearNow();
    }),
    store.on("audition", ({ sound_id }) => sound_id === striking && calm()),
    store.on("error", () => {
      hearing = null;
      calm();
      show();
    }),
  );

  return {
    element: root, show, showHits, locate: modes.locate,
    dispose() {
      for (const part of [modes, morph, residual, match]) part.dispose();
      for (const cleanup of cleanups) cleanup?.();
    },
  };
}
