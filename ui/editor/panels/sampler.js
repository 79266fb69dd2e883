// @ts-check
// The Sampler tab: how hits become sound.

import { t } from "../texts/t.js";
import { icon } from "../widgets/icons.js";
import { parsePlain } from "../widgets/format.js";
import { createButton, createSelect, createSlider, elementsIn, make, newGesture } from "../widgets/controls.js";
import { createSeedEntry, newSeed } from "../widgets/seed_entry.js";
import { createVariation } from "../widgets/variation.js";
/** @import { SetRender } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

const MOST_STEPS = 16, MOST_GUIDANCE = 4;

/**
 * @param {string | null} label
 * @param {HTMLElement} control
 * @param {string} words
 */
const explained = (label, control, words) => make("div", "ins-explained", {}, make("div", "ins-explained-control", {}, label ? make("span", "ins-label", { textContent: label }) : null, control), make("p", "ins-quiet", {}, ...keepOptionsWhole(words)));

/**
 * A text whose options of the command line, such as --device, go to no second line with a part of them.
 * @param {string} words
 */
const keepOptionsWhole = (words) => words.split(/(--[a-z-]+)/).map((part) => (part.startsWith("--") ? make("span", "ins-option", { textContent: part }) : part));

/** @param {Store} store */
export function createSamplerPanel(store) {
  /**
   * @param {Omit<SetRender, "kind">} values
   * @param {string} gesture
   */
  const set = (values, gesture = newGesture()) => store.edit({ kind: "set_render", ...values }, gesture);
  const checkpoint = createSelect({ label: t("sampler.checkpoint"), onChoose: (name) => set({ checkpoint: name }) });
  const steps = createSlider({ label: t("sampler.steps"), help: t("sampler.more_steps_follow"), min: 1, max: MOST_STEPS, step: 1, format: (v) => String(Math.round(v)), read: (text) => parsePlain(text, ["steps", "step"]), onCommit: (v, gesture) => set({ steps: Math.round(v) }, gesture) });
  const guidance = createSlider({ label: t("sampler.guidance"), help: t("sampler.how_strictly_the"), min: 1, max: MOST_GUIDANCE, step: 0.05, format: (v) => v.toFixed(2), read: (text) => parsePlain(text, ["×", "x"]), onCommit: (v, gesture) => set({ guidance: v }, gesture) });
  const variation = createVariation({ label: t("common.variation"), help: t("sampler.how_much_hits"), onCommit: (v, gesture) => set({ variation: v }, gesture) });
  const seed = createSeedEntry(t("sampler.project_seed"), (value) => set({ seed: value }));
  const dice = createButton(t("common.new_take"), { sign: icon("dice"), title: t("sampler.another_seed_for"), onPress: () => set({ seed: newSeed() }) });
  const about = make("p", "ins-quiet");
  const modelWords = t("sampler.the_trained_model");
  const model = explained(t("sampler.model"), checkpoint.element, modelWords);
  const modelNote = elementsIn(model, "p")[0];
  const body = make("div", "ins-stack ins-sampler", {},
    model,
    explained(null, steps.element, t("sampler.more_steps_follow")),
    explained(null, guidance.element, t("sampler.how_strictly_the")),
    explained(null, variation.element, t("sampler.how_much_hits")),
    explained(t("sampler.project_seed"), make("div", "ins-row", {}, seed.element, dice), t("sampler.the_chance_behind")),
    explained(t("sampler.runs_on"), about, t("sampler.chosen_when_struck")));
  const empty = make("p", "ins-empty", { textContent: t("sampler.open_a_clip") });
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
    const options = models.map(({ name, fault }) => [name, fault ? t("sampler.does_not_fit", { name }) : name]);
    if (missing) options.push([render.checkpoint, t("sampler.not_installed_prior", { checkpoint: render.checkpoint })]);
    checkpoint.set([...options, ["", t("sampler.prior_only")]], render.checkpoint);
    modelNote.textContent = chosen?.fault ? t("sampler.modes_and_noise", { fault: chosen.fault }) : modelWords;
    const off = !chosen || Boolean(chosen.fault);
    steps.setRange(1, Math.max(MOST_STEPS, render.steps)); // a project may hold more than the slider offers
    steps.set(render.steps, "—", off);
    guidance.setRange(Math.min(1, render.guidance), Math.max(MOST_GUIDANCE, render.guidance));
    guidance.set(render.guidance, "—", off);
    variation.set(render.variation);
    seed.set(String(render.seed));
    about.textContent = store.welcome?.device ?? "";
  }

  return { element, show };
}
