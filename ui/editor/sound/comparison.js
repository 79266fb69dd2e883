// @ts-check
// Match: a sound beside the recording it was measured from, small below the modes and large over the whole tab.

import { t } from "../texts/t.js";
import { drawDecay, drawError, drawNoise, drawSpectrum, drawWords, errorColor, MOST_ERROR_DB, NOISE_COMPONENTS, noiseColor, componentColor } from "./comparison_plots.js";
import { isNeutral } from "../audio/macros.js";
import { requireProject } from "../state/project.js";
import { recall, remember } from "../state/remembered.js";
import { describeError } from "../state/upload.js";
import { unpackFloats } from "./packed_floats.js";
import { COLORS } from "../widgets/theme.js";
import { formatDb, soundColor } from "../widgets/format.js";
import { createButton, createSegments, elementsIn, make } from "../widgets/controls.js";
import { boxOf, pointIn } from "../widgets/page_scale.js";
/** @import { Sound, Store } from "../state/types.d.ts" */

/** @import { Look, Model, Plot } from "./comparison_plots.js" */
const ASK_AFTER_MS = 200;
const REMEMBERED = "struck.look";

/** @typedef {"residual" | "match"} View what is shown below the modes */
/**
 * @typedef {object} Comparison
 * @property {string} source what it is compared with
 * @property {string} why there is nothing to compare with; empty if there is
 * @property {Model} now
 * @property {Model | null} measured as it was measured, if it was edited since
 */

/**
 * @param {Store} store
 * @param {{sound: () => Sound | null, residual: HTMLElement}} host ``residual`` is what the switch shows instead
 */
