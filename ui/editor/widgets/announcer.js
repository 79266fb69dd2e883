// @ts-check
// What a screen reader is told as it happens: the playhead when it is set, the selection, what begins and ends.

import { heard } from "../audio/macros.js";
import { describeModes } from "../sound/chosen.js";
import { countUnrecognised } from "../state/unrecognised.js";
import { translate } from "../texts/server.js";
import { t } from "../texts/t.js";
import { formatTimecode } from "../timeline/timecode.js";
import { make } from "./controls.js";
import { formatDb } from "./format.js";
import { createScope } from "./scope.js";
/** @import { Project, Store } from "../state/types.d.ts" */

const WAIT_MS = 350; // after the last of many changes, such as steps while a key is held
/** @type {Record<string, string>} */
const BEGINS = { opening: t("common.opening"), detecting: t("common.looking_for_hits"), analysing: t("common.analysing"), sampling: t("common.sampling"), exporting: t("common.exporting") };

/**
 * The selected hits in words; "" for none.
 * @param {Project} project
 * @param {Set<string>} selected
 */
export function describeSelection(project, selected) {
  const hits = project.hits.filter((hit) => selected.has(hit.id));
  if (!hits.length) return "";
  /** @param {string} id */
  const nameOf = (id) => project.sounds.find((sound) => sound.id === id)?.name ?? "";
  if (hits.length === 1) {
    const [hit] = hits;
    const number = [...project.hits].sort((a, b) => a.time_s - b.time_s).indexOf(hit) + 1;
    return [t("announcer.hit_of", { number, count: project.hits.length }), hit.name, nameOf(hit.sound_id), formatTimecode(hit.time_s, project.clip), t("announcer.velocity", { velocity_db: formatDb(hit.velocity_db) }), hit.mute ? t("common.muted") : ""].filter(Boolean).join(", ");
  }
  const names = [...new Set(hits.map((hit) => nameOf(hit.sound_id)))];
  return t("announcer.hits_selected", { count: hits.length, names: names.length > 3 ? t("common.sounds", { count: names.length }) : names.join(", ") });
}

/**
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createAnnouncer(app, store) {
  const live = make("div", "st-hidden", { role: "status", "aria-live": "polite", "aria-atomic": "true" });
  app.append(live);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Map<string, string>} */
  const waiting = new Map(); // of each subject the latest
  let phase = "idle";
  let time_s = 0;
  let isPlaying = false;
  let selection = "";
  let modes = { words: "", of: /** @type {string | null} */ (null) };
  let unrecognised = 0;

  /**
   * @param {string} subject
   * @param {string} words
   */
  function say(subject, words) {
    if (!words) return;
    waiting.set(subject, words);
    clearTimeout(timer);
    timer = setTimeout(() => {
      live.textContent = [...waiting.values()].join(". ");
      waiting.clear();
    }, WAIT_MS);
  }

  function saySelection() {
    const project = store.view?.project;
    const words = project ? describeSelection(project, store.selection.hits) : "";
    if (words !== selection) say("selection", words || (project ? t("announcer.no_hit_selected") : ""));
    selection = words;
  }

  function sayModes() {
    const { soundId, modes: chosen } = store.selection;
    const sound = chosen.size ? store.view?.project?.sounds.find(({ id }) => id === soundId) : null;
    const words = sound ? describeModes(heard(sound).modes, chosen) : "";
    const isLetGo = modes.words && modes.of === soundId; // not where another sound is chosen
    if (words !== modes.words) say("modes", words || (isLetGo ? t("chosen.no_mode_selected") : ""));
    modes = { words, of: soundId };
  }

  function sayUnrecognised() {
    const project = store.view?.project;
    const count = project && !BEGINS[store.status.phase] ? countUnrecognised(project, store.rendered) : 0;
    if (count && count !== unrecognised) say("unrecognised", t("top_bar.what_is_struck", { count }));
    unrecognised = count;
  }

  const scope = createScope();
  scope.add(store.on("selection", saySelection));
  scope.add(store.on("rendered", sayUnrecognised));
  scope.add(store.watch(() => [store.view?.project?.hits], saySelection));
  scope.add(store.on("selection", sayModes));
  scope.add(store.watch(() => [store.view?.project?.sounds], sayModes));
  scope.add(store.on("chosen", (words) => say("chosen", words)));
  scope.add(store.on("time", (now) => {
    const clip = store.view?.project?.clip;
    if (clip && !now.playing && Math.abs(now.time_s - time_s) > 1e-4) say("time", formatTimecode(now.time_s, clip));
    time_s = now.time_s;
  }));
  scope.add(store.on("playing", (playing) => {
    if (playing !== isPlaying) say("playing", playing ? t("announcer.playing") : t("announcer.paused"));
    isPlaying = playing;
  }));
  scope.add(store.on("status", (status) => {
    sayUnrecognised();
    if (status.phase === phase) return;
    phase = status.phase;
    say("status", BEGINS[phase] ?? (phase === "idle" ? "" : translate(status.message)));
  }));
  scope.add(() => clearTimeout(timer));
  return { dispose: scope.dispose };
}
