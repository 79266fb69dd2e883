// @ts-check
// Import of spotting lists: the sheet that says how, and the files that are chosen or dropped.

import { describeError, upload } from "../state/upload.js";
import { t } from "../texts/t.js";
import { createButton, createEntry, createSegments, make } from "../widgets/controls.js";
import { createSheet } from "./sheet.js";
/** @import { Store } from "../state/types.d.ts" */

/** @typedef {"add" | "replace"} How */

const ENDINGS = ".csv,.tsv,.txt,.edl,.mid,.midi,.rpp,.otio";
const AS_TOLD = t("spotting.as_the_list");
/** @type {[How, string][]} */
const HOW = [["add", t("spotting.add_to_the")], ["replace", t("spotting.replace_the_hits")]];

/**
 * Whether a file is a spotting list, by its kind or its name; while a file is dragged only its kind is known.
 * @param {string} type
 */
export const isSpotting = (type, name = "") => (name ? /\.(csv|tsv|txt|edl|midi?|rpp|otio)$/i.test(name) : /^(text\/(csv|plain|tab-separated-values)|audio\/(x-)?midi?)$/.test(type));

/**
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createSpotting(app, store) {
  /** @type {How} */
  let how = "add"; // this and the rate are of one import alone, the start is the clip's
  let rate = "";
  let start = "";

  const way = createSegments({ label: t("spotting.what_becomes_of"), choices: HOW, onChoose: (value) => {
    how = value;
    show();
  } });
  /** @param {string} text */
  const plain = (text) => (text.trim() === AS_TOLD ? "" : text.trim());
  const startEntry = createEntry({ label: t("spotting.timecode_of_the"), className: "ins-time", onEnter(text) {
    if (plain(text) && !/^\d{1,2}:\d{2}:\d{2}[:;]\d{2,3}$/.test(plain(text))) return false;
    start = plain(text);
    show();
    return true;
  } });
  const rateEntry = createEntry({ label: t("spotting.frame_rate_of"), className: "ins-time", onEnter(text) {
    if (plain(text) && !/^\d+(\.\d+|\/\d+)?$/.test(plain(text))) return false;
    rate = plain(text);
    show();
    return true;
  } });
  startEntry.element.title = t("spotting.such_as_01");
  rateEntry.element.title = t("spotting.such_as_25");
  /** @type {HTMLInputElement} */
  const picker = make("input", "", { type: "file", accept: ENDINGS, hidden: true, onchange: () => {
    const file = picker.files?.[0];
    picker.value = "";
    if (file) take(file, { replace: how === "replace", frame_rate: rate || null });
  } });
  const choose = createButton(t("spotting.choose_a_file"), { title: t("spotting.its_hits_come"), onPress: () => picker.click() });
  choose.classList.add("is-main");
  /**
   * @param {string} title
   * @param {HTMLElement} control
   */
  const line = (title, control) => make("div", "arr-line", {}, make("span", "ins-label", { textContent: title }), control);
  const sheet = createSheet(app, store, {
    title: t("spotting.import_hits"),
    content: [
      make("p", "ins-quiet arr-words", { textContent: t("spotting.a_spotting_list") }),
      way.element, line(t("spotting.the_clips_first"), startEntry.element), line(t("spotting.frames_a_second"), rateEntry.element),
      make("div", "ins-row", {}, make("span", "st-space"), choose, picker),
    ],
    apply: choose, onShow: show, onHide: forget, onEnter: () => {},
  });
  sheet.element.classList.add("is-import");

  function show() {
    way.set(how);
    startEntry.set(start || store.view?.project?.clip.start_timecode || AS_TOLD);
    rateEntry.set(rate || AS_TOLD);
  }

  function forget() {
    how = "add";
    rate = "";
  }

  /**
   * Bring in the hits of a file: added, as those of a file that is dropped, unless the sheet says otherwise.
   * @param {File} file
   * @param {{replace: boolean, frame_rate: string | null}} told
   */
  async function take(file, told = { replace: false, frame_rate: null }) {
    sheet.close();
    const digest = store.view?.project?.clip.digest;
    if (digest === undefined) {
      store.emit("error", { type: "error", message: t("spotting.is_a_list", { name: file.name }) });
      return;
    }
    try {
      const path = await upload(file, store.session);
      if (store.view?.project?.clip.digest !== digest) return; // another clip was opened
      store.send({ type: "import_hits", path, start: start || null, ...told });
    } catch (error) {
      const message = describeError(error);
      if (message) store.emit("error", { type: "error", message });
    }
  }

  const cleanup = store.watch(() => [store.view?.project?.clip.digest], () => { // another clip has another start
    start = "";
  });

  return {
    open: sheet.open,
    take,
    dispose() {
      sheet.dispose();
      cleanup();
    },
  };
}
