// @ts-check
// A recut of the clip: the file is chosen and sent, and what became of the hits is told, with those, and the markers, that have no place.

import { describeError, upload } from "../state/upload.js";
import { t } from "../texts/t.js";
import { createButton, make } from "../widgets/controls.js";
import { createSheet } from "./sheet.js";
/** @import { Conformed } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/**
 * What became of the hits, in a sentence.
 * @param {Conformed} done
 */
export function describeConformed({ moved, copied, lost, lost_markers, left_out }) {
  /** @param {number} n */
  const hits = (n) => t("common.hits", { count: n });
  const count = lost.length + lost_markers.length;
  const more = copied ? t("conform.and_more_where", { copied: hits(copied) }) : "";
  const once = left_out ? ` ${t("conform.left_out", { count: left_out })}` : "";
  return `${t("conform.hits_moved_with", { moved, more })}${once}${count ? ` ${count === 1 ? t("conform.the_recut_has") : t("conform.the_recut_has_no", { count })}` : ""}`;
}

/**
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createConform(app, store) {
  /** @type {HTMLInputElement} */
  const picker = make("input", "", { type: "file", accept: "video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi,.gif", hidden: true, "aria-label": t("conform.recut_of_the"), onchange: () => {
    const file = picker.files?.[0];
    picker.value = "";
    if (file) take(file);
  } });
  app.append(picker);
  const words = make("p", "arr-words");
  const list = make("ul", "arr-lost", { "aria-label": t("conform.hits_without_a") });
  const fine = createButton(t("common.close"), { title: t("common.close_esc"), onPress: () => sheet.close() });
  fine.classList.add("is-main");
  const sheet = createSheet(app, store, { title: t("conform.conformed_to_the"), content: [words, list, make("div", "ins-row", {}, make("span", "st-space"), fine)], apply: fine, onShow: () => {}, onEnter: () => sheet.close() });

  /** @param {File} file */
  async function take(file) {
    const digest = store.view?.project?.clip.digest;
    store.emit("note", { type: "note", message: t("conform.bringing_in", { name: file.name }) });
    try {
      const path = await upload(file, store.session);
      if (store.view?.project?.clip.digest === digest) store.send({ type: "conform", path }); // else another clip was opened
    } catch (error) {
      const message = describeError(error);
      if (message) store.emit("error", { type: "error", message });
    }
  }

  /** @param {Conformed} done */
  function tell(done) {
    const lost = [...done.lost, ...done.lost_markers.map((marker) => ({ ...marker, sound: t("conform.marker") }))];
    if (!lost.length) {
      store.emit("note", { type: "note", message: describeConformed(done) });
      return;
    }
    words.textContent = describeConformed(done);
    list.replaceChildren(...lost.map(({ timecode, sound, name }) => make("li", "", {}, make("span", "ins-mono", { textContent: timecode }), make("span", "", { textContent: sound }), make("span", "ins-quiet", { textContent: name }))));
    sheet.open();
  }

  const cleanup = store.on("conformed", tell);
  return {
    choose: () => picker.click(),
    dispose() {
      cleanup();
      sheet.dispose();
    },
  };
}
