// @ts-check
// The sheet that makes hits of a pattern: it starts at each chosen hit, or at the playhead.

import { recall, remember } from "../state/remembered.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { createButton, createSegments, createSelect, createSlider, make } from "../widgets/controls.js";
import { parsePlain, soundColor } from "../widgets/format.js";
import { valuesOf } from "./copies.js";
import { GAITS, SHOES, SURFACES, describeSurface, nameContact } from "./footsteps.js";
import { DEFAULTS, MOST_STRIKES, PATTERNS, makePattern } from "./patterns.js";
import { createSheet } from "./sheet.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { PatternControl, PatternName, PatternValues, Strike } from "./patterns.js" */
/** @import { HitValues } from "../state/protocol.d.ts" */
/** @import { Hit, Player, Project, Store } from "../state/types.d.ts" */

/** @typedef {{pattern: PatternName, seed: number, surface: string, values: PatternValues}} Choice */
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
  tempo: { label: t("footsteps.tempo"), help: t("footsteps.steps_a_minute"), min: 20, max: 240, scale: "log", unit: "/ min", digits: 0 },
  steps: { label: t("footsteps.steps"), help: t("footsteps.how_many_steps"), min: 1, max: 200, scale: "log", unit: "", digits: 0 },
  roll: { label: t("footsteps.heel_to_ball"), help: t("footsteps.between_both"), min: 0.02, max: 0.6, scale: "log", unit: "%", digits: 0, factor: 100 },
  unevenness: { label: t("footsteps.unevenness"), help: t("footsteps.how_much_steps"), min: 0, max: 0.15, scale: "linear", unit: "%", digits: 1, factor: 100 },
  sides: { label: t("footsteps.left_and_right"), help: t("footsteps.how_much_the"), min: 0, max: 1, scale: "linear", unit: "%", digits: 0, factor: 100 },
};

/** @returns {Choice} */
function recallChoice() {
  const fresh = { pattern: /** @type {PatternName} */ ("bounce"), seed: 0, surface: "", values: { ...DEFAULTS } };
  try {
    const kept = JSON.parse(recall(REMEMBERED) ?? "{}");
    const values = { ...DEFAULTS };
    for (const name of /** @type {PatternControl[]} */ (Object.keys(LOOKS))) {
      const value = kept.values?.[name];
      if (value >= LOOKS[name].min && value <= LOOKS[name].max) values[name] = value;
    }
    if (Object.hasOwn(GAITS, kept.values?.gait)) values.gait = kept.values.gait;
    if (Object.hasOwn(SHOES, kept.values?.shoe)) values.shoe = kept.values.shoe;
    const surface = Object.hasOwn(SURFACES, kept.surface) ? kept.surface : "";
    return { surface, pattern: Object.hasOwn(PATTERNS, kept.pattern) ? kept.pattern : fresh.pattern, seed: Number.isSafeInteger(kept.seed) ? kept.seed : 0, values };
  } catch {
    return fresh;
  }
}

/**
 * What the blows of a pattern have of the hit that is its start: heard, as strikes, and without its names.
 * @param {Hit} hit
 */
export const startOf = (hit) => ({ ...valuesOf(hit), mute: false, name: "", group: "", stroke: null });

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
  // A hit that is the start is the first strike, whatever that would change; the others differ from it as they do there.
  /** @type {Strike} */
  const from = areHits ? strikes[0] : { time_s: 0, velocity_db: 0, pitch_cents: 0 };
  const placed = starts.flatMap((start, k) => strikes.slice(areHits ? 1 : 0).map((strike) => ({
    ...start,
    time_s: start.time_s + strike.time_s,
    velocity_db: Math.min(HARDEST_DB, Math.max(SOFTEST_DB, (start.velocity_db ?? 0) + strike.velocity_db - from.velocity_db)),
    pitch_cents: (start.pitch_cents ?? 0) + strike.pitch_cents - from.pitch_cents,
    ...(strike.part ? placeContact(start, strike, from, k * strikes.length, areHits) : {}),
  })));
  const hits = placed.filter(({ time_s }) => time_s <= clip.duration_s).slice(0, MOST_HITS);
  return { hits, left: placed.length - hits.length };
}

