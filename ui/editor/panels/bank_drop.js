// @ts-check
// A person's own recordings: chosen or dropped, files or whole folders, sent to the server and added to the bank.

import { t } from "../texts/t.js";
import { createButton, isInside, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
import { describeError, upload } from "../state/upload.js";
/** @import { Bank } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

const SOUNDS = /\.(wav|flac|ogg|oga|mp3|aiff?|m4a|opus)$/i;
const MOST = 2000;
/** @type {Pick<Bank, "added" | "duplicates" | "broken">} */
const NOTHING = { added: [], duplicates: [], broken: [] };

/**
 * ``changed()`` is called when the bank has grown.
 * @param {Store} store
 * @param {{report: (message: string) => void}} shared
 * @param {() => void} changed
 */
export function createDrop(store, shared, changed) {
  /** @type {Set<AbortController>} */
  const busy = new Set(); // one for each batch of files on its way
  /** @type {[string, string][]} */
  let refused = []; // names of the files that the server did not take, and why, since the last report
  let isMeasuring = false; // whether the server is, and has not reported

  const files = make("input", "", { type: "file", multiple: true, accept: "audio/*,.wav,.flac,.aif,.aiff,.ogg,.mp3", hidden: true });
  const folder = make("input", "", { type: "file", multiple: true, webkitdirectory: true, hidden: true });
  for (const field of [files, folder]) {
    field.addEventListener("change", () => {
      add([...(field.files ?? [])]);
      field.value = "";
    });
  }
  const button = createButton(t("bank_drop.add_recordings"), { title: t("bank_drop.add_your_own"), onPress: () => (busy.size ? stop() : files.click()) });
  const folderButton = createButton(t("bank_drop.folder"), { title: t("bank_drop.add_every_recording"), onPress: () => folder.click() });
  const told = make("div", "find-told", { hidden: true, role: "status" });

  /** @param {File[]} given */
  async function add(given) {
    const sounds = given.filter((file) => SOUNDS.test(file.name)).slice(0, MOST);
    if (!sounds.length) {
      if (given.length) shared.report(t("bank_drop.none_of_these"));
      return;
    }
    const mine = new AbortController(); // another batch may be dropped meanwhile
    busy.add(mine);
    /** @type {string[]} */
    const paths = [];
    try {
      for (const [number, file] of sounds.entries()) {
        say(t("bank_drop.reading_of", { number: number + 1, count: sounds.length, name: file.name }));
        const path = await upload(file, store.session, () => {}, mine.signal).catch((error) => void refuse(file, error));
        if (path) paths.push(path);
      }
      if (!paths.length) return tell(NOTHING);
      say(t("bank_drop.measuring", { what: sounds.length === 1 ? sounds[0].name : t("bank_drop.recordings", { count: sounds.length }) }));
      isMeasuring = true;
      store.send({ type: "add_to_bank", paths });
    } catch {
      told.hidden = true; // called off
    } finally {
      busy.delete(mine);
    }
  }

  function stop() {
    for (const batch of busy) batch.abort();
  }

  /** No report will come: what is being measured was refused, called off, or left with the document. */
  function endMeasuring() {
    if (!isMeasuring) return;
    isMeasuring = false;
    told.hidden = !busy.size; // another batch still shows how far it is
    tell(NOTHING); // of the files that were refused
  }

  /**
   * Record why a file was refused, and continue with the next; throws where the user cancelled.
   * @param {File} file
   * @param {unknown} error
   */
  function refuse(file, error) {
    const message = describeError(error);
    if (!message) throw error;
    refused.push([file.name, message]);
  }

  /** @param {string} text */
  function say(text) {
    told.hidden = false;
    told.replaceChildren(make("p", "ins-quiet", { textContent: text }));
  }

  /**
   * The server's report: added, duplicate and unreadable files.
   * @param {Pick<Bank, "added" | "duplicates" | "broken">} report
   */
  function tell({ added, duplicates, broken: unreadable }) {
    const broken = [...refused, ...unreadable];
    refused = [];
    if (!added.length && !duplicates.length && !broken.length) return;
    isMeasuring = false;
    const parts = [t("bank_drop.added", { count: added.length }), duplicates.length && t("bank_drop.already_there", { count: duplicates.length }), broken.length && t("bank_drop.could_not_be", { count: broken.length })].filter(Boolean);
    const rows = [...broken, ...duplicates].slice(0, 40).map(([name, why]) => make("li", "", { textContent: `${name}: ${why}`, title: why }));
    told.hidden = false;
    told.replaceChildren(
      make("div", "ins-row", {}, make("p", "", { textContent: parts.join(", ") }), make("span", "st-space"), createButton(t("common.close"), { kind: "quiet", title: t("bank_drop.close_this_report"), onPress: () => { told.hidden = true; } })),
      ...(rows.length ? [make("ul", "", {}, ...rows)] : []));
    if (added.length) changed();
  }

  /**
   * The files of a dropped entry, of a folder those inside it too.
   * @param {FileSystemEntry} entry
   * @returns {Promise<File[]>}
   */
  async function filesOf(entry) {
    if (entry.isFile) return [await new Promise((done, fail) => /** @type {FileSystemFileEntry} */ (entry).file(done, fail))];
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    /** @type {File[]} */
    const found = [];
    for (;;) {
      /** @type {FileSystemEntry[]} */
      const batch = await new Promise((done, fail) => reader.readEntries(done, fail)); // a hundred at a time
      if (!batch.length || found.length > MOST) break;
      for (const inner of batch) found.push(...await filesOf(inner));
    }
    return found;
  }

  /**
   * Take a drop of a folder or of several recordings, or of one on ``panel``; whether it was one of these.
   * @param {DragEvent} event
   * @param {HTMLElement} panel
   */
  function takeDropped(event, panel) {
    const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
    const plain = [...(event.dataTransfer?.files ?? [])];
    const sounds = plain.filter((file) => SOUNDS.test(file.name)).length;
    const isFolder = entries.some((entry) => entry.isDirectory);
    if (!isFolder && sounds < 2 && !(sounds && isInside(event, panel))) return false;
    Promise.all(entries.length ? entries.map(filesOf) : [plain]).then((found) => add(found.flat()), () => shared.report(t("bank_drop.the_dropped_folder")));
    return true;
  }

  const scope = createScope();
  scope.add(store.on("error", endMeasuring));
  scope.add(store.on("left", endMeasuring));
  scope.add(store.on("connection", (state) => void (state === "lost" && endMeasuring())));
  scope.add(store.on("status", ({ phase }) => void ((phase === "error" || phase === "cancelled") && endMeasuring())));
  scope.add(stop);
  return { button: make("span", "ins-row", {}, button, files), folderButton: make("span", "ins-row", {}, folderButton, folder), told, tell, takeDropped, dispose: scope.dispose };
}
