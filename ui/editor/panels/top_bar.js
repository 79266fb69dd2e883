// @ts-check
// The bar at the top: open, undo and redo, the project's name, what is going on, export.

import { translate } from "../texts/server.js";
import { t } from "../texts/t.js";
import { createExportMenu } from "./export_menu.js";
import { icon } from "../widgets/icons.js";
import { keyText } from "../actions/bindings.js";
import { make, setChanged } from "../widgets/controls.js";
import { keyed, setKeyed } from "../widgets/key_titles.js";
import { boxOf } from "../widgets/page_scale.js";
import { countUnrecognised } from "../state/unrecognised.js";
import { openMenuAt } from "../timeline/menu.js";
import { createScope } from "../widgets/scope.js";
/** @import { Store } from "../state/types.d.ts" */

const RUNNING = new Set(["opening", "detecting", "analysing", "sampling", "exporting"]);
/** @type {Record<string, string>} */
const WORDS = { opening: t("common.opening"), detecting: t("common.looking_for_hits"), analysing: t("common.analysing"), sampling: t("common.sampling"), exporting: t("common.exporting") };

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {{open: () => void, help: () => void, conform: () => void, sync: () => void, animate: () => void, storyboard: () => void, find: () => void}} host
 */
export function createTopBar(root, store, { open, help, conform, sync, animate, storyboard, find }) {
  const mark = make("span", "st-wordmark", { "aria-label": "Struck" }, "Str", make("b", "", { textContent: "u" }), "ck");
  const openButton = make("button", "st-button", { type: "button", textContent: t("top_bar.open_clip"), ...keyed("open", t("common.open_a_clip")), onclick: open });
  const undo = make("button", "st-button is-icon", { type: "button", onclick: () => store.send({ type: "undo" }) }, icon("undo"));
  const redo = make("button", "st-button is-icon", { type: "button", onclick: () => store.send({ type: "redo" }) }, icon("redo"));
  const name = make("span", "st-name");
  const save = make("button", "st-save", { type: "button", onclick: saveNow });
  const saveMore = make("button", "st-save is-more", { type: "button", textContent: "▾", title: t("top_bar.more_ways_to_save"), "aria-label": t("top_bar.more_ways_to"), "aria-haspopup": "menu", onclick: openSaveMenu });
  const pill = createPill(store, find);
  const helpButton = make("button", "st-button is-icon", { type: "button", textContent: "?", ...keyed("help", t("top_bar.keys_gestures_and")), "aria-label": t("common.keys_and_gestures"), onclick: help });
  const syncButton = make("button", "st-button", { type: "button", textContent: t("top_bar.sync"), ...keyed("measure_sync", t("top_bar.how_far_hits")), onclick: sync });
  const folder = make("input", "st-path st-folder", { type: "text", hidden: true, spellcheck: false, placeholder: t("top_bar.a_folder_on"), "aria-label": t("top_bar.folder_to_save") });
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
    openMenuAt(root.parentElement ?? root, box.left - bounds.left, box.bottom + 6, t("common.save"), [
      { text: t("common.save"), key: keyText("save"), choose: saveNow },
      ...(store.welcome?.local ? [{ text: t("common.save_as_a"), choose: () => store.send({ type: "collect_project" }) }, { text: t("top_bar.save_as_a"), choose: askFolder }] : []),
      "",
      { text: t("common.conform_to_a"), choose: conform },
      { text: t("animatic.from_a_still"), choose: animate },
      { text: t("storyboard.storyboard_of"), choose: storyboard },
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
   * @param {string | null | undefined} what
   * @param {"undo" | "redo"} action
   */
  function label(element, what, action) {
    const isUndo = action === "undo";
    const text = what ? (isUndo ? t("top_bar.undo", { what }) : t("top_bar.redo", { what })) : isUndo ? t("top_bar.nothing_to_undo") : t("top_bar.nothing_to_redo");
    setKeyed(element, action, text);
    element.setAttribute("aria-label", text);
    element.disabled = !what;
  }

  function show() {
    const view = store.view;
    const project = view?.project;
    label(undo, view?.undo && translate(view.undo), "undo");
    label(redo, view?.redo && translate(view.redo), "redo");
    name.textContent = project?.name ?? "";
    name.title = project?.clip.name ?? "";
    save.hidden = !project;
    saveMore.hidden = !project;
    save.textContent = project?.saved ? t("top_bar.saved") : t("common.save");
    save.disabled = Boolean(project?.saved);
    setKeyed(save, "save", project?.saved ? t("top_bar.every_change_is") : t("top_bar.save_the_project"));
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
 * @param {() => void} find shows where the user says what is struck
 */
function createPill(store, find) {
  const fill = make("i", "st-pill-fill");
  const text = make("span", "st-pill-text");
  const short = make("span", "st-pill-short", { textContent: t("common.what_is_struck") }); // in a bar with little room
  let isStopping = false; // asked to, and not there yet: a step of the sampler takes its time
  const stop = make("button", "st-pill-button", { type: "button", textContent: t("common.cancel"), title: t("top_bar.stop_what_is"), onclick: () => {
    isStopping = store.send({ type: "cancel" });
    show();
  } });
  const resume = make("button", "st-pill-button", { type: "button", textContent: t("top_bar.resume"), title: t("top_bar.sample_the_hits"), onclick: () => store.send({ type: "resume" }) });
  const choose = make("button", "st-pill-button", { type: "button", textContent: t("top_bar.choose"), title: t("top_bar.choose_what_is"), onclick: () => {
    const waiting = store.view?.project?.sounds.find((sound) => sound.is_unrecognised);
    if (waiting) store.select({ soundId: waiting.id, hits: new Set() });
    find();
  } });
  const again = make("button", "st-pill-button", { type: "button", textContent: t("top_bar.look_again"), title: t("top_bar.look_for_hits"), onclick: () => store.send({ type: "detect" }) });
  const element = make("div", "st-pill", {}, fill, text, short, stop, choose, resume, again);

  /** @returns {{kind: string, words: string, part?: number | null, canLook?: boolean, canResume?: boolean, canChoose?: boolean} | null} */
  function describe() {
    const { phase, done, total, message, elapsed_s } = store.status;
    const project = store.view?.project;
    if (store.connection !== "open") return { kind: "bad", words: store.connection === "lost" ? t("top_bar.reconnecting") : t("top_bar.connecting") };
    if (RUNNING.has(phase) && isStopping) return { kind: "busy", words: t("top_bar.stopping"), part: null };
    if (RUNNING.has(phase)) return { kind: "busy", words: translate(message) || WORDS[phase], part: total > 0 ? done / total : null };
    if (phase === "error") return { kind: "bad", words: message };
    if (!project) return null;
    const missing = project.hits.filter((hit) => !store.rendered.has(hit.id)).length;
    const unrecognised = countUnrecognised(project, store.rendered);
    if (unrecognised && phase !== "cancelled") return { kind: "quiet", words: t("top_bar.what_is_struck", { count: unrecognised }), canChoose: true, canResume: true };
    if (phase === "cancelled" && message === "Stopped") return { kind: "quiet", words: t("top_bar.stopped_looking_for"), canLook: true };
    if (phase === "cancelled") return { kind: "quiet", words: missing && message.startsWith("Sampling") ? t("top_bar.stopped_to_sample", { missing }) : translate(message), canResume: missing > 0 };
    if (missing) return { kind: "quiet", words: t("top_bar.hits_wait", { count: missing }) };
    if (phase === "done") return { kind: "good", words: [translate(message), elapsed_s ? `${elapsed_s.toFixed(1)} s` : ""].filter(Boolean).join(" · ") };
    if (!project.hits.length) return null;
    return { kind: "good", words: t("top_bar.hits_sampled", { count: project.hits.length }) };
  }

  function show() {
    const state = describe();
    setChanged(element, { hidden: !state });
    if (!state) return;
    setChanged(element, { className: `st-pill is-${state.kind}${state.canChoose ? " is-asking" : ""}`, title: state.words });
    setChanged(text, { textContent: state.words });
    const open = state.kind === "busy" && state.part === null;
    fill.classList.toggle("is-open", open);
    fill.style.transform = open ? "" : `scaleX(${state.kind === "busy" ? state.part : 0})`;
    setChanged(stop, { hidden: state.kind !== "busy" || isStopping });
    setChanged(choose, { hidden: !state.canChoose });
    setChanged(resume, { hidden: !state.canResume, textContent: state.canChoose ? t("top_bar.sample_anyway") : t("top_bar.resume") });
    setChanged(again, { hidden: !state.canLook });
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
