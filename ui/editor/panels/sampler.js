// @ts-check
// The Sampler tab: how hits become sound.

import { icon } from "../widgets/icons.js";
import { clamp } from "../audio/units.js";
import { parsePercent, parsePlain } from "../widgets/format.js";
import { createButton, createSelect, createSlider, elementsIn, make, newGesture } from "../widgets/controls.js";
import { createSeedEntry, newSeed } from "../widgets/seed_entry.js";
/** @import { SetRender } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

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
