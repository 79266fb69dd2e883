// @ts-check
// Make a storyboard: a panel for each hit, or for each sound, on a sheet to download.

import { t } from "../texts/t.js";
import { createButton, createSegments, focusedElement, make } from "../widgets/controls.js";
import { createFileLink } from "../widgets/file_link.js";
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
  let isMaking = false;
  /** @type {StoryboardMade | null} */
  let made = null;
  /** @type {HTMLElement | null} */
  let returnTo = null;

  const eachChoice = createSegments({ label: t("storyboard.a_panel_for"), choices: EACH, onChoose: (value) => change(() => (each = value)) });
  const pictureChoice = createSegments({ label: t("storyboard.pictures"), choices: PICTURES, onChoose: (value) => change(() => (pictures = value)) });
  const endingChoice = createSegments({ label: t("storyboard.file"), choices: ENDINGS, onChoose: (value) => change(() => (ending = value)) });
  const words = make("p", "board-words", { role: "status" });
  const go = createButton(t("animatic.make"), { title: t("storyboard.make_help"), onPress: start });
  go.classList.add("is-main");
  const stop = createButton(t("common.stop"), { title: t("storyboard.stop_making_it"), onPress: () => store.send({ type: "stop_storyboard" }) });
  const preview = make("div", "board-preview");
  const file = make("div", "");
  const close = make("button", "st-close", { type: "button", textContent: "×", title: t("common.close_esc"), "aria-label": t("common.close"), onclick: () => setOpen(false) });
  /**
   * @param {string} label
   * @param {HTMLElement} choice
   */
  const row = (label, choice) => make("div", "ins-row", {}, make("span", "ins-label board-label", { textContent: label }), choice);
  const element = make("div", "ins-root board-panel", { role: "dialog", "aria-label": t("storyboard.storyboard"), hidden: true },
    make("div", "ins-row", {}, make("span", "ins-title", { textContent: t("storyboard.storyboard") }), make("span", "st-space"), close),
    row(t("storyboard.a_panel_for"), eachChoice.element), row(t("storyboard.pictures"), pictureChoice.element), row(t("storyboard.file"), endingChoice.element),
    words, make("div", "ins-row", {}, make("span", "st-space"), stop, go), preview, file);
  app.append(element);

  /** @param {() => void} choose */
  function change(choose) {
    choose();
    made = null;
    paint();
  }

  function start() {
    made = null;
    isMaking = store.send({ type: "make_storyboard", each, drawn: pictures === "drawn", ending });
    words.textContent = isMaking ? t("storyboard.making_it", { percent: 0 }) : "";
    paint();
    (isMaking ? stop : go).focus({ preventScroll: true });
  }

  function end() {
    const hadFocus = element.contains(document.activeElement);
    isMaking = false;
    paint();
    if (hadFocus) go.focus({ preventScroll: true });
  }

  function paint() {
    if (element.hidden) return;
    eachChoice.set(each);
    pictureChoice.set(pictures);
    endingChoice.set(ending);
    stop.hidden = !isMaking;
    go.hidden = isMaking;
    if (!isMaking) words.textContent = made ? t("storyboard.panels", { count: made.panels }) : pictures === "drawn" ? t("storyboard.drawn_words") : "";
    preview.replaceChildren(...(made?.name.endsWith(".png") ? [make("img", "", { src: made.url, alt: t("storyboard.storyboard") })] : []));
    preview.hidden = !preview.childElementCount;
    file.replaceChildren(...(made ? [createFileLink(made.url, made.name, t("animatic.get"))] : []));
  }

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    if (element.hidden !== isOpen || (isOpen && !store.view?.project)) return;
    element.hidden = !isOpen;
    if (isOpen) {
      returnTo = focusedElement();
      paint();
      go.focus({ preventScroll: true });
      return;
    }
    if (isMaking) store.send({ type: "stop_storyboard" });
    if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }

  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") setOpen(false);
    event.stopPropagation();
  });
  const cleanups = [
    store.on("storyboard_progress", ({ fraction }) => {
      if (isMaking) words.textContent = t("storyboard.making_it", { percent: Math.round(100 * fraction) });
    }),
    store.on("storyboard_made", (message) => {
      made = message;
      end();
    }),
    store.on("storyboard_stopped", end),
    store.on("error", () => isMaking && !element.hidden && end()),
    store.watch(() => [store.view?.project?.clip.digest], () => {
      made = null;
      setOpen(false);
    }),
  ];
  return {
    toggle: () => setOpen(Boolean(element.hidden)),
    dispose() {
      element.remove();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
