// @ts-check
// The Mix tab: a mixer of the sounds, the strip of the chosen one, and the master with loudness and limiter.

import { clamp } from "../audio/units.js";
import { requireProject } from "../state/project.js";
import { findWord, t } from "../texts/t.js";
import { createButton, createSlider, make, newGesture } from "../widgets/controls.js";
import { formatDb, parseDb, parsePercent } from "../widgets/format.js";
import { createLoudness } from "./loudness.js";
import { createStripDetail } from "./strip_detail.js";
import { createStrips } from "./strips.js";
import { formatLufs } from "./units.js";
/** @import { AudioEngine, Store } from "../state/types.d.ts" */
/** @import { Shared } from "../panels/inspector.js" */

/**
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Shared} shared
 */
export function createMixPanel(store, audio, shared) {
  let gesture = "";
  let frame = 0;
  /** @type {boolean | null} */
  let clippedShown = null;
  const chosen = () => shared.currentSound()?.id ?? null;
  const strips = createStrips(store, { chosen, choose: (soundId) => shared.select({ soundId, modes: new Set() }) });
  const detail = createStripDetail(store, chosen);

  // --- master --------------------------------------------------------------------------------------

  /**
   * @param {"gain_db" | "clip_gain_db"} name
   * @param {string} label
   * @param {number} max
   * @param {string} help
   */
  const level = (name, label, max, help) => createSlider({
    label, help, min: -60, max, neutral: 0, format: (v) => formatDb(v, true), read: parseDb,
    onStart: (id) => { gesture = id; },
    onInput: (value) => store.hold({ kind: "set_mix", [name]: value }),
    onCommit: (value) => store.edit({ kind: "set_mix", [name]: value }, gesture),
  });
  const track = level("gain_db", "Struck", 24, t("mix_panel.level_of_the_generated"));
  const clip = level("clip_gain_db", t("common.clip"), 0, t("mix_panel.level_of_the"));
  const width = createSlider({
    label: t("mix_panel.width"), help: t("mix_panel.how_far_noise"),
    min: 0, max: 1, step: 0.01, neutral: 0, format: (v) => (v < 0.005 ? t("mix_panel.mono") : `${Math.round(100 * v)} %`),
    read: (text) => (findWord(text, ["mix_panel.mono"]) ? 0 : parsePercent(text)),
    onStart: (id) => { gesture = id; },
    onInput: (value) => store.hold({ kind: "set_mix", width: value }),
    onCommit: (value) => store.edit({ kind: "set_mix", width: value }, gesture),
  });
  const limit = make("input", "", { type: "checkbox", onchange: () => store.edit({ kind: "set_mix", limit: limit.checked }, newGesture()) });
  const limiter = make("label", "ins-check", { title: t("mix_panel.holds_the_true") }, limit, make("span", "", { textContent: t("mix_panel.limiter_at_1") }));
  const bar = make("div", "ins-meter-bar", { role: "meter", "aria-label": t("mix_panel.output_level"), "aria-valuemin": "-60", "aria-valuemax": "0", "aria-valuenow": "-60" }, make("i", "ins-meter-rms"), make("i", "ins-meter-peak"));
  const numbers = make("span", "ins-mono ins-quiet");
  const clipped = createButton(t("mix_panel.clipped"), { kind: "quiet", title: t("mix_panel.what_you_hear"), onPress: () => audio.clearClip() });
  clipped.classList.add("is-alarm");
  const output = make("div", "mix-output", {}, make("div", "mix-output-top", {}, make("span", "ins-label", { textContent: t("mix_panel.output_now") }), numbers, clipped, make("span", "st-space"), limiter), bar);
  const loudness = createLoudness(store, () => element.isConnected && !element.hidden);
  const master = make("section", "mix-master", { "aria-label": t("mix_panel.master") }, loudness.element,
    make("div", "ins-columns", {}, track.element, clip.element, width.element), output);

  const body = make("div", "mix-body", {}, strips.element, detail.element, master);
  const empty = make("p", "ins-empty", { textContent: t("mix_panel.open_a_clip") });
  const element = make("div", "ins-panel mix-panel", {}, body, empty);

  /** @param {number} db */
  const percent = (db) => `${clamp((db + 60) / 60, 0, 1) * 100}%`;

  function watch() {
    frame = 0;
    if (!element.isConnected || element.hidden) return;
    const levels = audio.levels();
    bar.style.setProperty("--rms", percent(levels.rms_db));
    bar.style.setProperty("--peak", percent(levels.peak_db));
    const text = levels.peak_db > -90 ? t("mix_panel.peak", { peak_db: formatDb(levels.peak_db) }) : t("mix_panel.silent");
    const short = levels.loudness_lufs === null ? "" : ` · ${formatLufs(levels.loudness_lufs)} LUFS`;
    if (numbers.textContent !== text + short) {
      numbers.textContent = text + short;
      bar.setAttribute("aria-valuenow", String(Math.round(clamp(levels.peak_db, -60, 0))));
      bar.setAttribute("aria-valuetext", text + short);
    }
    if (clippedShown !== levels.clipped) clipped.hidden = !(clippedShown = levels.clipped);
    if (audio.isAwake) frame = requestAnimationFrame(watch); // nothing moves while nothing sounds
  }

  function watchSoon() {
    if (!frame) frame = requestAnimationFrame(watch);
  }

  function show() {
    const mix = store.view?.project?.mix;
    body.hidden = !mix;
    empty.hidden = Boolean(mix);
    if (!mix) return;
    strips.show();
    detail.show();
    track.set(mix.gain_db);
    width.set(mix.width);
    limit.checked = mix.limit;
    const hasSound = requireProject(store).clip.has_audio;
    clip.set(hasSound ? Math.min(0, mix.clip_gain_db) : null, hasSound ? "—" : t("mix_panel.no_sound"));
    loudness.opened();
    watchSoon();
  }

  const cleanup = audio.watchRest(watchSoon);

  return {
    element, show,
    dispose() {
      cleanup();
      cancelAnimationFrame(frame);
      loudness.dispose();
    },
  };
}