export function createMatch(store, host) {
  /** @type {View} */
  let open = recall(REMEMBERED) === "match" ? "match" : "residual";
  let isLarge = false;
  /** @type {Comparison | null} */
  let data = null;
  let problem = "";
  /** @type {Sound | null} */
  let dataOf = null; // the sound object that ``data`` is of
  /** @type {Sound | null} */
  let asked = null;
  let number = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | null} */
  let request = null;
  /** @type {HTMLElement | null} */
  let opener = null;
  let framed = 0;

  // --- elements ------------------------------------------------------------------------------------

  const button = createButton("", { kind: "quiet", title: t("comparison.how_near_the"), onPress: () => enlarge(button) });
  button.classList.add("mt-fit-button");
  const [buttonText] = elementsIn(button, "span");
  const view = createSegments({ label: t("comparison.below_the_modes"), choices: /** @type {[View, string, string][]} */ ([["residual", t("common.residual"), t("comparison.the_noise_of")], ["match", t("common.match"), t("comparison.the_model_beside")]]), onChoose: choose });
  view.element.classList.add("mt-switch");

  const figure = make("b", "mt-figure ins-mono");
  const cause = make("span", "mt-cause", { role: "status" });
  const larger = createButton(t("common.enlarge"), { kind: "quiet", title: t("comparison.all_plots_over"), onPress: () => enlarge(larger) });
  const small = { spectrum: createPlot(t("comparison.spectrum"), drawSpectrum, { small: true }), decay: createPlot(t("common.decay"), drawDecay, { small: true }) };
  for (const plot of Object.values(small)) plot.frame.addEventListener("click", () => enlarge(larger));
  const compact = make("div", "mt-compact", {},
    make("div", "ins-row mt-head", {}, figure, cause, larger),
    make("div", "mt-small", {}, small.spectrum.frame, small.decay.frame));
  const element = make("div", "mt-look", {}, view.element, host.residual, compact);

  const plots = {
    spectrum: createPlot(t("comparison.spectrum"), drawSpectrum, {}),
    decay: createPlot(t("common.decay"), drawDecay, {}),
    error: createPlot(t("comparison.error_over_time"), drawError, {}),
    noise: createPlot(t("common.noise"), drawNoise, {}),
  };
  const largeFigure = make("b", "mt-large-figure");
  const distance = make("span", "ins-quiet mt-words");
  const largeCause = make("p", "mt-large-cause");
  const again = createButton(t("comparison.try_again"), { kind: "quiet", onPress: () => ask(true) });
  const close = createButton("✕", { kind: "icon", title: t("comparison.close_escape"), onPress: shrink });
  const large = make("section", "mt-large", { hidden: true, tabIndex: -1, role: "dialog", "aria-label": t("common.match") },
    make("div", "ins-row mt-large-head", {}, largeFigure, distance, again, close), largeCause,
    make("div", "mt-plots", {}, ...Object.values(plots).map((plot) => make("figure", "mt-plot", {}, plot.caption, plot.frame))));

  /**
   * @param {string} title
   * @param {(canvas: HTMLCanvasElement, look: Look) => Plot} drawPlot
   * @param {{small?: boolean}} look
   */
  function createPlot(title, drawPlot, look) {
    /** @type {Plot | null} */
    let plane = null;
    /** @type {number | null} */
    let cursor = null;
    const canvas = make("canvas", "ins-canvas", { tabIndex: look.small ? -1 : 0, role: "img", "aria-label": title, "aria-hidden": String(Boolean(look.small)) });
    const tip = make("div", "ins-tip mt-tip", { hidden: true });
    const frame = make("div", "mt-frame", {}, canvas, tip);
    const legend = make("span", "mt-legend");
    const caption = make("figcaption", "mt-caption", {}, make("span", "", { textContent: title }), legend);
    /** @param {number | null} index */
    const point = (index) => {
      cursor = index;
      refresh();
    };
    canvas.addEventListener("pointermove", (event) => {
      if (!plane) return;
      const { x, y } = pointIn(canvas, event);
      point(plane.pick(x, y));
    });
    canvas.addEventListener("pointerleave", () => point(null));
    canvas.addEventListener("blur", () => point(null));
    canvas.addEventListener("keydown", (event) => {
      const columns = plane?.columns ?? 0;
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: columns, ArrowDown: -columns }[event.key];
      if (!step || !plane?.count) return;
      const next = (cursor ?? (columns ? Math.floor(plane.count / columns / 2) * columns : Math.floor(plane.count / 2))) + step * (event.shiftKey ? 10 : 1);
      point(Math.min(plane.count - 1, Math.max(0, next)));
      event.preventDefault();
      event.stopPropagation();
    });
    return {
      frame, caption, legend, canvas,
      /** @param {string} words */
      draw(words) {
        if (!frame.clientWidth) return;
        plane = data && !words ? drawPlot(canvas, { now: data.now, before: data.measured, color: color(), cursor, ...look }) : null;
        if (!plane) drawWords(canvas, words);
        tip.hidden = true;
        if (!plane || cursor === null || cursor >= plane.count) return;
        tip.hidden = false;
        tip.textContent = plane.say(cursor);
        canvas.setAttribute("aria-label", `${title}: ${tip.textContent}`);
        const [x, y] = plane.place(cursor);
        const room = boxOf(frame.closest(".mt-large, .mt-look") ?? frame);
        const box = boxOf(frame);
        const left = box.left + x - tip.offsetWidth / 2;
        tip.style.left = `${Math.max(room.left + 4, Math.min(room.right - tip.offsetWidth - 4, left)) - box.left}px`;
        tip.style.top = `${y - tip.offsetHeight - 6}px`;
      },
    };
  }

  // --- asking ----------------------------------------------------------------------------------------

  const isWanted = () => (isLarge || open === "match") && element.clientWidth > 0;
  const color = () => soundColor(requireProject(store), host.sound()?.id);

  /** Request the comparison of the displayed sound after a delay, so that many edits cause one request. */
  function ask(atOnce = false) {
    const sound = host.sound();
    if (!sound || !isWanted() || (asked === sound && !atOnce)) return;
    asked = sound;
    problem = "";
    if (dataOf?.id !== sound.id) data = null;
    clearTimeout(timer);
    request?.abort();
    const mine = ++number;
    timer = setTimeout(() => fetchMatch(sound, mine), atOnce || !data ? 0 : ASK_AFTER_MS);
    refresh();
  }

  /**
   * @param {Sound} sound
   * @param {number} mine
   */
  async function fetchMatch(sound, mine) {
    request = new AbortController();
    try {
      const answer = await fetch(`${store.address("match")}/${encodeURIComponent(sound.id)}`, { signal: request.signal, cache: "no-cache" });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? t("comparison.the_comparison_failed", { status: answer.status }));
      const found = /** @type {Comparison} */ (unpackFloats(await answer.arrayBuffer()));
      if (mine !== number) return;
      data = found;
      dataOf = sound;
    } catch (error) {
      const message = describeError(error);
      if (mine !== number || message === null) return;
      data = null;
      dataOf = null;
      problem = error instanceof TypeError ? t("comparison.struck_does_not") : message;
    }
    refresh();
  }

  // --- showing ---------------------------------------------------------------------------------------

  /** @param {View} value */
  function choose(value) {
    open = value;
    remember(REMEMBERED, value);
    show();
  }

  /** @param {HTMLElement} from */
  function enlarge(from) {
    opener = from;
    isLarge = true;
    choose("match");
    large.closest(".ins-panel")?.scrollTo(0, 0);
    large.focus({ preventScroll: true });
    document.addEventListener("keydown", onKey, true);
  }

  function shrink() {
    isLarge = false;
    document.removeEventListener("keydown", onKey, true);
    show();
    opener?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key !== "Escape" || !large.clientWidth || (event.target instanceof Element && event.target.matches("input, select, textarea")) || document.querySelector(".ins-menu")) return;
    event.preventDefault();
    event.stopPropagation();
    shrink();
  }

  /** @param {number} fit */
  const percent = (fit) => `${Math.round(fit * 100)} %`;

  /**
   * Whether the sound no longer is as it was measured, so that its fit then says nothing.
   * @param {Sound} sound
   */
  const isEdited = (sound) => sound.origin === "edited" || (sound.fit !== null && (sound.detail < 1 || !isNeutral(sound.macros)));

  /** The text of the button in the header. */
  function fitWords() {
    const sound = host.sound();
    if (!sound) return "";
    const measured = dataOf === sound && data ? data.now.fit : null;
    if (measured === null && isEdited(sound)) return t("comparison.edited");
    const known = measured ?? sound.fit;
    if (known !== null) return t("comparison.fit", { known: percent(known) });
    return sound.origin === "preset" ? "" : t("common.match");
  }

  function showFit() {
    const words = fitWords();
    button.hidden = !words;
    buttonText.textContent = words;
    button.title = words === t("comparison.edited") ? t("comparison.not_measured_since") : t("comparison.how_near_the");
    button.setAttribute("aria-label", t("comparison.compare_with_the", { words }));
  }

  function say() {
    const isOld = data && asked !== dataOf;
    if (problem) return { figure: "—", cause: problem, words: "" };
    if (!data) return { figure: "—", cause: t("comparison.listening_to_the"), words: "" };
    const { now, measured, why, source } = data;
    if (why || now.fit === null) return { figure: "—", cause: capital(why), words: t("comparison.the_model_alone") };
    const chance = now.chance_db >= 0.1 ? t("comparison.its_noise_varies", { chance_db: formatDb(now.chance_db) }) : "";
    const far = t("comparison.from", { part: now.fit > 0 ? formatDb(now.error_db) : t("comparison.12_db_or"), source, chance });
    const was = measured && measured.fit !== null ? t("comparison.as_measured", { fit: percent(measured.fit) }) : "";
    return { figure: percent(now.fit), was, cause: `${isOld ? t("comparison.comparing") : ""}${measured ? t("comparison.as_edited") : ""}${measured ? now.diagnosis : capital(now.diagnosis)}.`.replace("?.", "?"), words: [was, far].filter(Boolean).join(" · ") };
  }

  /** @param {string} text */
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  function show() {
    const sound = host.sound();
    view.set(open);
    host.residual.hidden = open !== "residual";
    compact.hidden = open !== "match";
    large.hidden = !isLarge;
    large.parentElement?.classList.toggle("is-covered", isLarge);
    showFit();
    if (sound) ask();
    refresh();
  }

  function refresh() {
    if (framed) return;
    framed = requestAnimationFrame(draw);
  }

  function draw() {
    framed = 0;
    if (!store.view?.project || !host.sound()) return;
    const said = say();
    showFit();
    if (!isWanted()) return;
    figure.textContent = said.figure;
    figure.hidden = said.figure === "—";
    cause.textContent = said.was ? `${said.was} · ${said.cause}` : said.cause;
    cause.title = said.cause;
    largeFigure.textContent = said.figure === "—" ? t("common.match") : t("comparison.fit_2", { figure: said.figure });
    Object.assign(distance, { textContent: said.words, title: t("comparison.the_fit_is", { words: said.words }) });
    largeCause.textContent = said.cause;
    again.hidden = !problem;
    const isFading = Boolean(data) && asked !== dataOf;
    large.dataset.state = problem ? "failed" : !data || isFading ? "comparing" : "ready";
    for (const part of [large, compact]) part.classList.toggle("is-old", isFading);
    const blank = data ? "" : problem ? t("comparison.nothing_to_show") : "…";
    if (open === "match") for (const plot of Object.values(small)) plot.draw(blank);
    if (!isLarge) return;
    plots.spectrum.draw(blank);
    plots.decay.draw(blank);
    plots.error.draw(blank || (data?.now.band_error_db.length ? "" : t("comparison.nothing_to_compare")));
    plots.noise.draw(blank || (data?.now.noise_edges_hz.length ? "" : t("common.this_sound_has")));
    if (data) drawLegends(data);
  }

  /** @param {Comparison} comparison */
  function drawLegends({ now, measured }) {
    const tint = color();
    const heard = now.fit !== null;
    /** @type {LegendLine[]} */
    const lines = [[measured ? t("comparison.now") : t("comparison.model"), tint]];
    if (heard) lines.unshift([t("comparison.recording"), COLORS.measured]);
    if (measured) lines.push([t("common.as_measured"), tint, true]);
    plots.spectrum.legend.replaceChildren(...legendOf(lines));
    plots.decay.legend.replaceChildren(...legendOf([[t("comparison.noise_alone"), noiseColor(tint), true]]));
    plots.error.legend.replaceChildren(...(heard ? legendOf([[t("comparison.too_quiet"), errorColor(-MOST_ERROR_DB)], [t("comparison.too_loud"), errorColor(MOST_ERROR_DB)]]) : []));
    plots.noise.legend.replaceChildren(...legendOf(now.components.map(({ name }) => [NOISE_COMPONENTS[name], componentColor(name)])));
    plots.noise.caption.title = heard ? t("comparison.grey_what_the") : t("comparison.the_models_noise");
  }

  /** @typedef {[text: string, color: string, isDashed?: boolean]} LegendLine */
  /** @param {LegendLine[]} lines */
  const legendOf = (lines) => lines.map(([text, tint, isDashed]) => make("span", "mt-key", {}, make("i", isDashed ? "is-dashed" : "", { style: `--ink:${tint}` }), text));

  const observer = new ResizeObserver(() => {
    ask();
    refresh();
  });
  observer.observe(element);
  observer.observe(large);
  const unwatch = store.watch(() => [host.sound()], show); // the server's answer need not change what the page shows

  return {
    element, button, large, show,
    get data() { return data; },
    dispose() {
      clearTimeout(timer);
      request?.abort();
      observer.disconnect();
      unwatch();
      cancelAnimationFrame(framed);
      document.removeEventListener("keydown", onKey, true);
    },
  };
}
