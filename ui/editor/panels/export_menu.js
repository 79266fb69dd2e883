// @ts-check
// The export menu: what to write, how far it is, and the finished files.

import { recall, remember } from "../state/remembered.js";
import { t } from "../texts/t.js";
import { createOptionControls, recallOptions } from "./export_options.js";
import { createPresets } from "./export_presets.js";
import { createExportQuestion } from "./export_question.js";
import { createExportQueue } from "./export_queue.js";
import { icon } from "../widgets/icons.js";
import { elementsIn, isInside, make } from "../widgets/controls.js";
import { createFileLink } from "../widgets/file_link.js";
import { keyed, setKeyed } from "../widgets/key_titles.js";
import { createScope } from "../widgets/scope.js";
/** @import { Exported, ExportPlan } from "../state/protocol.d.ts" */
/** @import { Project, Store } from "../state/types.d.ts" */

/** @type {[string, string, string][]} */
const SESSIONS = [
  ["reaper", "Reaper", ".rpp"],
  ["aaf", "Pro Tools, Resolve", ".aaf"],
  ["dawproject", "DAWproject", ".dawproject"],
  ["otio", "OpenTimelineIO", ".otio"],
  ["edl", t("export_menu.resolve_markers"), ".edl"],
  ["midi", t("export_menu.midi_file"), ".mid"],
  ["wwise", t("export_menu.wwise_pack"), ".txt"],
  ["csv", t("export_menu.cue_list"), ".csv"],
  ["html", t("export_menu.cue_sheet_web"), ".html"],
  ["pdf", t("export_menu.cue_sheet_pdf"), ".pdf"],
];
const KINDS = ["mp4", "wav", "stems", "pieces", ...SESSIONS.map(([kind]) => kind), "markers", "project"];
const REMEMBERED = "struck.export";
const PLAN_AFTER_MS = 150;
const ENDED = new Set(["idle", "sampling", "done"]); // what a server is at that exports nothing

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

/**
 * What the files of an export are made of.
 * @param {Project | null | undefined} project
 */
const listHeard = (project) => [project?.clip.audio_track, project?.hits, project?.sounds, project?.mix, project?.render, project?.markers];

