// @ts-check
// The sheet that makes hits of a pattern: it starts at each chosen hit, or at the playhead.

import { recall, remember } from "../state/remembered.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { createButton, createSegments, createSlider, make } from "../widgets/controls.js";
import { parsePlain, soundColor } from "../widgets/format.js";
import { DEFAULTS, PATTERNS, makePattern } from "./patterns.js";
import { createSheet } from "./sheet.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { PatternControl, PatternName, PatternValues, Strike } from "./patterns.js" */
/** @import { HitValues } from "../state/protocol.d.ts" */
/** @import { Player, Project, Store } from "../state/types.d.ts" */

/** @typedef {{pattern: PatternName, seed: number, values: PatternValues}} Choice */
/** @typedef {{label: string, help: string, min: number, max: number, scale: "linear" | "log", unit: string, digits: number, factor?: number}} Look */

const REMEMBERED = "struck.pattern";
const WIDTH_PX = 304;
const HEIGHT_PX = 52;
const [SOFTEST_DB, HARDEST_DB] = [-60, 12];
const MOST_HITS = 10_000;

/** @type {Record<PatternControl, Look>} */
const LOOKS = {
  gap_s: { label: t("pattern_sheet.first_gap"), help: t("pattern_sheet.from_the_first"), min: 0.02, max: 4, scale: "log", unit: "s", digits: 2 },
  bounciness: { label: t("common.bounce"), help: t("pattern_sheet.how_much_of"), min: 0.1, max: 0.98, scale: "linear", unit: "%", digits: 0, factor: 100 },
  length_s: { label: t("pattern_sheet.length"), help: t("pattern_sheet.from_the_first_blow"), min: 0.05, max: 30, scale: "log", unit: "s", digits: 2 },
  rate_hz: { label: t("pattern_sheet.rate"), help: t("pattern_sheet.blows_a_second"), min: 1, max: 60, scale: "log", unit: "/ s", digits: 1 },
  end_rate_hz: { label: t("pattern_sheet.rate_at_the"), help: t("pattern_sheet.blows_a_second_at"), min: 1, max: 60, scale: "log", unit: "/ s", digits: 1 },
  swell_db: { label: t("pattern_sheet.swell"), help: t("pattern_sheet.how_much_louder"), min: -24, max: 24, scale: "linear", unit: "dB", digits: 1 },
  looseness: { label: t("pattern_sheet.looseness"), help: t("pattern_sheet.how_much_chance"), min: 0, max: 1, scale: "linear", unit: "%", digits: 0, factor: 100 },
};

/** @returns {Choice} */
function recallChoice() {
  const fresh = { pattern: /** @type {PatternName} */ ("bounce"), seed: 0, values: { ...DEFAULTS } };
  try {
    const kept = JSON.parse(recall(REMEMBERED) ?? "{}");
    const values = { ...DEFAULTS };
    for (const name of /** @type {PatternControl[]} */ (Object.keys(DEFAULTS))) {
      const value = kept.values?.[name];
      if (value >= LOOKS[name].min && value <= LOOKS[name].max) values[name] = value;
    }
    return { pattern: Object.hasOwn(PATTERNS, kept.pattern) ? kept.pattern : fresh.pattern, seed: Number.isSafeInteger(kept.seed) ? kept.seed : 0, values };
  } catch {
    return fresh;
  }
}

/**
 * The hits of a pattern from each start on, without its first strike where a hit is the start; ``left`` counts those that
 * would lie past the clip's end.
 * @param {Project} project
 * @param {Strike[]} strikes
 * @param {readonly (HitValues & {time_s: number})[]} starts
 * @param {boolean} areHits whether the starts are hits already
 * @returns {{hits: (HitValues & {time_s: number})[], left: number}}
 */
export function placePattern({ clip }, strikes, starts, areHits) {
  const placed = starts.flatMap((start) => strikes.slice(areHits ? 1 : 0).map((strike) => ({
    ...start,
    time_s: start.time_s + strike.time_s,
    velocity_db: Math.min(HARDEST_DB, Math.max(SOFTEST_DB, (start.velocity_db ?? 0) + strike.velocity_db)),
    pitch_cents: (start.pitch_cents ?? 0) + strike.pitch_cents,
  })));
  const hits = placed.filter(({ time_s }) => time_s <= clip.duration_s).slice(0, MOST_HITS);
  return { hits, left: placed.length - hits.length };
}

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Player} player
 * @param {Arranging} arranging
 */
