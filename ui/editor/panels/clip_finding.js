// @ts-check
// The question where the clip of a project is: its file is chosen, or a folder is searched for it.

import { t } from "../texts/t.js";
import { focusedElement, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
import { describeError, upload } from "../state/upload.js";
/** @import { ClipWanted } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {{show: (message: string, kind: "note" | "error") => void}} toasts
 */
export function createClipFinding(app, store, toasts) {
  /** @type {HTMLElement | null} */
  let returnTo = null;
  let searching = false;

  const title = make("h2", "");
  const reason = make("p", "st-question-line");
  const words = make("p", "st-busy-words", { role: "status" });
  /** @type {HTMLInputElement} */
  const picker = make("input", "", { type: "file", hidden: true, onchange: () => {
    if (picker.files?.[0]) take(picker.files[0]);
    picker.value = "";
  } });
  const choose = make("button", "st-button is-main", { type: "button", textContent: t("clip_finding.choose_the_file"), onclick: () => picker.click() });
  const later = make("button", "st-button", { type: "button", textContent: t("common.not_now"), onclick: close });
  const path = make("input", "st-path", { type: "text", spellcheck: false, autocomplete: "off", placeholder: t("clip_finding.or_type_the"), "aria-label": t("clip_finding.path_of_the") });
  const go = make("button", "st-button", { type: "submit", textContent: t("common.search") });
  const pathRow = make("form", "st-path-row", { onsubmit: (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (path.value.trim()) find(path.value.trim());
  } }, path, go);
  const box = make("div", "st-question st-clip-finding", { role: "dialog", "aria-modal": "true", "aria-label": t("clip_finding.where_is_the") },
    title, reason, pathRow, make("div", "st-question-foot", {}, words, later, choose), picker);
  const page = make("div", "st-scrim", { hidden: true }, box);
  app.append(page);

  /** @param {ClipWanted} wanted */
  function ask({ name, duration_s }) {
    searching = false;
    if (name === null) return close();
    title.textContent = t("clip_finding.where_is", { name });
    reason.textContent = t("clip_finding.the_clip_of", { duration_s: duration_s.toFixed(1) });
    pathRow.hidden = store.welcome?.local === false;
    picker.accept = "video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi,.gif";
    if (page.hidden) returnTo = focusedElement();
    page.hidden = false;
    choose.focus({ preventScroll: true });
    show();
  }

  function close() {
    if (page.hidden) return;
    page.hidden = true;
    searching = false;
    if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }

  /** @param {string} place */
  function find(place) {
    searching = store.send({ type: "find_clip", path: place });
    show();
  }

  /** @param {File} file */
  async function take(file) {
    try {
      find(await upload(file, store.session, (part) => (words.textContent = t("common.bringing_in", { name: file.name, part: Math.round(100 * part) }))));
    } catch (error) {
      const message = describeError(error);
      if (message) toasts.show(message, "error");
      show();
    }
  }

  function show() {
    words.textContent = searching ? store.status.message || t("clip_finding.looking_for_it") : "";
    go.disabled = choose.disabled = searching;
  }

  const scope = createScope();
  scope.add(store.on("clip_wanted", ask));
  scope.add(store.on("status", ({ phase }) => {
    if (["error", "cancelled", "done"].includes(phase)) searching = false;
    if (!page.hidden) show();
  }));
  scope.add(store.on("error", () => { // a search that is refused has no status
    searching = false;
    if (!page.hidden) show();
  }));
  scope.listen(page, "keydown", (event) => {
    event.stopPropagation(); // no key of the editor behind works
    if (event.key === "Escape") close();
  });
  scope.add(() => page.remove());
  return { dispose: scope.dispose };
}