/** @param {Store} store */
export function createExportMenu(store) {
  const chosen = recallKinds();
  let working = false;
  let isOwn = false; // whether the export was begun here, and not in another tab or before this page was loaded
  let isTold = false; // whether the server has said that it exports
  let isCut = false; // whether the connection was lost during an export, and the server has not said since what it is at
  /** @type {Exported["files"]} */
  let files = [];
  let isPast = false; // whether the project was changed since they were written
  /** @type {ExportPlan | null} */
  let plan = null;
  let planned = ""; // what the plan is of
  let kept = ""; // the project's own settings, once they were shown
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let planSoon;

  const press = make("button", "st-button is-main st-export", { type: "button", ...keyed("export", t("export_menu.write_the_track")), "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => setOpen(Boolean(menu.hidden)) }, t("common.export"), icon("down"));
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
    return make("label", "st-choice", { title: t("export_menu.kind_help") }, box, make("span", "st-choice-title", { textContent: title }), note ? make("span", "st-choice-note", { textContent: note }) : null);
  };
  let channels = recallOptions().channels;
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
    part(t("common.picture"),
      row(choice("mp4", t("export_menu.clip_with_the")), select("clip_sound", t("export_menu.the_clips_own"), [["replace", t("export_menu.own_sound_replaced")], ["mix", t("export_menu.own_sound_mixed")], ["second", t("export_menu.own_sound_as")]]), select("video_ending", t("export_menu.format_of_the_video"), [[".mp4", "MP4"], [".mov", "MOV"], [".mkv", "MKV"]]))),
    part(t("common.sound"),
      row(choice("wav", t("export_menu.the_track")), select("sound_ending", t("export_menu.format_of_the"), [[".wav", "WAV"], [".flac", "FLAC"], [".rf64", "RF64"], [".aiff", "AIFF"], [".caf", "CAF"], [".w64", "W64"], [".ogg", "Ogg Vorbis"], [".opus", "Opus"], [".mp3", "MP3"]])),
      row(choice("stems", t("export_menu.stems_that_sum")), select("stems", t("export_menu.kind_of_stems"), [["sound", t("export_menu.by_sound")], ["hit", t("export_menu.by_hit")], ["layer", t("export_menu.modes_residual_room")]])),
      row(choice("pieces", t("export_menu.one_shots")), select("normalize", t("export_menu.level_of_one"), [["sound", t("export_menu.loudest_at_1")], ["each", t("export_menu.each_at_1")], ["none", t("export_menu.as_in_the")]])),
      inset(t("export_menu.new_strikes_a"), count("takes", t("export_menu.new_strikes_a_sound"), 0, 50), t("export_menu.in_velocity_layers"), count("layers", t("common.velocity_layers"), 1, 10))),
    part(t("export_menu.sessions_and_cue"), make("div", "st-export-grid", {}, ...SESSIONS.map(([kind, title, note]) => choice(kind, title, note)))),
    part("Struck", make("div", "st-export-grid", {}, choice("project", t("export_menu.project_file"), ".json"), choice("markers", t("export_menu.markers"), ".csv"))));
  const how = make("div", "", {},
    part(t("export_menu.form_of_sound"),
      line(t("export_menu.sample_rate"), select("sample_rate_hz", t("export_menu.sample_rate"), [[44100, "44.1 kHz"], [48000, "48 kHz"], [88200, "88.2 kHz"], [96000, "96 kHz"]])),
      line(t("export_menu.bit_depth"), select("bits", t("export_menu.bit_depth"), [[16, t("export_menu.16_bit_dithered")], [24, t("export_menu.24_bit")], [32, t("export_menu.32_bit_float")]])),
      line(t("export_menu.channels"), select("channels", t("export_menu.channels"), [["mono", t("export_menu.mono")], ["stereo", t("export_menu.stereo")], ["5.1", "5.1"]])),
      line(t("export_menu.start"), write("start_timecode", t("export_menu.timecode_of_the"), t("export_menu.the_clips"))),
      tick("two_pop", t("export_menu.two_pop_two")),
      tick("embed_project", t("export_menu.project_inside_the")),
      formNote),
    part(t("export_menu.names"),
      tick("ucs_names", t("export_menu.name_files_by")),
      line(t("export_menu.pattern"), write("name_pattern", t("export_menu.name_pattern"))),
      line(t("export_menu.creator_id"), write("creator", t("export_menu.creator_id"))),
      line(t("export_menu.source_id"), write("source", t("export_menu.source_id"))),
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
  const go = make("button", "st-button is-main", { type: "button", title: t("export_menu.go_help"), onclick: () => begin() });
  const stop = make("button", "st-button", { type: "button", textContent: t("common.cancel"), onclick: () => store.send({ type: "cancel", only_export: true }) });
  const fill = make("i", "st-progress-fill");
  const progress = make("div", "st-progress", {}, fill);
  const words = make("p", "st-export-words", { role: "status" });
  const list = make("div", "st-files");
  const question = createExportQuestion((existing) => begin(existing));
  const queue = createExportQueue(store, () => ({ what: chosenKinds(), options: { ...form.options } }), (going) => {
    waiting.hidden = !going;
    waiting.textContent = String(going);
    setKeyed(press, "export", going ? t("export_menu.of_the_queue", { going }) : t("export_menu.write_the_track"));
  });
  const menu = make("div", "st-menu st-export-menu", { role: "dialog", "aria-label": t("common.export"), hidden: true }, presets.element, make("div", "st-export-columns", {}, what, how), question.element, make("div", "st-export-foot", {}, words, stop, go), progress, list, queue.element);
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
    isTold = false;
    isOwn = working = store.send({ type: "export", what: chosenKinds(), options: { ...form.options }, existing });
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
    previewNote.replaceChildren(...(plan?.fault ? [plan.fault] : names.map((name) => make("span", "st-export-name", { textContent: old.has(name) ? t("export_menu.exported_before", { name }) : name }))));
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
    } else words.textContent = working ? t("export_menu.starting") : files.length ? t(isPast ? "export_menu.before_the_last" : "export_menu.ready") : chosen.size ? "" : t("export_menu.choose_what_to");
    progress.hidden = stop.hidden = !working;
    go.hidden = working;
    go.disabled = !chosen.size;
    queue.disable(!chosen.size);
    go.textContent = files.length ? t("export_menu.export_again") : t("common.export");
    for (const box of boxes.values()) box.disabled = working;
    form.disable(working);
    if (form.options.channels !== channels) store.emit("channels", channels = form.options.channels);
    formNote.hidden = channels !== "5.1";
    formNote.textContent = t("export_menu.5_1_is");
    askForNames();
    list.hidden = working || !files.length;
    list.replaceChildren(...files.map(({ name, url, note, warning }) => createFileLink(url, name, t("export_menu.download"), note, warning)));
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
    working = isTold = false;
    if (isDone && isOwn && menu.hidden) setOpen(true);
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
    working = isTold = false;
    show();
    question.ask(message.existing);
  }));
  scope.add(() => clearTimeout(planSoon));
  scope.add(store.on("exported", (message) => {
    const isNew = message.files.some(({ url }) => files.every((file) => file.url !== url));
    if (message.again && working && !(isCut && isNew)) return; // the files of an earlier export
    if (isNew) isCut = false; // it ended well while the connection was lost
    files = message.files;
    isPast = !message.is_current;
    if (working) end(true);
    else show();
    isOwn = false;
  }));
  scope.add(store.watch(() => [store.view?.project?.clip.digest], () => {
    files = [];
    plan = null;
    working = isTold = false;
    kept = "";
    if (!presets.isChosen()) form.take({ start_timecode: "" }); // typed for the clip before
    question.hide();
    showNames();
    show();
  }));
  scope.add(store.watch(() => listHeard(store.view?.project), () => {
    isPast = true;
    if (files.length) show();
  }));
  scope.add(store.on("connection", (state) => {
    if (state === "lost") isCut ||= working;
  }));
  scope.add(store.on("status", ({ phase }) => {
    const wasCut = isCut;
    isCut = false;
    if (phase === "exporting") working = isTold = true; // perhaps begun in another tab, or before this page was loaded
    if (wasCut && ENDED.has(phase)) store.emit("error", { type: "error", message: t("export_menu.cut_off") });
    else if (working && (phase === "error" || phase === "cancelled" || isTold && ENDED.has(phase))) { // ended without files: a collected project
      end(false);
      isOwn = false;
    }
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