/**
 * How many hits a pattern makes, or why none: at a hit, a pattern so short that it has one blow adds nothing.
 * @param {ReturnType<typeof placePattern>} placed
 */
export function describePlaced({ hits, left }) {
  if (hits.length) return t("pattern_sheet.make_hits", { count: hits.length });
  return left ? t("pattern_sheet.nothing_fits_before") : t("pattern_sheet.too_short_for");
}

/**
 * What a contact of a foot has beside time, velocity and pitch; both of a step are a group, unless one is the start.
 * @param {HitValues} start
 * @param {Strike} strike
 * @param {Strike} from
 * @param {number} before strikes of the starts before
 * @param {boolean} isAtHit
 */
function placeContact(start, strike, from, before, isAtHit) {
  const { gain_db = 0, pan = 0, residual_db = 0, decay_ratio = 1, step = 0 } = strike;
  return {
    gain_db: clamp((start.gain_db ?? 0) + gain_db - (from.gain_db ?? 0), -60, 24),
    pan: clamp((start.pan ?? 0) + pan - (from.pan ?? 0), -1, 1),
    residual_db: clamp((start.residual_db ?? 0) + residual_db - (from.residual_db ?? 0), -60, 24),
    decay_ratio: clamp(((start.decay_ratio ?? 1) * decay_ratio) / (from.decay_ratio ?? 1), 0.05, 20),
    name: nameContact(strike),
    group: isAtHit && !step ? "" : t("footsteps.step", { number: before / 2 + step + 1 }),
  };
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Player} player
 * @param {Arranging} arranging
 * @param {(words: string) => void} findSound gives the chosen hits the sound that words find
 */
