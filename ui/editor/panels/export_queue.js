// @ts-check
// The queue of the export dialog: several clips rendered with its choices, one after another.

import { describeError, upload } from "../state/upload.js";
import { t } from "../texts/t.js";
import { icon } from "../widgets/icons.js";
import { make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { ExportOptions, QueueItem } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

const WORDS = { waiting: t("export_queue.waiting"), rendering: "", done: "", failed: "", cancelled: t("export_queue.cancelled") };

/**
 * @param {Store} store
 * @param {() => {what: string[], options: ExportOptions}} choices
 * @param {(going: number) => void} count called with the number of clips that are not done yet
 */
export function createExportQueue(store, choices, count) {
  let bringing = "";
  let asked = "";
  let length = 0;
  const picker = make("input", "", { type: "file", multiple: true, hidden: true, accept: "video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi,.gif" });
  const choose = make("button", "st-button", { type: "button", textContent: t("export_queue.choose_clips"), title: t("export_queue.choose_help"), onclick: () => picker.click() });
  const path = make("input", "st-export-field", { type: "text", spellcheck: false, autocomplete: "off", placeholder: t("export_queue.or_a_file"), title: t("export_queue.path_help"), "aria-label": t("export_queue.path_of_a") });
  const add = make("button", "st-button", { type: "submit", textContent: t("export_queue.queue"), title: t("export_queue.add_help") });
  const pathForm = make("form", "st-queue-path", { onsubmit: (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const place = path.value.trim();
    if (place && place !== asked && queue([place])) asked = place; // stays in the field until it is in the queue
  } }, path, add);
  const stop = make("button", "st-button", { type: "button", textContent: t("export_queue.cancel_all"), title: t("export_queue.stop_help"), onclick: () => store.send({ type: "cancel_queued" }) });
  const clear = make("button", "st-button", { type: "button", textContent: t("common.clear"), title: t("export_queue.take_what_has"), onclick: () => store.send({ type: "clear_queue" }) });
  const report = make("a", "st-queue-report", { textContent: t("export_queue.report"), target: "_blank", rel: "noopener" });
  const words = make("span", "st-export-note", { role: "status" });
  const list = make("ul", "st-queue-list");
  const element = make("section", "st-queue", { "aria-label": t("export_queue.several_clips") },
    make("div", "st-queue-head", {}, make("h3", "", { textContent: t("export_queue.several_clips_with") }), choose, pathForm, words, report, clear, stop), list, picker);

  /** @param {string[]} paths */
  function queue(paths) {
    return store.send({ type: "queue_clips", paths, ...choices() });
  }

  /** @param {File[]} files */
  async function bring(files) {
    for (const file of files) {
      try {
        queue([await upload(file, store.session, (part) => say(t("common.bringing_in", { name: file.name, part: Math.round(100 * part) })))]);
      } catch (error) {
        const message = describeError(error);
        if (message) store.emit("error", { type: "error", message });
      }
    }
    say("");
  }

  /** @param {string} text */
  function say(text) {
    bringing = words.textContent = text;
    choose.disabled = Boolean(bringing);
  }

  /** @param {QueueItem} item */
  function row({ id, name, phase, fraction, message, files, warning }) {
    const going = phase === "waiting" || phase === "rendering";
    const fill = make("i", "st-progress-fill");
    fill.style.transform = `scaleX(${fraction})`;
    return make("li", `st-queue-item is-${phase}`, {},
      make("span", "st-queue-name", { textContent: name, title: name }),
      make("span", "st-queue-state", { textContent: WORDS[phase] || `${message}${phase === "rendering" ? `, ${Math.round(100 * fraction)} %` : ""}` }, warning ? make("span", "st-queue-warning", { textContent: warning }) : null),
      phase === "rendering" ? make("div", "st-progress", {}, fill) : null,
      make("span", "st-queue-files", {}, ...files.map((file) => make("a", "st-queue-file", { href: file.url, download: file.name, title: t("common.download", { name: file.name }) }, icon("file"), file.name))),
      going ? make("button", "st-close", { type: "button", textContent: "\u00d7", title: t("common.cancel"), "aria-label": t("export_queue.cancel", { name }), onclick: () => store.send({ type: "cancel_queued", id }) }) : null);
  }

  picker.addEventListener("change", () => {
    const files = [...picker.files ?? []];
    picker.value = "";
    void bring(files);
  });

  const scope = createScope();
  scope.add(store.on("queue", ({ items, report: address }) => {
    const going = items.filter(({ phase }) => phase === "waiting" || phase === "rendering").length;
    list.hidden = !items.length;
    stop.hidden = !going;
    clear.hidden = going === items.length;
    report.hidden = !address;
    report.href = `${address}?${items.length}`;
    list.replaceChildren(...items.map(row));
    if (asked && items.length > length) {
      if (path.value.trim() === asked) path.value = "";
      asked = "";
    }
    length = items.length;
    count(going);
  }));
  scope.add(store.on("error", () => {
    asked = "";
  }));
  scope.add(store.watch(() => [store.welcome?.local], () => {
    pathForm.hidden = store.welcome?.local === false;
  }));
  list.hidden = stop.hidden = clear.hidden = report.hidden = true;
  return {
    element, dispose: scope.dispose,
    /** @param {boolean} isOff nothing is chosen that could be rendered */
    disable(isOff) {
      add.disabled = isOff;
      choose.disabled = isOff || Boolean(bringing);
    },
  };
}