export function createPatternSheet(app, store, player, arranging) {
  const choice = recallChoice();

  const kinds = createSegments({ label: t("pattern_sheet.pattern"), choices: Object.entries(PATTERNS).map(([name, { title }]) => [/** @type {PatternName} */ (name), title]), onChoose: (pattern) => change({ pattern }) });
  const words = make("p", "ins-quiet arr-words");
  const canvas = make("canvas", "arr-strikes", { role: "img" });
  const controls = /** @type {PatternControl[]} */ (Object.keys(LOOKS)).map((name) => {
    const { label, help, min, max, scale, unit, digits, factor = 1 } = LOOKS[name];
    /** @param {number} value */
    const set = (value) => change({ values: { ...choice.values, [name]: value } });
    const slider = createSlider({
      label, help, min, max, scale, format: (value) => `${(value * factor).toFixed(digits)} ${unit}`,
      read: (text) => {
        const typed = parsePlain(text, [unit]);
        return typed === null ? null : typed / factor;
      },
      onInput: set, onCommit: set,
    });
    return { name, slider };
  });
  const another = createButton(t("common.another"), { title: t("pattern_sheet.draw_the_chance"), onPress: () => change({ seed: (choice.seed + 1) % 1_000_000 }) });
  const apply = createButton(t("pattern_sheet.make"), { title: t("pattern_sheet.make_the_hits"), onPress: makeHits });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("pattern_sheet.pattern_of_blows"),
    content: [kinds.element, words, canvas, ...controls.map(({ slider }) => slider.element), make("div", "ins-row", {}, another, make("span", "st-space"), apply)],
    apply, onShow: show, onEnter: makeHits,
  });

  /** @param {Partial<Choice>} partial */
  function change(partial) {
    Object.assign(choice, partial);
    remember(REMEMBERED, JSON.stringify(choice));
    show();
  }

  /** Where the pattern starts: the chosen hits, else the playhead with the sound on show. */
  function findStarts() {
    const hits = arranging.chosen();
    const starts = hits.length
      ? hits.map(({ time_s, sound_id, velocity_db, gain_db, pan, offsets }) => ({ time_s, sound_id, velocity_db, gain_db, pan, ...offsets }))
      : [{ time_s: player.time_s, sound_id: store.selection.soundId ?? null, velocity_db: 0 }];
    return { starts, areHits: hits.length > 0 };
  }

  function place() {
    const { starts, areHits } = findStarts();
    return placePattern(requireProject(store), makePattern(choice.pattern, choice.values, choice.seed), starts, areHits);
  }

  function show() {
    const { controls: used, words: law } = PATTERNS[choice.pattern];
    const strikes = makePattern(choice.pattern, choice.values, choice.seed);
    const { hits } = place();
    const { starts, areHits } = findStarts();
    kinds.set(choice.pattern);
    words.textContent = [law, areHits ? (starts.length === 1 ? t("pattern_sheet.it_starts_at_the_selected") : t("pattern_sheet.it_starts_at")) : t("pattern_sheet.it_starts_at_the")].join(" ");
    for (const { name, slider } of controls) {
      slider.element.hidden = !used.includes(name);
      slider.set(choice.values[name]);
    }
    another.hidden = !(choice.pattern === "debris" || (used.includes("looseness") && choice.values.looseness > 0));
    apply.disabled = !hits.length;
    apply.textContent = hits.length ? t("pattern_sheet.make_hits", { count: hits.length }) : t("pattern_sheet.nothing_fits_before");
    const length_s = strikes[strikes.length - 1].time_s;
    canvas.setAttribute("aria-label", t("pattern_sheet.blows_in_s", { count: strikes.length, length_s: length_s.toFixed(2) }));
    draw(strikes, starts[0].sound_id);
  }

  /**
   * @param {Strike[]} strikes
   * @param {string | null} soundId
   */
  function draw(strikes, soundId) {
    const project = requireProject(store);
    const ratio = devicePixelRatio;
    canvas.width = WIDTH_PX * ratio;
    canvas.height = HEIGHT_PX * ratio;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    pen.fillStyle = style.getPropertyValue("--line-2");
    pen.fillRect(0, HEIGHT_PX - 1, WIDTH_PX, 1);
    pen.fillStyle = soundId ? soundColor(project, soundId) : style.getPropertyValue("--action");
    const length_s = Math.max(strikes[strikes.length - 1].time_s, 0.1);
    const loudest_db = Math.max(0, ...strikes.map(({ velocity_db }) => velocity_db));
    for (const { time_s, velocity_db } of strikes) {
      const height = Math.max(3, (HEIGHT_PX - 4) * (1 + (velocity_db - loudest_db) / 40));
      pen.fillRect(Math.round((WIDTH_PX - 3) * (time_s / length_s)), HEIGHT_PX - 1 - height, 2, height);
    }
  }

  function makeHits() {
    const { hits, left } = place();
    if (!hits.length) return;
    arranging.add({ edit: { kind: "add_hits", hits, how: "pattern" }, left });
    sheet.close();
  }

  return { open: sheet.open, dispose: sheet.dispose };
}
