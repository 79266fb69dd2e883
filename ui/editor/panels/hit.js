// @ts-check
// The Hit tab: everything about the selected hits.

import { t } from "../texts/t.js";
import { icon } from "../widgets/icons.js";
import { requireProject } from "../state/project.js";
import { heard } from "../audio/macros.js";
import { MOST_M } from "../audio/strip.js";
import { LN_60_DB } from "../audio/units.js";
import { formatOffset, parseOffset } from "../mix/units.js";
import { formatTimecode, frameRate, parseTime } from "../timeline/timecode.js";
import { formatDb, formatPan, formatSeconds, parseDb, parsePan, parsePlain, soundColor } from "../widgets/format.js";
import { createButton, createEntry, createSelect, createSlider, make, newGesture } from "../widgets/controls.js";
import { explainTime } from "../widgets/refusal.js";
import { createSeedEntry, newSeed } from "../widgets/seed_entry.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { HitValues } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Hit, Sound, Store } from "../state/types.d.ts" */

/** @import { Slider, SliderSettings } from "../widgets/controls.js" */
/** @typedef {Omit<SliderSettings, "onInput" | "onCommit" | "onStart">} FieldSettings */

const LIVE_MS = 40;
const SAME_S = 1e-6;
export const HINT = t("hit.timecode_frames_87");
/** @param {number} v */
const formatCents = (v) => t("hit.cents", { cents: `${v > 0 ? "+" : ""}${Math.round(v)}` }).replace("-", "\u2212");
/** @param {number} v */
const formatRatio = (v) => `${v.toFixed(2)} ×`;

/**
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Arranging} arranging
 */
