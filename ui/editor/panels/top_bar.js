// @ts-check
// The bar at the top: open, undo and redo, the project's name, what is going on, export.

import { createExportMenu } from "./export_menu.js";
import { icon } from "../widgets/icons.js";
import { keyText } from "../actions/bindings.js";
import { make } from "../widgets/controls.js";
import { keyed, setKeyed } from "../widgets/key_titles.js";
import { boxOf } from "../widgets/page_scale.js";
import { openMenuAt } from "../timeline/menu.js";
import { createScope } from "../widgets/scope.js";
/** @import { Store } from "../state/types.d.ts" */

const RUNNING = new Set(["opening", "detecting", "analysing", "sampling", "exporting"]);
/** @type {Record<string, string>} */
const WORDS = { opening: "Opening", detecting: "Looking for hits", analysing: "Analysing", sampling: "Sampling", exporting: "Exporting" };

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {{open: () => void, help: () => void, conform: () => void, sync: () => void}} host
 */
export function createTopBar(root, store, { open, help, conform, sync }) {
  const mark = make("span", "st-wordmark", { "aria-label": "Struck" }, "Str", make("b", "", { textContent: "u" }), "ck");
  const openButton = make("button", "st-button", { type: "button", textContent: "Open clip", ...keyed("open", "Open a clip or a project"), onclick: open });
  const undo = make("button", "st-button is-icon", { type: "button", onclick: () => store.send({ type: "undo" }) }, icon("undo"));
  const redo = make("button", "st-button is-icon", { type: "button", onclick: () => store.send({ type: "redo" }) }, icon("redo"));
  const name = make("span", "st-name");
  const save = make("button", "st-save", { type: "button", onclick: saveNow });
  const saveMore = make("button", "st-save is-more", { type: "button", textContent: "▾", title: "More ways to save; conform to a recut", "aria-label": "More ways to save", "aria-haspopup": "menu", onclick: openSaveMenu });
  const pill = createPill(store);
  const helpButton = make("button", "st-button is-icon", { type: "button", textContent: "?", ...keyed("help", "Keys, gestures and theme"), "aria-label": "Keys and gestures", onclick: help });
  const syncButton = make("button", "st-button", { type: "button", textContent: "Sync", ...keyed("measure_sync", "How far hits or sound are early or late against the picture"), onclick: sync });
  const folder = make("input", "st-path st-folder", { type: "text", hidden: true, spellcheck: false, placeholder: "a folder on this machine, then Enter", "aria-label": "Folder to save in" });
  folder.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && folder.value.trim()) store.send({ type: "collect_project", inside: folder.value.trim() });
    if (event.key === "Enter" || event.key === "Escape") folder.hidden = true;
    event.stopPropagation();
  });
  folder.addEventListener("blur", () => (folder.hidden = true));
  const exports = createExportMenu(store);
  root.append(mark, openButton, undo, redo, make("span", "st-project", {}, name, save, saveMore, folder), make("span", "st-space"), pill.element, syncButton, helpButton, exports.element);

  function openSaveMenu() {
    const box = boxOf(saveMore);
    const bounds = boxOf(root);
    openMenuAt(root.parentElement ?? root, box.left - bounds.left, box.bottom + 6, "Save", [
      { text: "Save", key: keyText("save"), choose: saveNow },
      ...(store.welcome?.local ? [{ text: "Save as a folder, with clip and recordings", choose: () => store.send({ type: "collect_project" }) }, { text: "Save as a folder in …", choose: askFolder }] : []),
      "",
      { text: "Conform to a recut of the clip…", choose: conform },
    ]);
  }

  /** Ask where the folder shall lie; the browser cannot name a folder of this machine. */
  function askFolder() {
    folder.hidden = false;
    folder.focus();
  }

  function saveNow() {
    if (store.view?.project) store.send({ type: "save" });
  }

  /**
   * @param {HTMLButtonElement} element
   * @param {string} word
   * @param {string | null | undefined} what
   * @param {"undo" | "redo"} action
   */
  function label(element, word, what, action) {
    const text = what ? `${word} “${what}”` : `Nothing to ${word.toLowerCase()}`;
    setKeyed(element, action, text);
    element.setAttribute("aria-label", text);
    element.disabled = !what;
  }

  function show() {
    const view = store.view;
    const project = view?.project;
    label(undo, "Undo", view?.undo, "undo");
    label(redo, "Redo", view?.redo, "redo");
    name.textContent = project?.name ?? "";
    name.title = project?.clip.name ?? "";
    save.hidden = !project;
    saveMore.hidden = !project;
    save.textContent = project?.saved ? "saved" : "Save";
    save.disabled = Boolean(project?.saved);
    setKeyed(save, "save", project?.saved ? "Every change is in the project file" : "Save the project to its file; until then it is kept in this session");
    exports.element.hidden = syncButton.hidden = !project;
  }

  const cleanup = store.watch(() => {
    const { view } = store;
    return [view?.undo, view?.redo, view?.project?.name, view?.project?.saved, view?.project?.clip];
  }, show);
  show();
  return {
    saveNow,
    openClip: open,
    openExport: exports.open,
    dispose() {
      cleanup();
      pill.dispose();
      exports.dispose();
    },
  };
}

