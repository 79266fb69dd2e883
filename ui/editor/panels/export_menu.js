// @ts-check
// The export menu: what to write, how far it is, and the finished files.

import { recall, remember } from "../state/remembered.js";
import { createOptionControls } from "./export_options.js";
import { createPresets } from "./export_presets.js";
import { createExportQuestion } from "./export_question.js";
import { createExportQueue } from "./export_queue.js";
import { icon } from "../widgets/icons.js";
import { elementsIn, isInside, make } from "../widgets/controls.js";
import { keyed } from "../widgets/key_titles.js";
import { createScope } from "../widgets/scope.js";
/** @import { Exported, ExportPlan } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/** @type {[string, string, string][]} */
const SESSIONS = [
  ["reaper", "Reaper", ".rpp"],
  ["aaf", "Pro Tools, Resolve", ".aaf"],
  ["dawproject", "DAWproject", ".dawproject"],
  ["otio", "OpenTimelineIO", ".otio"],
  ["edl", "Resolve markers", ".edl"],
  ["midi", "MIDI file", ".mid"],
  ["wwise", "Wwise pack", ".txt"],
  ["csv", "Cue list", ".csv"],
  ["html", "Cue sheet, web page", ".html"],
  ["pdf", "Cue sheet, PDF", ".pdf"],
];
const KINDS = ["mp4", "wav", "stems", "pieces", ...SESSIONS.map(([kind]) => kind), "markers", "project"];
const REMEMBERED = "struck.export";
const PLAN_AFTER_MS = 150;

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
  /** @type {ExportPlan | null} */
  let plan = null;
  let planned = ""; // what the plan is of
  let kept = ""; // the project's own settings, once they were shown
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let planSoon;

  const press = make("button", "st-button is-main st-export", { type: "button", ...keyed("export", "Write the track and what else you choose to files"), "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => setOpen(Boolean(menu.hidden)) }, "Export", icon("down"));
  const waiting = make("span", "st-export-count", { hidden: true });
  /** @type {Map<string, HTMLInputElement>} */
  const boxes = new Map();
  /**
   * A kind of file to tick.
   * @param {string} kind
   * @param {string} title
   * @param {string} [note]
   */
  const choice = (kind, title, note) => {
    const box = make("input", "", { type: "checkbox", checked: chosen.has(kind) });
    box.addEventListener("change", () => choose(kind, box.checked));
    boxes.set(kind, box);
    return make("label", "st-choice", {}, box, make("span", "st-choice-title", { textContent: title }), note ? make("span", "st-choice-note", { textContent: note }) : null);
  };
  const form = createOptionControls(() => {
    presets.leave();
    show();
  });
  const { choose: select, write, count, tick } = form;
  /** @param {...(Node | string)} children */
  const row = (...children) => make("div", "st-export-row", {}, ...children);
  /** @param {...(Node | string)} children */
  const inset = (...children) => make("div", "st-export-inset", {}, ...children);
  /**
   * @param {string} title
   * @param {...Node} children
   */
  const part = (title, ...children) => make("section", "st-export-part", { "aria-label": title }, make("h3", "", { textContent: title }), ...children);
  /**
   * @param {string} words
   * @param {Node} control
   */
  const line = (words, control) => make("label", "st-export-line", {}, make("span", "", { textContent: words }), control);
  const previewNote = make("p", "st-export-note is-name");
  const formNote = make("p", "st-export-note");
  const what = make("div", "", {},
    part("Picture",
      row(choice("mp4", "Clip with the new sound"), select("clip_sound", "The clip's own sound", [["replace", "own sound replaced"], ["mix", "own sound mixed in"], ["second", "own sound as track 2"]]), select("video_ending", "Format of the video", [[".mp4", "MP4"], [".mov", "MOV"], [".mkv", "MKV"]]))),
    part("Sound",
      row(choice("wav", "The track"), select("sound_ending", "Format of the track", [[".wav", "WAV"], [".flac", "FLAC"], [".rf64", "RF64"], [".aiff", "AIFF"], [".caf", "CAF"], [".w64", "W64"], [".ogg", "Ogg Vorbis"], [".opus", "Opus"], [".mp3", "MP3"]])),
      row(choice("stems", "Stems that sum to it"), select("stems", "Kind of stems", [["sound", "by sound"], ["hit", "by hit"], ["layer", "modes, residual, room"]])),
      row(choice("pieces", "One-shots"), select("normalize", "Level of one-shots", [["sound", "loudest at \u22121 dBFS"], ["each", "each at \u22121 dBFS"], ["none", "as in the track"]])),
      inset("New strikes a sound", count("takes", "New strikes a sound; 0 are the clip's own hits", 0, 50), "in velocity layers", count("layers", "Velocity layers", 1, 10))),
    part("Sessions and cue sheets", make("div", "st-export-grid", {}, ...SESSIONS.map(([kind, title, note]) => choice(kind, title, note)))),
    part("Struck", make("div", "st-export-grid", {}, choice("project", "Project file", ".json"), choice("markers", "Markers", ".csv"))));
  const how = make("div", "", {},
    part("Form of sound files",
      line("Sample rate", select("sample_rate_hz", "Sample rate", [[44100, "44.1 kHz"], [48000, "48 kHz"], [88200, "88.2 kHz"], [96000, "96 kHz"]])),
      line("Bit depth", select("bits", "Bit depth", [[16, "16 bit, dithered"], [24, "24 bit"], [32, "32 bit float"]])),
      line("Channels", select("channels", "Channels", [["mono", "Mono"], ["stereo", "Stereo"], ["5.1", "5.1"]])),
      line("Start", write("start_timecode", "Timecode of the first sample", "the clip's")),
      tick("two_pop", "Two-pop, two seconds before the picture"),
      tick("embed_project", "Project inside the track's file"),
      formNote),
    part("Names",
      tick("ucs_names", "Name files by UCS"),
      line("Pattern", write("name_pattern", "Name pattern")),
      line("Creator ID", write("creator", "Creator ID")),
      line("Source ID", write("source", "Source ID")),
      previewNote));
  form.show();
  /** @param {{kinds: string[], options: Partial<import("./export_options.js").Options>}} settings */
  const take = ({ kinds, options }) => {
    chosen.clear();
    for (const kind of kinds) chosen.add(kind);
    for (const [kind, box] of boxes) box.checked = chosen.has(kind);
    remember(REMEMBERED, JSON.stringify([...chosen]));
    form.take(options);
    show();
  };
  const presets = createPresets(store, {
    apply: take,
    current: () => ({ kinds: [...chosen], options: { ...form.options } }),
  });
  const go = make("button", "st-button is-main", { type: "button", onclick: () => begin() });
  const stop = make("button", "st-button", { type: "button", textContent: "Cancel", onclick: () => store.send({ type: "cancel" }) });
  const fill = make("i", "st-progress-fill");
  const progress = make("div", "st-progress", {}, fill);
  const words = make("p", "st-export-words", { role: "status" });
  const list = make("div", "st-files");
  const question = createExportQuestion((existing) => begin(existing));
  const queue = createExportQueue(store, () => ({ what: chosenKinds(), options: { ...form.options } }), (going) => {
    waiting.hidden = !going;
    waiting.textContent = String(going);
    press.title = going ? `${going} of the queue are not done yet` : "";
  });
  const menu = make("div", "st-menu st-export-menu", { role: "dialog", "aria-label": "Export", hidden: true }, presets.element, make("div", "st-export-columns", {}, what, how), question.element, make("div", "st-export-foot", {}, words, stop, go), progress, list, queue.element);
  const element = make("div", "st-anchor", {}, press, menu);

  /**
   * @param {string} kind
   * @param {boolean} wanted
   */
  function choose(kind, wanted) {
    if (wanted) chosen.add(kind);
    else chosen.delete(kind);
    presets.leave();
    remember(REMEMBERED, JSON.stringify([...chosen]));
    show();
  }

  const chosenKinds = () => KINDS.filter((kind) => chosen.has(kind));

  /** @param {"ask" | "keep" | "replace"} [existing] */
  function begin(existing = "ask") {
    question.hide();
    working = store.send({ type: "export", what: chosenKinds(), options: { ...form.options }, existing });
    show();
  }

  /** Ask for the names of the files, once the choice stays as it is. */
  function askForNames() {
    const wanted = JSON.stringify([chosenKinds(), form.options, store.view?.project?.name, files.length]);
    if (menu.hidden || wanted === planned) return;
    planned = wanted;
    clearTimeout(planSoon);
    planSoon = setTimeout(() => store.send({ type: "plan_export", what: chosenKinds(), options: { ...form.options } }), PLAN_AFTER_MS);
  }

  function showNames() {
    const names = plan?.names ?? [];
    const old = new Set(plan?.existing ?? []);
    previewNote.replaceChildren(...(plan?.fault ? [plan.fault] : names.map((name) => make("span", "st-export-name", { textContent: old.has(name) ? `${name}, exported before` : name }))));
    previewNote.classList.toggle("is-fault", Boolean(plan?.fault));
  }

  /** The project's own settings, where they are others than those shown last. */
  function takeKept() {
    const settings = store.view?.project?.export;
    const text = JSON.stringify(settings ?? null);
    if (!settings || text === kept) return;
    kept = text;
    take({ kinds: settings.what, options: { ...settings.options, start_timecode: settings.options.start_timecode ?? "" } });
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
    queue.disable(!chosen.size);
    go.textContent = files.length ? "Export again" : "Export";
    for (const box of boxes.values()) box.disabled = working;
    form.disable(working);
    formNote.hidden = form.options.channels !== "5.1";
    formNote.textContent = "5.1 is L R C LFE Ls Rs; its ITU downmix is the stereo track.";
    askForNames();
    list.hidden = working || !files.length;
    list.replaceChildren(...files.map(({ name, url, note }) =>
      make("a", "st-file", { href: url, download: name, title: `Download ${name}` }, icon("file"), make("span", "st-file-words", {}, make("span", "st-file-name", { textContent: name }), make("span", "st-file-note", { textContent: note ?? "" })), make("span", "st-file-get", { textContent: "Download" }))));
  }

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    menu.hidden = !isOpen;
    press.setAttribute("aria-expanded", String(isOpen));
    question.hide();
    if (isOpen) {
      takeKept();
      planned = "";
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
    event.stopPropagation();
    if (question.isOpen()) {
      question.hide();
      go.focus();
      return;
    }
    setOpen(false);
    press.focus({ preventScroll: true });
  }, true);
  scope.add(store.on("export_plan", (message) => {
    plan = message;
    showNames();
    if (!message.asks) return;
    working = false;
    show();
    question.ask(message.existing);
  }));
  scope.add(() => clearTimeout(planSoon));
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

  scope.add(queue.dispose);
  scope.add(presets.dispose);
  press.append(waiting);
  return { element, open: () => setOpen(true), dispose: scope.dispose };
}