export function createHitPanel(store, audio, arranging) {
  let gesture = "";
  /** @type {string[]} */
  let held = []; // the hits that were chosen when a slider was taken hold of
  let sentAt_ms = 0;

  const { chosen } = arranging;
  const chosenIds = () => chosen().map((hit) => hit.id);
  /** @param {HitValues} values */
  const set = (values, ids = chosenIds(), by = newGesture()) => {
    if (ids.length) store.edit({ kind: "set_hits", ids, values }, by);
  };
  /** @param {HitValues} values */
  const slide = (values) => set(values, requireProject(store).hits.map((hit) => hit.id).filter((id) => held.includes(id)), gesture);

  /**
   * A slider on one field; a ``live`` one (the mix) is sent while it moves, the others when let go, since they are sampled.
   * @param {keyof HitValues} name
   * @param {FieldSettings} settings
   */
  const field = (name, settings, live = false) => createSlider({
    ...settings,
    onStart: (id) => { [gesture, held] = [id, chosenIds()]; },
    /** @param {number} value */
    onInput(value) {
      if (!live || performance.now() - sentAt_ms < LIVE_MS) return;
      sentAt_ms = performance.now();
      slide({ [name]: value });
    },
    onCommit(value) {
      slide({ [name]: value });
      show(); // others may be chosen by now
    },
  });

  const title = make("span", "ins-title");
  const subtitle = make("span", "ins-quiet ins-origin");
  const hear = createButton(t("hit.play_hit"), { title: t("hit.hear_this_hit"), onPress: () => chosen()[0] && audio.auditionHit(chosen()[0].id).catch(() => {}) });
  const mute = createButton(t("common.mute"), { title: t("hit.leave_the_hit"), onPress: () => set({ mute: !chosen().every((hit) => hit.mute) }) });
  const header = make("div", "ins-row ins-hit-head", {}, title, subtitle, hear, mute);

  /** @param {string} text */
  const move = (text) => {
    const { clip } = requireProject(store);
    const [first] = chosen();
    const time_s = first ? parseTime(text, clip, first.time_s) : null;
    if (time_s === null) return false;
    const why = explainTime(text, time_s, clip);
    if (why) return why;
    if (Math.abs(time_s - first.time_s) < SAME_S) setTimeout(() => showTime(first)); // nothing will come that shows it
    else arranging.move(time_s - first.time_s);
    return true;
  };
  /** @param {Hit} hit */
  const showTime = (hit) => {
    timecode.set(formatTimecode(hit.time_s, requireProject(store).clip));
    seconds.set(`${hit.time_s.toFixed(5)} s`);
  };
  /** @param {number} frames */
  const nudge = (frames) => arranging.move(frames / frameRate(requireProject(store).clip.frame_rate));
  const timecode = createEntry({ label: t("hit.time_timecode"), className: "ins-time", onEnter: move });
  const seconds = createEntry({ label: t("hit.time_seconds"), className: "ins-time", onEnter: move });
  timecode.element.title = seconds.element.title = HINT;
  const time = make("div", "ins-line", {}, make("span", "ins-label", { textContent: t("hit.time") }), make("div", "ins-row", {}, timecode.element, seconds.element,
    createButton(t("hit.1_frame"), { title: t("hit.one_frame_earlier"), onPress: () => nudge(-1) }), createButton(t("hit.1_frame_2"), { title: t("hit.one_frame_later"), onPress: () => nudge(1) })));

  const sound = createSelect({ label: t("common.sound"), onChoose: (id) => set({ sound_id: id }) });
  const swatch = make("i", "ins-dot");
  const detach = createButton(t("hit.detach"), { title: t("hit.give_this_hit"), onPress: () => store.edit({ kind: "detach_hits", ids: chosen().map((hit) => hit.id) }, newGesture()) });
  const measure = createButton(t("common.measure"), { title: t("hit.take_the_sound"), onPress: () => store.send({ type: "analyse", hits: chosen().map((hit) => hit.id) }) });
  const sounds = make("div", "ins-line", {}, make("span", "ins-label", { textContent: t("common.sound") }), make("div", "ins-row", {}, swatch, sound.element, detach, measure));

  const label = createEntry({ label: t("hit.name_of_the"), className: "ins-time arr-hit-name", onEnter: (text) => set({ name: text.trim() }) });
  label.element.placeholder = t("hit.what_it_is");
  const seed = createSeedEntry(t("hit.seed"), (value) => set({ seed: value }));
  const dice = createButton(t("common.new_take"), { sign: icon("dice"), title: t("hit.another_seed_the"), onPress: () => {
    const values = chosen().map((hit) => [hit.id, { seed: newSeed() }]);
    if (values.length) store.edit({ kind: "set_each_hit", values: Object.fromEntries(values) }, newGesture());
  } });
  const seeds = make("div", "ins-line", {}, make("span", "ins-label", { textContent: t("hit.seed"), title: t("hit.the_same_seed") }), make("div", "ins-row", {}, seed.element, dice, make("span", "ins-label", { textContent: t("common.name") }), label.element));

  const velocity = field("velocity_db", { label: t("common.velocity"), help: t("hit.how_hard_it"), min: -60, max: 12, neutral: 0, format: (v) => formatDb(v, true), read: parseDb });
  const gain = field("gain_db", { label: t("common.level"), help: t("hit.gain_in_the"), min: -60, max: 24, neutral: 0, format: (v) => formatDb(v, true), read: parseDb }, true);
  const pan = field("pan", { label: t("common.pan"), help: t("hit.balance_both_channels"), min: -1, max: 1, step: 0.01, neutral: 0, format: formatPan, read: parsePan }, true);
  const distance = field("distance_m", { label: t("common.distance"), help: t("hit.nearer_or_farther"), min: -MOST_M, max: MOST_M, step: 0.1, neutral: 0, format: formatOffset, read: parseOffset }, true);
  const pitch = field("pitch_cents", { label: t("hit.pitch"), help: t("hit.shift_of_all"), min: -1200, max: 1200, step: 1, neutral: 0, format: formatCents, read: (text) => parsePlain(text, ["c", "ct", "cent", "cents"]) });
  const damping = field("decay_ratio", { label: t("common.damping"), help: t("hit.decay_rates_of"), min: 0.1, max: 10, scale: "log", neutral: 1, format: formatRatio, read: (text) => parsePlain(text, ["×", "x"]) });
  const noise = field("residual_db", { label: t("common.noise"), help: t("hit.level_of_this"), min: -60, max: 24, neutral: 0, format: (v) => formatDb(v, true), read: parseDb });

  const body = make("div", "ins-stack", {}, header, time, sounds, seeds,
    make("div", "ins-heading", { textContent: t("hit.strength_and_place") }), make("div", "ins-columns is-two", {}, velocity.element, gain.element, pan.element, distance.element),
    make("div", "ins-heading", {}, t("hit.this_hit_only"), make("span", "ins-quiet", { textContent: t("hit.on_top_of") })), make("div", "ins-columns", {}, pitch.element, damping.element, noise.element));
  const empty = make("p", "ins-empty");
  const element = make("div", "ins-panel", {}, body, empty);

  function show() {
    const hits = chosen();
    const project = store.view?.project;
    body.hidden = !hits.length;
    empty.hidden = Boolean(hits.length);
    empty.textContent = !project ? t("hit.open_a_clip") : project.hits.length ? t("hit.no_hit_is") : t("hit.this_clip_has");
    if (!project || !hits.length) return;
    const [first] = hits;
    /** @param {(hit: Hit) => unknown} read */
    const all = (read) => hits.every((hit) => read(hit) === read(first));
    const ordered = [...project.hits].sort((a, b) => a.time_s - b.time_s);
    title.textContent = hits.length === 1 ? t("hit.hit", { number: ordered.findIndex((hit) => hit.id === first.id) + 1 }) : t("hit.hits", { count: hits.length });
    const own = project.sounds.find((s) => s.id === first.sound_id);
    subtitle.textContent = hits.length > 1 ? t("hit.changes_apply_to") : [t("hit.of", { count: project.hits.length }), ringing(own, first)].filter(Boolean).join(" · ");
    mute.textContent = hits.every((hit) => hit.mute) ? t("hit.muted") : t("common.mute");
    mute.classList.toggle("is-on", hits.every((hit) => hit.mute));
    mute.setAttribute("aria-pressed", String(hits.every((hit) => hit.mute)));
    showTime(first);
    label.set(all((hit) => hit.name) ? first.name : t("hit.several"));
    const same = all((hit) => hit.sound_id);
    body.style.setProperty("--sound", same ? soundColor(project, first.sound_id) : "");
    swatch.style.background = same ? soundColor(project, first.sound_id) : "transparent";
    /** @type {[string, string][]} */
    const choices = project.sounds.map((s) => [s.id, s.name]);
    sound.set(same ? choices : [["", t("hit.several_sounds")], ...choices], same ? first.sound_id : "");
    measure.hidden = !project.clip.has_audio;
    detach.disabled = hits.length === 1 && project.hits.filter((hit) => hit.sound_id === first.sound_id).length === 1;
    seed.set(all((hit) => hit.seed) ? String(first.seed) : t("hit.several"));
    dice.children[1].textContent = hits.length === 1 ? t("common.new_take") : t("hit.new_takes");
    /** @type {[Slider, (hit: Hit) => number][]} */
    const shown = [[velocity, (h) => h.velocity_db], [gain, (h) => h.gain_db], [pan, (h) => h.pan], [distance, (h) => h.distance_m], [pitch, (h) => h.offsets.pitch_cents], [damping, (h) => h.offsets.decay_ratio], [noise, (h) => h.offsets.residual_db]];
    for (const [slider, read] of shown) {
      slider.set(read(first), all(read) ? "—" : t("hit.several"), false);
    }
  }

  /**
   * @param {Sound | undefined} struck
   * @param {Hit} hit
   */
  function ringing(struck, hit) {
    const decays = heard(struck)?.modes.decay_per_s ?? [];
    if (!decays.length) return "";
    return t("hit.rings", { time: formatSeconds(LN_60_DB / (Math.min(...decays) * hit.offsets.decay_ratio)) });
  }

  return { element, show };
}