export function createPatternSheet(app, store, player, arranging, findSound) {
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
  const gaits = createSelect({ label: t("footsteps.gait"), onChoose: (/** @type {PatternValues["gait"]} */ gait) => change({ values: { ...choice.values, gait, tempo: GAITS[gait].tempo, roll: GAITS[gait].roll } }) });
  const shoes = createSelect({ label: t("footsteps.shoe"), onChoose: (/** @type {PatternValues["shoe"]} */ shoe) => change({ values: { ...choice.values, shoe } }) });
  const surfaces = createSelect({ label: t("footsteps.surface"), help: t("footsteps.what_is_walked"), onChoose: (/** @type {string} */ surface) => change({ surface }) });
  const feet = make("div", "arr-feet", {}, ...[gaits, shoes, surfaces].map(({ element }) => make("label", "", {}, make("span", "ins-label", { textContent: element.ariaLabel ?? "" }), element)));
  const another = createButton(t("common.another"), { title: t("pattern_sheet.draw_the_chance"), onPress: () => change({ seed: (choice.seed + 1) % 1_000_000 }) });
  const apply = createButton(t("pattern_sheet.make"), { title: t("pattern_sheet.make_the_hits"), onPress: makeHits });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("pattern_sheet.pattern_of_blows"),
    content: [kinds.element, words, canvas, feet, make("div", "arr-controls", {}, ...controls.map(({ slider }) => slider.element)), make("div", "ins-row", {}, another, make("span", "st-space"), apply)],
    apply, onShow: show, onEnter: makeHits,
  });
  sheet.element.classList.add("is-pattern");

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
      ? hits.map(startOf)
      : [{ time_s: player.time_s, sound_id: store.selection.soundId ?? null, velocity_db: 0 }];
    return { starts, areHits: hits.length > 0 };
  }

  function place() {
    const { starts, areHits } = findStarts();
    return placePattern(requireProject(store), makePattern(choice.pattern, choice.values, choice.seed), starts, areHits);
  }

  function show() {
    const isSteps = choice.pattern === "steps";
    feet.hidden = !isSteps;
    sheet.element.classList.toggle("is-steps", isSteps);
    gaits.set(titlesOf(GAITS), choice.values.gait);
    shoes.set(titlesOf(SHOES), choice.values.shoe);
    surfaces.set([["", t("footsteps.sound_as_it")], ...titlesOf(SURFACES)], choice.surface);
    const { controls: used, words: law } = PATTERNS[choice.pattern];
    const strikes = makePattern(choice.pattern, choice.values, choice.seed);
    const placed = place();
    const { starts, areHits } = findStarts();
    kinds.set(choice.pattern);
    words.textContent = [law, areHits ? (starts.length === 1 ? t("pattern_sheet.it_starts_at_the_selected") : t("pattern_sheet.it_starts_at")) : t("pattern_sheet.it_starts_at_the"), strikes.length === MOST_STRIKES ? t("pattern_sheet.at_most", { count: MOST_STRIKES }) : ""].filter(Boolean).join(" ");
    for (const { name, slider } of controls) {
      slider.element.hidden = !used.includes(name);
      slider.set(choice.values[name]);
    }
    another.hidden = !(choice.pattern === "debris" || (used.includes("looseness") && choice.values.looseness > 0) || (isSteps && choice.values.unevenness > 0));
    apply.disabled = !placed.hits.length;
    apply.textContent = describePlaced(placed);
    const length_s = strikes[strikes.length - 1].time_s;
    canvas.setAttribute("aria-label", t("pattern_sheet.blows_in_s", { count: strikes.length, length_s: length_s.toFixed(2) }));
    draw(strikes, starts[0].sound_id ?? null);
  }

  /**
   * @param {Strike[]} strikes
   * @param {string | null} soundId
   */
  function draw(strikes, soundId) {
    const project = requireProject(store);
    const ratio = devicePixelRatio;
    const width = canvas.clientWidth || WIDTH_PX;
    canvas.width = width * ratio;
    canvas.height = HEIGHT_PX * ratio;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    pen.fillStyle = style.getPropertyValue("--line-2");
    pen.fillRect(0, HEIGHT_PX - 1, width, 1);
    pen.fillStyle = soundId ? soundColor(project, soundId) : style.getPropertyValue("--action");
    const length_s = Math.max(strikes[strikes.length - 1].time_s, 0.1);
    const levels_db = strikes.map(({ velocity_db, gain_db = 0 }) => velocity_db + gain_db);
    const loudest_db = Math.max(choice.pattern === "steps" ? -Infinity : 0, ...levels_db);
    for (const [k, { time_s }] of strikes.entries()) {
      const height = Math.max(3, (HEIGHT_PX - 4) * (1 + (levels_db[k] - loudest_db) / 40));
      pen.fillRect(Math.round((width - 3) * (time_s / length_s)), HEIGHT_PX - 1 - height, 2, height);
    }
  }

  function makeHits() {
    const { hits, left } = place();
    if (!hits.length) return;
    const started = arranging.chosen().map(({ id }) => id);
    const surface = choice.pattern === "steps" ? /** @type {keyof typeof SURFACES | ""} */ (choice.surface) : "";
    arranging.add({ edit: { kind: "add_hits", hits, how: "pattern" }, left }, (added) => {
      if (!surface) return;
      store.select({ hits: new Set([...started, ...added]) });
      findSound(describeSurface(surface));
    });
    sheet.close();
  }

  return { open: sheet.open, dispose: sheet.dispose };
}

/**
 * @template {string} Name
 * @param {Record<Name, {title: string}>} table
 * @returns {[Name, string][]}
 */
const titlesOf = (table) => /** @type {[Name, {title: string}][]} */ (Object.entries(table)).map(([name, { title }]) => [name, title]);
