// @ts-check
// The Sampler and Mix tabs: how hits become sound, and how loud.

import { icon } from "../widgets/icons.js";
import { clamp } from "../audio/units.js";
import { formatDb, parseDb, parsePercent, parsePlain } from "../widgets/format.js";
import { requireProject } from "../state/project.js";
import { createButton, createSelect, createSlider, elementsIn, make, newGesture } from "../widgets/controls.js";
import { createSeedEntry, newSeed } from "../widgets/seed_entry.js";
/** @import { SetRender } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Store } from "../state/types.d.ts" */

/**
 * @param {string | null} label
 * @param {HTMLElement} control
 * @param {string} words
 */
const explained = (label, control, words) => make("div", "ins-explained", {}, make("div", "ins-explained-control", {}, label ? make("span", "ins-label", { textContent: label }) : null, control), make("p", "ins-quiet", { textContent: words }));

/** @param {Store} store */
export function createSamplerPanel(store) {
  /** @param {Omit<SetRender, "kind">} values */
  const set = (values) => store.edit({ kind: "set_render", ...values }, newGesture());
  const checkpoint = createSelect({ label: "Checkpoint", onChoose: (name) => set({ checkpoint: name }) });
  const steps = createSlider({ label: "Steps", min: 1, max: 16, step: 1, format: (v) => String(Math.round(v)), read: (text) => parsePlain(text, ["steps", "step"]), onCommit: (v) => set({ steps: Math.round(v) }) });
  const guidance = createSlider({ label: "Guidance", min: 1, max: 4, step: 0.05, format: (v) => v.toFixed(2), read: (text) => parsePlain(text, ["×", "x"]), onCommit: (v) => set({ guidance: v }) });
  const variation = createSlider({ label: "Variation", min: 0, max: 1, step: 0.01, neutral: 0, format: (v) => (v < 0.005 ? "none" : `${Math.round(100 * v)} %`), read: (text) => (/none|off/i.test(text) ? 0 : parsePercent(text)), onCommit: (v) => set({ variation: v }) });
  const seed = createSeedEntry("Project seed", (value) => set({ seed: value }));
  const dice = createButton("New take", { sign: icon("dice"), title: "Another seed for every hit", onPress: () => set({ seed: newSeed() }) });
  const about = make("p", "ins-quiet");
  const modelWords = "The trained model that turns modes and noise into a recording-like hit. Prior only plays modes and noise as they are.";
  const model = explained("Model", checkpoint.element, modelWords);
  const modelNote = elementsIn(model, "p")[0];
  const body = make("div", "ins-stack ins-sampler", {},
    model,
    explained(null, steps.element, "More steps follow the model more closely and take longer; 4 is a good trade."),
    explained(null, guidance.element, "How strictly the model keeps to the modes and noise; 1 is as it was trained."),
    explained(null, variation.element, "How much hits of one sound differ: at 100 % as much as takes of one object struck by hand."),
    explained("Project seed", make("div", "ins-row", {}, seed.element, dice), "The chance behind all hits. The same seed gives the same track; a new take rerolls every hit."),
    explained("Runs on", about, "Chosen when Struck starts; the --device option changes it."));
  const empty = make("p", "ins-empty", { textContent: "Open a clip; how its hits are sampled is set here." });
  const element = make("div", "ins-panel", {}, body, empty);

  function show() {
    const render = store.view?.project?.render;
    body.hidden = !render;
    empty.hidden = Boolean(render);
    if (!render) return;
    const models = store.welcome?.checkpoints ?? [];
    const chosen = models.find(({ name }) => name === render.checkpoint);
    const missing = render.checkpoint && !chosen;
    /** @type {[string, string][]} */
    const options = models.map(({ name, fault }) => [name, fault ? `${name} (does not fit)` : name]);
    if (missing) options.push([render.checkpoint, `${render.checkpoint} (not installed: prior only)`]);
    checkpoint.set([...options, ["", "Prior only"]], render.checkpoint);
    modelNote.textContent = chosen?.fault ? `Modes and noise alone sound: ${chosen.fault}.` : modelWords;
    const off = !chosen || Boolean(chosen.fault);
    steps.set(clamp(render.steps, 1, 16), "—", off);
    guidance.set(clamp(render.guidance, 1, 4), "—", off);
    variation.set(render.variation ?? 0);
    seed.set(String(render.seed));
    about.textContent = store.welcome?.device ?? "";
  }

  return { element, show };
}

/**
 * @param {Store} store
 * @param {AudioEngine} audio
 */
