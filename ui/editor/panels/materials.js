// @ts-check
// "What is struck?": a silent clip asks which of the materials its hits sound like; each choice can be heard first.

import { recall, remember } from "../state/remembered.js";
import { t } from "../texts/t.js";
import { elementsIn, focusedElement, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { AudioEngine, Preset, Project, Store } from "../state/types.d.ts" */

const ASKED = "struck.asked";
const BUSY = new Set(["opening", "detecting", "analysing"]);
/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * Whether a silent clip without detected hits has the default sound. For clips with hits the Find tab shows the
 * prediction.
 * @param {Project | null | undefined} project
 */
function isUnchosen(project) {
  if (!project || project.clip.has_audio || project.hits.length || !project.sounds.length) return false;
  return project.sounds.every((sound) => sound.is_default);
}

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {AudioEngine} audio
 */
export function createMaterials(app, store, audio) {
  /** @type {Preset | null} */
  let chosen = null;
  /** @type {string | null} */
  let waitingFor = null;

  const line = make("p", "st-question-line");
  const grid = make("div", "st-materials");
  const about = make("p", "st-material-about");
  const use = make("button", "st-button is-main", { type: "button", onclick: apply });
  const later = make("button", "st-button", { type: "button", textContent: t("common.not_now"), onclick: close });
  const box = make("div", "st-question", { role: "dialog", "aria-modal": "true", "aria-label": t("common.what_is_struck") },
    make("h2", "", { textContent: t("common.what_is_struck") }),
    line, grid, make("div", "st-question-foot", {}, about, later, use));
  const page = make("div", "st-scrim", { hidden: true }, box);
  app.append(page);

  function fill() {
    line.textContent = t(store.view?.project?.clip.has_audio ? "materials.press_a_material" : "materials.this_clip_has");
    const presets = store.welcome?.presets ?? [];
    const groups = new Map();
    for (const preset of presets) groups.set(preset.material, [...(groups.get(preset.material) ?? []), preset]);
    grid.replaceChildren(...[...groups].map(([material, members]) =>
      make("section", "st-material", { "aria-label": material }, make("h3", "", { textContent: capital(material) }), ...members.map(row))));
  }

  /** @param {Preset} preset */
  function row(preset) {
    const choice = make("button", "st-preset", { type: "button", title: t("common.hear", { name: preset.name }), "aria-pressed": "false", onclick: () => audition(preset), ondblclick: apply }, make("i", "st-preset-mark"), make("span", "", { textContent: preset.name }));
    choice.dataset.name = preset.name;
    return choice;
  }

  /** @param {Preset} preset */
  function audition(preset) {
    chosen = preset;
    waitingFor = `preset:${preset.name}`;
    audio.resume().catch(() => {});
    store.send({ type: "audition_preset", name: preset.name });
    show();
  }

  function apply() {
    if (!chosen) return;
    const { name } = chosen;
    close();
    store.edit({ kind: "apply_preset", sound_id: null, name }, null);
  }

  function show() {
    for (const button of elementsIn(grid, ".st-preset")) {
      const isOn = button.dataset.name === chosen?.name;
      button.classList.toggle("is-on", isOn);
      button.classList.toggle("is-waiting", isOn && waitingFor !== null);
      button.setAttribute("aria-pressed", String(isOn));
    }
    use.disabled = !chosen;
    use.textContent = chosen ? t("materials.use", { name: chosen.name }) : t("materials.use_2");
    about.textContent = chosen ? chosen.credit : "";
    about.title = about.textContent;
  }

  /** @type {HTMLElement | null} */
  let returnTo = null;
  let byItself = false; // whether nobody asked for the question
  function open(unasked = false) {
    if (!page.hidden) return;
    byItself = unasked;
    chosen = waitingFor = null;
    returnTo = focusedElement();
    fill();
    show();
    page.hidden = false;
    grid.querySelector("button")?.focus({ preventScroll: true });
  }

  function close() {
    if (page.hidden) return;
    const digest = store.view?.project?.clip.digest;
    if (digest) rememberAsked(digest);
    leave();
  }

  /** @param {string} digest */
  function rememberAsked(digest) {
    if (recall(ASKED, "session") !== digest) remember(ASKED, digest, "session");
  }

  /** Hide the question and give the keyboard back: to what had it, or to the timeline where that cannot have it now. */
  function leave() {
    if (page.hidden) return;
    const active = document.activeElement;
    page.hidden = true;
    if (active && active !== document.body && !page.contains(active)) return; // it is elsewhere already
    for (const next of [returnTo, ...elementsIn(app, ".st-lanes")]) {
      if (next && next !== document.body) next.focus({ preventScroll: true });
      if (next && next === document.activeElement) return;
    }
  }

  function askWhenSilent() {
    const project = store.view?.project;
    if (!project || !isUnchosen(project)) {
      if (project?.hits.length) rememberAsked(project.clip.digest); // undone again, its hits are no reason to ask
      if (byItself || !project || project.clip.has_audio) leave(); // the picture has told meanwhile
      return;
    }
    if (BUSY.has(store.status.phase)) return; // the picture is being looked at; it may tell
    if (store.welcome?.presets.length && recall(ASKED, "session") !== project.clip.digest) open(true);
  }

  page.addEventListener("pointerdown", (event) => event.target === page && close());
  page.addEventListener("keydown", (event) => {
    if (page.hidden) return; // the focus leaves a hidden sheet only with the next picture
    event.stopPropagation();
    const buttons = elementsIn(grid, ".st-preset");
    const at = buttons.findIndex((button) => button === focusedElement());
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown" && at >= 0) buttons[Math.min(at + 1, buttons.length - 1)].focus();
    else if (event.key === "ArrowUp" && at >= 0) buttons[Math.max(at - 1, 0)].focus();
    else if (event.key === "Tab") keepInside(event);
    else return;
    if (event.key !== "Tab") event.preventDefault();
  });

  /**
   * Tab stays within the question.
   * @param {KeyboardEvent} event
   */
  function keepInside(event) {
    const stops = elementsIn(box, "button:not(:disabled)");
    const [first, last] = [stops[0], stops[stops.length - 1]];
    const from = focusedElement();
    if (event.shiftKey ? from === first : from === last) {
      (event.shiftKey ? last : first).focus();
      event.preventDefault();
    }
  }

  const scope = createScope();
  scope.add(store.watch(() => [store.view?.project?.clip, store.view?.project?.hits, store.view?.project?.sounds], askWhenSilent));
  scope.add(store.on("status", ({ phase }) => !BUSY.has(phase) && askWhenSilent()));
  scope.add(store.on("welcome", () => {
    if (!page.hidden) {
      fill();
      show();
    } else askWhenSilent();
  }));
  scope.add(store.on("audition", ({ sound_id }) => {
    if (sound_id !== waitingFor) return;
    waitingFor = null;
    show();
  }));
  scope.add(store.on("error", () => {
    waitingFor = null;
    if (!page.hidden) show();
  }));
  return { open: () => open(), dispose: scope.dispose };
}
