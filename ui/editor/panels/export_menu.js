// @ts-check
// The export menu: what to write, how far it is, and the finished files.

import { recall, remember } from "../state/remembered.js";
import { icon } from "../widgets/icons.js";
import { elementsIn, isInside, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Exported } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/** @type {[string, string, string][]} */
const KINDS = [
  ["mp4", "Clip with the new sound", "MP4, picture untouched"],
  ["wav", "The sound alone", "WAV, 48 kHz, 24 bit"],
  ["stems", "Stems", "a WAV for each sound"],
  ["markers", "Markers", "the times of the hits, CSV"],
  ["project", "Project file", "to go on elsewhere"],
];
const REMEMBERED = "struck.export";

/** @returns {Set<string>} */
function recallKinds() {
  try {
    const kinds = JSON.parse(recall(REMEMBERED) ?? "null");
    if (Array.isArray(kinds)) return new Set(kinds);
  } catch {
    // nonsense: the usual choice
  }
  return new Set(["mp4", "wav"]);
}

/** @param {Store} store */
export function createExportMenu(store) {
  const chosen = recallKinds();
  let working = false;
  /** @type {Exported["files"]} */
  let files = [];

  const press = make("button", "st-button is-main st-export", { type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => setOpen(Boolean(menu.hidden)) }, "Export", icon("down"));
  const choices = KINDS.map(([kind, title, note]) => {
    const box = make("input", "", { type: "checkbox", checked: chosen.has(kind) });
    box.addEventListener("change", () => choose(kind, box.checked));
    const label = make("label", "st-choice", {}, box, make("span", "st-choice-title", { textContent: title }), make("span", "st-choice-note", { textContent: note }));
    return { box, label };
  });
  const go = make("button", "st-button is-main", { type: "button", onclick: begin });
  const stop = make("button", "st-button", { type: "button", textContent: "Cancel", onclick: () => store.send({ type: "cancel" }) });
  const fill = make("i", "st-progress-fill");
  const progress = make("div", "st-progress", {}, fill);
  const words = make("p", "st-export-words", { role: "status" });
  const list = make("div", "st-files");
  const menu = make("div", "st-menu st-export-menu", { role: "dialog", "aria-label": "Export", hidden: true }, ...choices.map(({ label }) => label), make("div", "st-export-foot", {}, words, stop, go), progress, list);
  const element = make("div", "st-anchor", {}, press, menu);

  /**
   * @param {string} kind
   * @param {boolean} wanted
   */
  function choose(kind, wanted) {
    if (wanted) chosen.add(kind);
    else chosen.delete(kind);
    remember(REMEMBERED, JSON.stringify([...chosen]));
    show();
  }

  function begin() {
    const what = KINDS.map(([kind]) => kind).filter((kind) => chosen.has(kind));
    files = [];
    working = store.send({ type: "export", what });
    show();
  }

  function show() {
    const { phase, done, total, message } = store.status;
    const exporting = working && (phase === "exporting" || phase === "sampling");
    if (exporting) {
      words.textContent = message;
      fill.style.transform = `scaleX(${phase === "exporting" && total ? done / total : 0})`;
    } else words.textContent = working ? "Starting" : files.length ? "Ready" : chosen.size ? "" : "Choose what to export";
    progress.hidden = stop.hidden = !working;
    go.hidden = working;
    go.disabled = !chosen.size;
    go.textContent = files.length ? "Export again" : "Export";
    for (const { box } of choices) box.disabled = working;
    list.hidden = !files.length;
    list.replaceChildren(...files.map(({ name, url, note }) =>
      make("a", "st-file", { href: url, download: name, title: `Download ${name}` }, icon("file"), make("span", "st-file-words", {}, make("span", "st-file-name", { textContent: name }), make("span", "st-file-note", { textContent: note ?? "" })), make("span", "st-file-get", { textContent: "Download" }))));
  }

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    menu.hidden = !isOpen;
    press.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      show();
      (files.length ? elementsIn(list, ".st-file")[0] : go).focus();
    }
  }

  /** @param {boolean} isDone */
  const end = (isDone) => {
    if (!working) return;
    working = false;
    if (isDone && menu.hidden) setOpen(true);
    show();
  };

  menu.addEventListener("keydown", (event) => event.stopPropagation());
  const scope = createScope();
  scope.listen(document, "pointerdown", (event) => !menu.hidden && !isInside(event, element) && setOpen(false), true);
  // Escape is caught wherever the focus went when a button was hidden.
  scope.listen(document, "keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    setOpen(false);
    press.focus({ preventScroll: true });
    event.stopPropagation();
  }, true);
  scope.add(store.on("exported", (message) => {
    files = message.files;
    end(true);
  }));
  scope.add(store.on("status", ({ phase }) => {
    if (working && (phase === "error" || phase === "cancelled")) end(false);
    else if (!menu.hidden) show();
  }));
  scope.add(store.on("error", () => end(false)));
  scope.add(store.watch(() => [Boolean(store.view?.project)], () => {
    if (!store.view?.project) setOpen(false);
  }));

  return { element, dispose: scope.dispose };
}
