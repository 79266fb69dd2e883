// @ts-check
// A/B: what is heard at the chosen hits as it is, as it was before an edit, and in the clip, equally loud.

import { recall, remember } from "../state/remembered.js";
import { translate } from "../texts/server.js";
import { t } from "../texts/t.js";
import { createButton, createSegments, createSelect, make } from "../widgets/controls.js";
import { formatDb } from "../widgets/format.js";
import { createSheet } from "./sheet.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { Version, Versions } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Player, Store } from "../state/types.d.ts" */

/** @typedef {Version["name"]} VersionName */

const REMEMBERED = "struck.versions.loop";
/** @type {[VersionName, string][]} */
const NAMES = [["now", t("versions_sheet.a_now")], ["before", t("versions_sheet.b_before")], ["clip", t("versions_sheet.b_clip")]];

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 * @param {Arranging} arranging
 */
export function createVersionsSheet(app, store, audio, player, arranging) {
  /** @type {Versions | null} */
  let found = null;
  /** @type {VersionName} */
  let heard = "now";
  /** @type {VersionName} */
  let other = "before"; // what a flip goes to from now
  let back = 1;
  let asked = "";
  let isUnsure = false; // what was asked may have been given up: an audition takes its place
  let loops = recall(REMEMBERED) === "1";

  const words = make("p", "ins-quiet arr-words");
  const state = make("p", "arr-heard", { role: "status" });
  const segments = createSegments({ label: t("versions_sheet.what_is_heard"), choices: NAMES, onChoose: hear });
  const change = createSelect({ label: t("versions_sheet.before_which_edit"), onChoose: (/** @type {string} */ value) => {
    back = Number(value);
    other = heard = "before";
    request();
  } });
  const loop = createButton(t("common.loop"), { title: t("versions_sheet.repeat_the_passage"), onPress: () => setLoop(!loops) });
  const again = createButton(t("common.play"), { title: t("versions_sheet.from_the_start"), onPress: play });
  const flipButton = createButton(t("versions_sheet.flip"), { title: t("versions_sheet.hear_the_other"), onPress: flip });
  flipButton.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: "A/B",
    content: [words, segments.element, make("div", "arr-line", {}, make("span", "ins-quiet", { textContent: t("versions_sheet.b_is_before") }), change.element), state, make("div", "ins-row", {}, loop, again, make("span", "st-space"), flipButton)],
    apply: flipButton, onShow: show, onEnter: play, onHide: hide,
  });

  const has = (/** @type {VersionName} */ name) => Boolean(found?.versions.some((version) => version.name === name));

  function show() {
    const ids = arranging.chosen().map((hit) => hit.id);
    const now = JSON.stringify([ids, store.acknowledged?.revision]);
    if (now !== asked) {
      asked = now;
      back = 1;
      heard = "now";
      request();
    } else if (isUnsure && !found) request();
    isUnsure = false;
    paint();
  }

  function hide() {
    isUnsure = true;
    audio.versions.stop();
  }

  function request() {
    audio.versions.stop();
    found = null;
    const hits = arranging.chosen().map((hit) => hit.id);
    if (hits.length) store.send({ type: "compare_versions", hits, back });
    paint();
  }

  /** @param {Versions} message */
  function take(message) {
    if (!sheet.isOpen || message.back !== back || message.hits.join() !== arranging.chosen().map((hit) => hit.id).join()) return;
    found = message;
    if (!has(other)) other = has("before") ? "before" : "clip";
    if (!has(heard)) heard = "now";
    play();
  }

  function play() {
    if (!found) return;
    if (player.playing) player.toggle();
    audio.versions.play(found.versions, heard, loops, paint).catch(() => {
      state.textContent = t("versions_sheet.the_sounds_could");
    });
    paint();
  }

  /** @param {VersionName} name */
  function hear(name) {
    if (!has(name)) return;
    heard = name;
    if (name !== "now") other = name;
    if (loops && audio.versions.isPlaying) audio.versions.hear(name);
    else play();
    paint();
  }

  function flip() {
    hear(heard === "now" ? other : "now");
  }

  /** @param {boolean} value */
  function setLoop(value) {
    loops = value;
    remember(REMEMBERED, value ? "1" : "0");
    play();
    paint();
  }

  function paint() {
    const count = arranging.chosen().length;
    const changes = found?.changes ?? [];
    words.textContent = !count ? t("common.select_a_hit") : t("versions_sheet.all_are_as");
    segments.set(heard, has);
    change.set(changes.length ? changes.map((label, i) => [String(i + 1), `${i + 1}  ${translate(label)}`]) : [["1", found ? t("versions_sheet.nothing_was_changed") : "…"]], String(back));
    change.element.disabled = !changes.length;
    loop.classList.toggle("is-on", loops);
    loop.setAttribute("aria-pressed", String(loops));
    again.disabled = !found;
    flipButton.disabled = !found || !(has("before") || has("clip"));
    const version = found?.versions.find(({ name }) => name === heard);
    const level = !version ? "" : version.loudness_lufs === null ? t("versions_sheet.silent") : t("versions_sheet.lufs_to_match", { loudness_lufs: version.loudness_lufs.toFixed(1), gain_db: formatDb(version.gain_db, true) });
    const name = heard === "now" ? t("versions_sheet.a_as_it") : heard === "clip" ? t("versions_sheet.b_the_clips") : t("versions_sheet.b_before_2", { change: translate(changes[back - 1] ?? "") });
    state.textContent = !count ? "" : !found ? t("versions_sheet.mixing") : t("versions_sheet.heard", { name, level });
    state.classList.toggle("is-b", heard !== "now");
  }

  sheet.element.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement) return;
    const key = event.key.toLowerCase();
    const number = ["1", "2", "3"].indexOf(key);
    if (key === "x") flip();
    else if (key === "l") setLoop(!loops);
    else if (key === " ") play();
    else if (number >= 0) hear(NAMES[number][0]);
    else return;
    event.preventDefault();
  });
  const cleanups = [
    store.on("versions", take),
    store.on("error", () => { isUnsure = true; }),
    store.on("connection", (now) => now === "open" && sheet.isOpen && !found && request()),
    store.watch(() => [store.acknowledged?.revision], () => sheet.isOpen && show()),
  ];

  return {
    /** Open it, or flip where it is open. */
    open: () => (sheet.isOpen ? flip() : sheet.open()),
    get heard() { return heard; },
    dispose() {
      sheet.dispose();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
