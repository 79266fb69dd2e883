// @ts-check
// Loudness of the track, measured after each change once all is sampled, and targets at one press.

import { createButton, createEntry, make } from "../widgets/controls.js";
import { parsePlain } from "../widgets/format.js";
import { createScope } from "../widgets/scope.js";
import { isHeard } from "../audio/strip.js";
import { formatLufs } from "./units.js";
/** @import { LoudnessMeasured } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

const SETTLE_MS = 500;
/** @type {[number, string][]} */
const TARGETS = [[-23, "EBU R 128: television in Europe"], [-24, "ATSC A/85: television in the USA"], [-16, "Podcasts and mobile listening"], [-14, "Streaming of music and video"]];

/**
 * @param {Store} store
 * @param {() => boolean} isShown it is only measured then
 */
export function createLoudness(store, isShown) {
  const scope = createScope();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isStale = true;
  /** @param {string} name @param {string} unit @param {string} title */
  const reading = (name, unit, title) => {
    const value = make("b", "mix-reading-value", { textContent: "–" });
    return { value, element: make("div", "mix-reading", { title }, make("span", "ins-label", { textContent: name }), value, make("span", "mix-reading-unit", { textContent: unit })) };
  };
  const integrated = reading("Integrated", "LUFS", "Loudness of the whole track by EBU R 128 and ITU-R BS.1770");
  const range = reading("Range", "LU", "Loudness range: how far quiet and loud parts are apart");
  const peak = reading("True peak", "dBTP", "Highest peak, also between samples; over 0 it clips in an export");
  const why = make("p", "mix-why ins-quiet", { role: "status" });
  /** @param {number} target */
  const setTo = (target) => store.send({ type: "fit_level", integrated_lufs: target });
  const targets = TARGETS.map(([target, title]) => createButton(formatLufs(target).replace(".0", ""), { title: `Set the level so that the track has ${formatLufs(target)} LUFS. ${title}`, onPress: () => setTo(target) }));
  const typed = createEntry({ label: "Loudness to set, LUFS", className: "ins-time mix-target", onEnter(text) {
    const target = parsePlain(text, ["lufs", "lkfs", "lu"]);
    if (target === null || target > 0 || target < -60) return false;
    setTo(target);
    return true;
  } });
  typed.element.placeholder = "LUFS";
  const fit = createButton("Fit to \u22121 dBTP", { title: "Set the level so that the highest true peak of the track and its stems is \u22121 dBTP", onPress: () => store.send({ type: "fit_level" }) });
  const readings = make("div", "mix-readings", {}, integrated.element, range.element, peak.element);
  const element = make("div", "mix-loudness", {}, readings, why,
    make("div", "mix-targets", { role: "group", "aria-label": "Loudness to set" }, make("span", "ins-label", { textContent: "Set to" }), ...targets, typed.element, make("span", "st-space"), fit));

  /** Ask soon, once everything that is heard is sampled. */
  function askSoon() {
    isStale = true;
    readings.classList.add("is-stale");
    clearTimeout(timer);
    if (isShown()) timer = setTimeout(ask, SETTLE_MS);
  }

  function ask() {
    const project = store.view?.project;
    if (!project || !isShown() || store.connection !== "open") return;
    if (store.isSending) askSoon();
    else if (project.hits.every((hit) => store.rendered.has(hit.id) || !isHeard(project, hit))) store.send({ type: "measure_loudness" });
  }

  /** @param {LoudnessMeasured} found */
  function take(found) {
    isStale = false;
    readings.classList.remove("is-stale");
    for (const [{ value }, number] of /** @type {[typeof integrated, number | null][]} */ ([[integrated, found.integrated_lufs], [range, found.range_lu], [peak, found.true_peak_dbtp]])) {
      value.textContent = number === null ? "–" : formatLufs(number);
    }
    peak.element.classList.toggle("is-over", (found.true_peak_dbtp ?? -Infinity) > 0);
    why.textContent = found.fault ? `${found.fault[0].toUpperCase()}${found.fault.slice(1)}.` : "";
    why.hidden = !found.fault;
  }
  why.hidden = true;

  scope.add(store.watch(() => {
    const project = store.view?.project;
    return [project?.clip, project?.hits, project?.sounds, project?.mix];
  }, askSoon));
  scope.add(store.on("rendered", askSoon));
  scope.add(store.on("loudness", take));
  scope.add(() => clearTimeout(timer));

  return {
    element,
    /** It has come into sight. */
    opened() {
      if (isStale) askSoon();
    },
    dispose: scope.dispose,
  };
}