/**
 * The status in words, with progress and a button to stop it.
 * @param {Store} store
 */
function createPill(store) {
  const fill = make("i", "st-pill-fill");
  const text = make("span", "st-pill-text");
  let isStopping = false; // asked to, and not there yet: a step of the sampler takes its time
  const stop = make("button", "st-pill-button", { type: "button", textContent: "Cancel", title: "Stop what is going on; what is done stays", onclick: () => {
    isStopping = store.send({ type: "cancel" });
    show();
  } });
  const resume = make("button", "st-pill-button", { type: "button", textContent: "Resume", title: "Sample the hits that are still missing", onclick: () => store.send({ type: "resume" }) });
  const again = make("button", "st-pill-button", { type: "button", textContent: "Look again", title: "Look for hits from the start; what you changed stays", onclick: () => store.send({ type: "detect" }) });
  const element = make("div", "st-pill", {}, fill, text, stop, resume, again);

  /** @returns {{kind: string, words: string, part?: number | null, canLook?: boolean, canResume?: boolean} | null} */
  function describe() {
    const { phase, done, total, message, elapsed_s } = store.status;
    const project = store.view?.project;
    if (store.connection !== "open") return { kind: "bad", words: store.connection === "lost" ? "Reconnecting" : "Connecting" };
    if (RUNNING.has(phase) && isStopping) return { kind: "busy", words: "Stopping", part: null };
    if (RUNNING.has(phase)) return { kind: "busy", words: message || WORDS[phase], part: total > 0 ? done / total : null };
    if (phase === "error") return { kind: "bad", words: message };
    if (!project) return null;
    const missing = project.hits.filter((hit) => !store.rendered.has(hit.id)).length;
    if (phase === "cancelled" && message === "Stopped") return { kind: "quiet", words: "Stopped looking for hits", canLook: true };
    if (phase === "cancelled") return { kind: "quiet", words: missing && message.startsWith("Sampling") ? `Stopped, ${missing} to sample` : message, canResume: missing > 0 };
    if (missing) return { kind: "quiet", words: missing === 1 ? "1 hit waits" : `${missing} hits wait` };
    if (phase === "done") return { kind: "good", words: [message, elapsed_s ? `${elapsed_s.toFixed(1)} s` : ""].filter(Boolean).join(" · ") };
    if (!project.hits.length) return null;
    return { kind: "good", words: project.hits.length === 1 ? "1 hit sampled" : `${project.hits.length} hits sampled` };
  }

  function show() {
    const state = describe();
    element.hidden = !state;
    if (!state) return;
    element.className = `st-pill is-${state.kind}`;
    text.textContent = state.words;
    element.title = state.words;
    const open = state.kind === "busy" && state.part === null;
    fill.classList.toggle("is-open", open);
    fill.style.transform = open ? "" : `scaleX(${state.kind === "busy" ? state.part : 0})`;
    stop.hidden = state.kind !== "busy" || isStopping;
    resume.hidden = !state.canResume;
    again.hidden = !state.canLook;
  }

  const scope = createScope();
  scope.add(store.watch(() => [store.view?.project?.clip, store.view?.project?.hits, store.view?.project?.sounds, store.view?.project?.render], () => {
    isStopping = false;
    show();
  }));
  for (const event of /** @type {const} */ (["status", "rendered", "connection"])) {
    scope.add(store.on(event, () => {
      if (!RUNNING.has(store.status.phase)) isStopping = false;
      show();
    }));
  }
  show();
  return { element, dispose: scope.dispose };
}
