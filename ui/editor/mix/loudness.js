// @ts-check
// Loudness of the track, measured after each change once all is sampled, and targets at one press.

import { t } from "../texts/t.js";
import { createButton, createEntry, make } from "../widgets/controls.js";
import { parsePlain } from "../widgets/format.js";
import { createScope } from "../widgets/scope.js";
import { isHeard } from "../audio/strip.js";
import { recallOptions } from "../panels/export_options.js";
import { formatLufs } from "./units.js";
/** @import { LoudnessMeasured } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

const SETTLE_MS = 500;
/** @type {[number, string][]} */
const TARGETS = [[-23, t("loudness.ebu_r_128")], [-24, t("loudness.atsc_a_85")], [-16, t("loudness.podcasts_and_mobile")], [-14, t("loudness.streaming_of_music")]];

/** The channels that an export would have: what is measured and set is of these. */
const channelsOf = () => /** @type {"mono" | "stereo" | "5.1"} */ (recallOptions().channels);

/**
 * @param {Store} store
 * @param {() => boolean} isShown it is only measured then
 */
export function createLoudness(store, isShown) {
  const scope = createScope();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isStale = true;
  let shown = store.view?.project?.clip.digest; // the clip that the readings are of
  /** @type {string | undefined} */
  let asked; // the clip that was measured last
  /** @param {string} name @param {string} unit @param {string} title */
  const reading = (name, unit, title) => {
    const value = make("b", "mix-reading-value", { textContent: "–" });
    const units = make("span", "mix-reading-unit", { textContent: unit });
    return { value, units, element: make("div", "mix-reading", { title }, make("span", "ins-label", { textContent: name }), value, units) };
  };
  const integrated = reading(t("loudness.integrated"), "LUFS", t("loudness.loudness_of_the"));
  const range = reading(t("loudness.range"), "LU", t("loudness.loudness_range_how"));
  const peak = reading(t("loudness.true_peak"), "dBTP", t("loudness.highest_peak_also"));
  const why = make("p", "mix-why ins-quiet", { role: "status" });
  /** @param {number} target */
  const setTo = (target) => store.send({ type: "fit_level", integrated_lufs: target, channels: channelsOf() });
  const targets = TARGETS.map(([target, title]) => createButton(formatLufs(target).replace(".0", ""), { title: t("loudness.set_the_level", { target: formatLufs(target), title }), onPress: () => setTo(target) }));
  const typed = createEntry({ label: t("loudness.loudness_to_set_lufs"), className: "ins-time mix-target", onEnter(text) {
    const target = parsePlain(text, ["lufs", "lkfs", "lu"]);
    if (target === null || target > 0 || target < -60) return t("refusal.no_loudness", { typed: text });
    setTo(target);
    return true;
  } });
  typed.element.placeholder = "LUFS";
  const fit = createButton(t("loudness.fit_to_1"), { title: t("loudness.set_the_level_so"), onPress: () => store.send({ type: "fit_level", channels: channelsOf() }) });
  const readings = make("div", "mix-readings", {}, integrated.element, range.element, peak.element);
  const element = make("div", "mix-loudness", {}, readings, why,
    make("div", "mix-targets", { role: "group", "aria-label": t("loudness.loudness_to_set") }, make("span", "ins-label", { textContent: t("loudness.set_to") }), ...targets, typed.element, make("span", "st-space"), fit));

  /** Ask soon, once everything that is heard is sampled. */
  function askSoon() {
    const digest = store.view?.project?.clip.digest;
    if (digest !== shown) forget();
    shown = digest;
    why.hidden = true; // what it says may not hold any more
    if (!isStale) readings.classList.add("is-stale");
    isStale = true;
    clearTimeout(timer);
    if (isShown()) timer = setTimeout(ask, SETTLE_MS);
  }

  function ask() {
    const project = store.view?.project;
    if (!project || !isShown() || store.connection !== "open") return;
    if (store.isSending) askSoon();
    else if (project.hits.every((hit) => store.rendered.has(hit.id) || !isHeard(project, hit))) {
      asked = project.clip.digest;
      store.send({ type: "measure_loudness", channels: channelsOf() });
    }
  }

  /** Another clip: what was measured is not of it. */
  function forget() {
    isStale = true;
    readings.classList.remove("is-stale");
    for (const { value } of [integrated, range, peak]) value.textContent = "–";
    peak.element.classList.remove("is-over");
  }

  /** @param {LoudnessMeasured} found */
  function take(found) {
    if (asked !== store.view?.project?.clip.digest) return; // of a clip that is not open any more
    isStale = false;
    const channels = channelsOf();
    integrated.units.textContent = channels === "stereo" ? "LUFS" : `LUFS, ${channels === "mono" ? t("export_menu.mono") : channels}`;
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
  scope.add(store.on("status", ({ phase }) => isStale && phase === "done" && askSoon())); // what was asked meanwhile may be lost
  scope.add(store.on("channels", askSoon));
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
