// @ts-check
// Opening: the start page, the same as a sheet over an open project, and dropping files anywhere.

import { t } from "../texts/t.js";
import { icon } from "../widgets/icons.js";
import { focusedElement, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
import { continueSession } from "../state/store.js";
import { isSpotting } from "../arrange/spotting.js";
import { describeError, upload } from "../state/upload.js";
import { formatAge } from "../widgets/format.js";
/** @import { ClientMessage, KeptSession } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

const CLIPS = "video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi,.gif,.json,.struck.json";
/** @param {string} type */
const isRecording = (type, name = "") => !isSpotting(type, name) && (type.startsWith("audio/") || /\.(wav|flac|aiff?|mp3|ogg|opus|m4a)$/i.test(name));
/** @param {string} path */
const baseName = (path) => path.split(/[\\/]/).at(-1) ?? path;
const MOST_KEPT = 5;
/**
 * The displayed folder of a recent file; those of uploads have meaningless names.
 * @param {string} path
 */
function placeOf(path) {
  const folders = path.split(/[\\/]/).slice(0, -1);
  if (folders.at(-3) === "uploads") return t("start.brought_in_by");
  return folders.join("/");
}

/**
 * ``takeDropped(event)``: whether a drop of recordings was taken for the bank; ``takeSpotting(file)`` adds a list's hits; ``about()`` opens the about page.
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {{show: (message: string, kind: "note" | "error") => void}} toasts
 * @param {{takeDropped: (event: DragEvent) => boolean, takeSpotting: (file: File) => unknown, about: () => void}} host
 */
export function createStart(app, store, toasts, { takeDropped, takeSpotting, about: openAbout }) {
  /** @type {{name: string, controller: AbortController, part: number} | null} */
  let sending = null;
  let asked = false; // the sheet is wanted over an open project
  /** @type {HTMLElement | null} */
  let returnTo = null;

  // --- elements -----------------------------------------------------------------------------------

  /** @type {HTMLInputElement} */
  const picker = make("input", "", { type: "file", accept: CLIPS, hidden: true, onchange: () => {
    if (picker.files?.[0]) take(picker.files[0]);
    picker.value = "";
  } });
  const choose = make("button", "st-button is-main is-large", { type: "button", textContent: t("start.choose_a_file"), title: t("start.choose_a_clip"), onclick: () => picker.click() });
  const dropArea = make("div", "st-drop", {}, make("p", "st-drop-title", { textContent: t("start.drop_a_clip") }),
    make("p", "st-drop-note", { textContent: t("start.mp4_mov_mkv") }), choose, picker);
  const path = make("input", "st-path", { type: "text", spellcheck: false, autocomplete: "off", placeholder: t("start.or_type_the"), title: t("start.open_the_clip"), "aria-label": t("start.path_of_a") });
  const go = make("button", "st-button", { type: "submit", textContent: t("start.open"), title: t("start.open_the_clip") });
  const pathRow = make("form", "st-path-row", { onsubmit: (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (path.value.trim()) open({ type: "open", path: path.value.trim() });
  } }, path, go);
  path.addEventListener("keydown", (event) => event.key !== "Escape" && event.stopPropagation());
  const busy = make("p", "st-busy-words", { role: "status" });
  const fill = make("i", "st-progress-fill");
  const progress = make("div", "st-progress", {}, fill);
  const stop = make("button", "st-button", { type: "button", textContent: t("common.cancel"), onclick: () => (sending ? sending.controller.abort() : store.send({ type: "cancel" })) });
  const busyRow = make("div", "st-busy", {}, make("div", "st-busy-row", {}, busy, stop), progress);
  const kept = make("div", "st-kepts");
  const keptTitle = make("h2", "");
  const keptPart = make("div", "st-start-part st-kept-part", { hidden: true }, keptTitle, kept);
  const demos = make("div", "st-cards");
  const recents = make("div", "st-recents");
  const demoPart = make("div", "st-start-part", {}, make("h2", "", { textContent: t("start.try_a_demo") }), demos);
  const recentPart = make("div", "st-start-part", {}, make("h2", "", { textContent: t("start.recent") }), recents);
  const close = make("button", "st-close st-sheet-close", { type: "button", textContent: "×", title: t("start.back_to_the_project"), "aria-label": t("start.back_to_the"), onclick: () => setAsked(false) });
  const aboutWords = make("span", "");
  const about = make("p", "st-start-about", {}, aboutWords, make("button", "st-link", { type: "button", textContent: t("start.about_and_licences"), title: t("start.about_help"), onclick: () => openAbout() }));
  const sheet = make("div", "st-sheet", { role: "dialog", "aria-label": t("start.open_a_clip") }, close,
    make("h1", "st-start-mark", {}, "Str", make("b", "", { textContent: "u" }), "ck"),
    make("p", "st-start-line", { textContent: t("start.hear_every_hit") }),
    busyRow, keptPart, dropArea, pathRow, demoPart, recentPart, about);
  const page = make("div", "st-start", { hidden: true }, sheet);
  const overWords = make("p", "st-over-words");
  const over = make("div", "st-over", { hidden: true }, overWords);
  app.append(page, over);

  // --- doing --------------------------------------------------------------------------------------

  /** @param {ClientMessage} message */
  function open(message) {
    if (store.send(message)) setAsked(false);
  }

  /** @param {File} file */
  async function take(file) {
    if (isSpotting(file.type, file.name)) {
      setAsked(false);
      takeSpotting(file);
      return;
    }
    sending?.controller.abort();
    const mine = { name: file.name, controller: new AbortController(), part: 0 };
    sending = mine;
    const project = store.view?.project;
    const sound = isRecording(file.type, file.name) && project?.sounds.find((s) => s.id === (store.selection.soundId ?? project.sounds[0]?.id));
    setAsked(!sound);
    try {
      const place = await upload(file, store.session, (part) => {
        mine.part = part;
        show();
      }, mine.controller.signal);
      if (!sound) store.send({ type: "open", path: place });
      else if (store.view?.project?.clip.digest === project?.clip.digest) store.send({ type: "sound_from_file", sound_id: sound.id, path: place }); // else another clip was opened
    } catch (error) {
      const message = describeError(error);
      if (message) toasts.show(message, "error");
    } finally {
      if (sending === mine) { // a file that came after it shows its own progress
        sending = null;
        setAsked(false);
      }
    }
  }

  /**
   * Dropped files: the hits of every list, else the first file, and a note of what is left.
   * @param {File[]} files
   */
  async function takeAll(files) {
    const lists = files.filter(({ type, name }) => isSpotting(type, name));
    if (store.view?.project && lists.length === files.length) {
      for (const list of lists) await takeSpotting(list);
      return;
    }
    if (files.length > 1) toasts.show(t("start.one_at_a_time", { name: files[0].name, count: files.length - 1 }), "note");
    if (files.length) take(files[0]);
  }

  /** @param {boolean} value */
  function setAsked(value) {
    if (value && !asked) returnTo = focusedElement();
    asked = value;
    show();
    if (asked && store.view?.project) choose.focus({ preventScroll: true });
    else if (!asked && returnTo?.isConnected) {
      returnTo.focus({ preventScroll: true });
      returnTo = null;
    }
  }

  function show() {
    const known = store.view !== null;
    const project = store.view?.project;
    const opening = !project && store.status.phase === "opening";
    page.hidden = !known || (Boolean(project) && !asked);
    page.classList.toggle("is-sheet", Boolean(project));
    close.hidden = !project;
    busyRow.hidden = !sending && !opening;
    dropArea.classList.toggle("is-off", Boolean(sending || opening));
    if (sending) {
      busy.textContent = t("common.bringing_in", { name: sending.name, part: Math.round(100 * (sending.part ?? 0)) });
      fill.classList.remove("is-open");
      fill.style.transform = `scaleX(${sending.part ?? 0})`;
    } else if (opening) {
      busy.textContent = store.status.message || t("common.opening");
      fill.classList.add("is-open");
      fill.style.transform = "";
    }
  }

  /** @param {KeptSession} session */
  function keptRow({ session, name, clip, hits, sounds, age_s, saved_as, clip_there }) {
    const facts = [t("common.hits", { count: hits }), t("common.sounds", { count: sounds }), saved_as ? t("start.changes_since", { saved_as }) : t("start.never_saved"), clip_there ? "" : t("start.is_missing", { clip })];
    const forget = make("button", "st-close", { type: "button", textContent: "×", title: t("start.forget_the_unsaved", { name }), "aria-label": t("start.forget_the_unsaved", { name }), onclick: (event) => {
      if (forget.classList.contains("is-asking") && event.detail < 2) store.send({ type: "forget_session", session });
      forget.classList.add("is-asking");
      forget.textContent = t("start.forget");
    } });
    return make("div", "st-kept", {},
      make("button", "st-kept-go", { type: "button", title: t("start.continue_with", { name }), onclick: () => continueSession(session) }, icon("film"),
        make("span", "st-kept-name", { textContent: name }), make("span", "st-kept-facts", { textContent: facts.filter(Boolean).join("  ·  ") }), make("span", "st-kept-age", { textContent: formatAge(age_s) })),
      forget);
  }

  function showChoices() {
    const { demos: offered, recent, local, version, device, kept: all, crashed } = store.welcome ?? { demos: [], recent: [], local: true, version: "", device: "", kept: [], crashed: false };
    const left = all.filter(({ session }) => session !== store.session);
    keptPart.hidden = !left.length;
    keptTitle.textContent = crashed ? t("start.recovered_struck_ended") : t("start.continue_where_you");
    kept.replaceChildren(...left.slice(0, MOST_KEPT).map(keptRow));
    demoPart.hidden = !offered.length;
    demos.replaceChildren(...offered.map(({ name, title, note }) =>
      make("button", "st-card", { type: "button", title: t("start.demo_help"), onclick: () => open({ type: "open_demo", name }) }, icon("film"), make("span", "st-card-title", { textContent: title }), make("span", "st-card-note", { textContent: note }))));
    recentPart.hidden = !recent.length;
    recents.replaceChildren(...recent.slice(0, left.length ? 4 : 6).map((place) =>
      make("button", "st-recent", { type: "button", title: place, onclick: () => open({ type: "open", path: place }) }, make("span", "st-recent-name", { textContent: baseName(place) }), make("span", "st-recent-folder", {}, make("bdi", "", { dir: "ltr", textContent: placeOf(place) })))));
    pathRow.hidden = !local;
    aboutWords.textContent = [version && `Struck ${version}`, device && t("start.sampling_on", { device })].filter(Boolean).join("  ·  ");
  }

  // --- dropping -----------------------------------------------------------------------------------

  let depth = 0;
  /** @param {DragEvent} event */
  const carriesFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));
  /** @param {DragEvent} event */
  const wordsFor = (event) => {
    const items = [...(event.dataTransfer?.items ?? [])];
    const project = store.view?.project;
    const count = items.filter((item) => isRecording(item.type ?? "")).length;
    if (project && items.length && items.every((item) => isSpotting(item.type ?? ""))) return t("start.drop_the_spotting");
    if (project && count > 1) return t("start.drop_recordings_to", { count });
    if (items[0] && project && isRecording(items[0].type ?? "")) {
      const sound = project.sounds.find((s) => s.id === store.selection.soundId) ?? project.sounds[0];
      return sound ? t("start.drop_the_recording", { name: sound.name }) : t("start.drop_to_open");
    }
    return project ? t("start.drop_to_open_this") : t("start.drop_to_open");
  };

  const scope = createScope();
  scope.listen(window, "dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth++;
    overWords.textContent = wordsFor(event);
    over.hidden = false;
  });
  scope.listen(window, "dragover", (event) => {
    if (!event.dataTransfer || !carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  scope.listen(window, "dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    over.hidden = depth === 0;
  });
  scope.listen(window, "drop", (event) => {
    depth = 0;
    over.hidden = true;
    if (!carriesFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    if (store.view?.project && takeDropped(event)) return;
    takeAll([...(event.dataTransfer?.files ?? [])]);
  });

  page.addEventListener("keydown", (event) => {
    if (page.hidden) return; // the focus leaves a hidden sheet only with the next picture
    if (event.key === "Escape" && store.view?.project) setAsked(false);
    event.stopPropagation();
  });
  page.addEventListener("pointerdown", (event) => event.target === page && store.view?.project && !sending && setAsked(false));
  scope.add(store.watch(() => [store.view === null, Boolean(store.view?.project)], show));
  scope.add(store.on("status", show));
  scope.add(store.on("welcome", showChoices));
  scope.add(() => sending?.controller.abort());
  showChoices();
  show();

  return { open: () => setAsked(true), isUploading: () => sending !== null, dispose: scope.dispose };
}
