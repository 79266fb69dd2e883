// @ts-check
// The sheet that draws the chosen hits to frames, to peaks of the onset curve, or to a grid.

import { recall, remember } from "../state/remembered.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { frameRate, parseSpan } from "../timeline/timecode.js";
import { createButton, createEntry, createSegments, createSlider, make, newGesture } from "../widgets/controls.js";
import { parsePlain } from "../widgets/format.js";
import { createSheet } from "./sheet.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { Clip, Store } from "../state/types.d.ts" */

/** @typedef {"frames" | "peaks" | "grid"} Target */
/** @typedef {{to: Target, every: string, from: string, percent: number}} Choice */

const REMEMBERED = "struck.quantise";
/** @type {[Target, string][]} */
const TARGETS = [["frames", t("quantize.frames")], ["peaks", t("quantize.onset_peaks")], ["grid", t("quantize.grid")]];
/** @type {Choice} */
const DEFAULT = { to: "frames", every: "120 bpm", from: "0 s", percent: 100 };
const LEAST_S = 0.001;
const MOST_S = 3600;

/**
 * Interval of a grid in seconds: "120 bpm", "120 bpm / 4" for quarters of a beat, "0.5 s", "12 f"; null for none.
 * @param {string} text
 * @param {Pick<Clip, "frame_rate">} clip
 */
export function parseInterval(text, clip) {
  const beats = text.trim().match(/^(\d+(?:[.,]\d+)?)\s*bpm(?:\s*\/\s*(\d+))?$/i);
  const interval_s = beats ? 60 / Number(beats[1].replace(",", ".")) / Number(beats[2] ?? 1) : parseSpan(text, clip);
  return interval_s !== null && interval_s >= LEAST_S && interval_s <= MOST_S ? interval_s : null;
}

/** @returns {Choice} */
function recallChoice() {
  try {
    const kept = { ...DEFAULT, ...JSON.parse(recall(REMEMBERED) ?? "{}") };
    const isFine = TARGETS.some(([name]) => name === kept.to) && typeof kept.every === "string" && typeof kept.from === "string" && kept.percent >= 0 && kept.percent <= 100;
    return isFine ? kept : { ...DEFAULT };
  } catch {
    return { ...DEFAULT };
  }
}

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Arranging} arranging
 */
export function createQuantize(app, store, arranging) {
  const choice = recallChoice();

  const to = createSegments({ label: t("quantize.quantise_to"), choices: TARGETS, onChoose: (value) => change({ to: value }) });
  const every = createEntry({ label: t("quantize.interval_of_the"), className: "ins-time", onEnter: (text) => parseInterval(text, requireProject(store).clip) !== null && change({ every: text.trim() }) });
  const from = createEntry({ label: t("quantize.a_line_of"), className: "ins-time", onEnter: (text) => parseSpan(text, requireProject(store).clip) !== null && change({ from: text.trim() }) });
  every.element.title = t("quantize.such_as_120");
  from.element.title = t("quantize.a_time_that");
  const grid = make("div", "arr-grid", {}, make("span", "ins-label", { textContent: t("quantize.every") }), every.element, make("span", "ins-label", { textContent: t("quantize.from") }), from.element);
  const words = make("p", "ins-quiet arr-words");
  const strength = createSlider({
    label: t("quantize.strength"), help: t("quantize.how_much_of"), min: 0, max: 100, step: 1, format: (v) => `${Math.round(v)} %`, read: (text) => parsePlain(text, ["%"]),
    onCommit: (value) => change({ percent: Math.round(value) }),
  });
  const apply = createButton(t("quantize.quantise"), { title: t("quantize.move_the_chosen"), onPress: quantize });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("quantize.quantise"),
    content: [to.element, grid, words, strength.element, make("div", "ins-row", {}, make("span", "st-space"), apply)],
    apply, onShow: show, onEnter: quantize,
  });

  /** @param {Partial<Choice>} partial */
  function change(partial) {
    Object.assign(choice, partial);
    remember(REMEMBERED, JSON.stringify(choice));
    show();
  }

  function show() {
    const { clip } = requireProject(store);
    const count = arranging.chosen().length;
    to.set(choice.to, (target) => target !== "peaks" || Boolean(store.media.curve));
    grid.hidden = choice.to !== "grid";
    every.set(choice.every);
    from.set(choice.from);
    strength.set(choice.percent);
    words.textContent = {
      frames: t("quantize.to_the_start", { frame_rate: frameRate(clip.frame_rate).toFixed(3).replace(/\.?0+$/, "") }),
      peaks: t("quantize.to_the_nearest_peak"),
      grid: t("quantize.to_the_nearest"),
    }[choice.to];
    apply.disabled = !count;
    apply.textContent = count ? t("quantize.quantise_hits", { count }) : t("quantize.no_hit_is");
  }

  function quantize() {
    const { clip } = requireProject(store);
    const ids = arranging.chosen().map((hit) => hit.id);
    if (!ids.length) return;
    const wrong = choice.to === "grid" && [every, from].find((entry) => entry.isWrong);
    if (wrong) return; // what was typed last is shown no more in a moment, and would not be what is done
    const part = choice.percent / 100;
    if (choice.to === "peaks") store.send({ type: "draw_to_peaks", hits: ids, strength: part });
    else if (choice.to === "frames") store.edit({ kind: "quantize_hits", ids, strength: part }, newGesture());
    else store.edit({ kind: "quantize_hits", ids, interval_s: parseInterval(choice.every, clip), offset_s: parseSpan(choice.from, clip), strength: part }, newGesture());
    sheet.close();
  }

  return { open: sheet.open, dispose: sheet.dispose };
}