export function createMixPanel(store, audio) {
  let gesture = "";
  let sentAt_ms = 0;
  let frame = 0;
  /** @type {boolean | null} */
  let clippedShown = null;
  /**
   * @param {"gain_db" | "clip_gain_db"} name
   * @param {string} label
   * @param {number} max
   * @param {string} words
   */
  const level = (name, label, max, words) => {
    const slider = createSlider({
      label, min: -60, max, neutral: 0, format: (v) => formatDb(v, true), read: parseDb,
      onStart: () => { gesture = newGesture(); },
      /** @param {number} value */
      onInput(value) {
        if (performance.now() - sentAt_ms < 40) return;
        sentAt_ms = performance.now();
        store.edit({ kind: "set_mix", [name]: value }, gesture);
      },
      onCommit: (value) => store.edit({ kind: "set_mix", [name]: value }, gesture),
    });
    return { slider, row: explained(null, slider.element, words) };
  };
  const track = level("gain_db", "Struck", 24, "Level of the generated track, in the player and in every export.");
  const fit = createButton("Fit to \u22121 dBTP", { title: "Set the level so that the highest true peak of the track and its stems is \u22121 dBTP", onPress: () => store.send({ type: "fit_level" }) });
  const clip = level("clip_gain_db", "Clip", 0, "Level of the clip's own sound while you listen, and where an export mixes it in.");
  const width = createSlider({
    label: "Width", min: 0, max: 1, step: 0.01, neutral: 0, format: (v) => (v < 0.005 ? "mono" : `${Math.round(100 * v)} %`),
    read: (text) => (/mono/i.test(text) ? 0 : parsePercent(text)),
    onStart: () => { gesture = newGesture(); },
    /** @param {number} value */
    onInput: (value) => store.hold({ kind: "set_mix", width: value }),
    onCommit: (value) => store.edit({ kind: "set_mix", width: value }, gesture),
  });
  const bar = make("div", "ins-meter-bar", { role: "meter", "aria-label": "Output level", "aria-valuemin": "-60", "aria-valuemax": "0", "aria-valuenow": "-60" }, make("i", "ins-meter-rms"), make("i", "ins-meter-peak"));
  const numbers = make("span", "ins-mono ins-quiet");
  const clipped = createButton("Clipped", { kind: "quiet", title: "The sum went over full scale: press Fit, or lower Struck. Press here to clear.", onPress: () => audio.clearClip() });
  clipped.classList.add("is-alarm");
  const body = make("div", "ins-stack ins-sampler", {}, track.row,
    explained("Headroom", fit, "One press: as loud as can be without clipping, here, in every export and in every stem. Stems add up to the track."), clip.row,
    explained(null, width.element, "How far noise and room spread over left and right, in the player and in every export. Modes stay in the centre, and the mono sum stays as it is."),
    explained(null, make("div", "ins-meter", {}, make("div", "ins-slider-top", {}, make("span", "ins-label", { textContent: "Output" }), numbers), bar, clipped),
      "What Struck plays now. Nothing is limited; what goes over 0 dB clips, and Fit brings it back."));
  const empty = make("p", "ins-empty", { textContent: "Open a clip; its levels are set here." });
  const element = make("div", "ins-panel", {}, body, empty);
  /** @param {number} db */
  const percent = (db) => `${clamp((db + 60) / 60, 0, 1) * 100}%`;

  function watch() {
    frame = 0;
    if (!element.isConnected || element.hidden) return;
    const levels = audio.levels();
    bar.style.setProperty("--rms", percent(levels.rms_db));
    bar.style.setProperty("--peak", percent(levels.peak_db));
    const text = levels.peak_db > -90 ? `peak ${formatDb(levels.peak_db)}` : "silent";
    const loudness = levels.loudness_lufs === null ? "" : ` · ${levels.loudness_lufs.toFixed(1).replace("-", "\u2212")} LUFS`;
    if (numbers.textContent !== text + loudness) {
      numbers.textContent = text + loudness;
      bar.setAttribute("aria-valuenow", String(Math.round(clamp(levels.peak_db, -60, 0))));
      bar.setAttribute("aria-valuetext", text + loudness);
    }
    if (clippedShown !== levels.clipped) clipped.hidden = !(clippedShown = levels.clipped);
    frame = requestAnimationFrame(watch);
  }

  function show() {
    const mix = store.view?.project?.mix;
    body.hidden = !mix;
    empty.hidden = Boolean(mix);
    if (!mix) return;
    track.slider.set(mix.gain_db);
    width.set(mix.width);
    const hasSound = requireProject(store).clip.has_audio;
    clip.slider.set(hasSound ? Math.min(0, mix.clip_gain_db) : null, hasSound ? "—" : "the clip has no sound");
    if (!frame) frame = requestAnimationFrame(watch);
  }

  return { element, show, dispose: () => cancelAnimationFrame(frame) };
}
