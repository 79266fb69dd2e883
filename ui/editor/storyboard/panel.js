// @ts-check
// Make a storyboard: a panel for each hit, or for each sound, on a sheet to download.

import { t } from "../texts/t.js";
import { createButton, createSegments, make } from "../widgets/controls.js";
import { createFileLink } from "../widgets/file_link.js";
import { createMaking } from "../widgets/making.js";
import { createPanel } from "../widgets/panel.js";
/** @import { MakeStoryboard, StoryboardMade } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/** @typedef {NonNullable<MakeStoryboard["each"]>} Each */
/** @typedef {NonNullable<MakeStoryboard["ending"]>} Ending */
/** @typedef {"frames" | "drawn"} Pictures */
/** @type {[Each, string, string][]} */
const EACH = [["hit", t("storyboard.each_hit"), t("storyboard.each_hit_help")], ["sound", t("storyboard.each_sound"), t("storyboard.each_sound_help")]];
/** @type {[Pictures, string, string][]} */
const PICTURES = [["frames", t("storyboard.frames"), t("storyboard.frames_help")], ["drawn", t("storyboard.drawn"), t("storyboard.drawn_help")]];
/** @type {[Ending, string, string][]} */
const ENDINGS = [["png", "PNG", t("storyboard.png_help")], ["pdf", "PDF", t("storyboard.pdf_help")]];

/**
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createStoryboardPanel(app, store) {
  /** @type {Each} */
  let each = "hit";
  /** @type {Pictures} */
  let pictures = "frames";
  /** @type {Ending} */
  let ending = "png";
  /** @type {StoryboardMade | null} */
  let made = null;

  const eachChoice = createSegments({ label: t("storyboard.a_panel_for"), choices: EACH, onChoose: (value) => change(() => (each = value)) });
  const pictureChoice = createSegments({ label: t("storyboard.pictures"), choices: PICTURES, onChoose: (value) => change(() => (pictures = value)) });
  const endingChoice = createSegments({ label: t("storyboard.file"), choices: ENDINGS, onChoose: (value) => change(() => (ending = value)) });
  const words = make("p", "board-words", { role: "status" });
  const go = createButton(t("animatic.make"), { title: t("storyboard.make_help"), onPress: start });
  go.classList.add("is-main");
  const stop = createButton(t("common.stop"), { title: t("storyboard.stop_making_it"), onPress: () => store.send({ type: "stop_storyboard" }) });
  const preview = make("div", "board-preview");
  const file = make("div", "");
  /**
   * @param {string} label
   * @param {HTMLElement} choice
   */
  const row = (label, choice) => make("div", "ins-row", {}, make("span", "ins-label board-label", { textContent: label }), choice);
  const making = createMaking(() => panel.element, go, stop, paint);
  const panel = createPanel(app, store, {
    title: t("storyboard.storyboard"), className: "is-at-the-right board-panel", content: [
      row(t("storyboard.a_panel_for"), eachChoice.element), row(t("storyboard.pictures"), pictureChoice.element), row(t("storyboard.file"), endingChoice.element),
      words, make("div", "ins-row", {}, make("span", "st-space"), stop, go), preview, file,
    ],
    first: () => go, onOpen: paint, onClose: () => {
      if (making.isMaking) store.send({ type: "stop_storyboard" });
    },
  });

  /** @param {() => void} choose */
  function change(choose) {
    choose();
    made = null;
    paint();
  }

  function start() {
    made = null;
    words.textContent = t("storyboard.making_it", { percent: 0 });
    making.begin(store.send({ type: "make_storyboard", each, drawn: pictures === "drawn", ending }));
  }

  function paint() {
    if (!panel.isOpen) return;
    eachChoice.set(each);
    pictureChoice.set(pictures);
    endingChoice.set(ending);
    if (!making.isMaking) words.textContent = made ? t("storyboard.panels", { count: made.panels }) : pictures === "drawn" ? t("storyboard.drawn_words") : "";
    preview.replaceChildren(...(made?.name.endsWith(".png") ? [make("img", "", { src: made.url, alt: t("storyboard.storyboard") })] : []));
    preview.hidden = !preview.childElementCount;
    file.replaceChildren(...(made ? [createFileLink(made.url, made.name, t("animatic.get"))] : []));
  }

  const cleanups = [
    store.on("storyboard_progress", ({ fraction }) => {
      if (making.isMaking) words.textContent = t("storyboard.making_it", { percent: Math.round(100 * fraction) });
    }),
    store.on("storyboard_made", (message) => {
      made = message;
      making.end();
    }),
    store.on("storyboard_stopped", making.end),
    store.on("error", () => void (making.isMaking && panel.isOpen && making.end())),
    store.on("connection", (state) => void (state === "lost" && making.isMaking && making.end())), // how it ended may be told to no page
    store.watch(() => [store.view?.project?.clip.digest], () => {
      made = null;
    }),
  ];
  return {
    toggle: panel.toggle,
    dispose() {
      panel.dispose();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
