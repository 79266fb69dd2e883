// @ts-check
// The page's keys: transport, history, and the hits that are chosen. Fields and dialogs keep their own keys.

import { frameRate } from "../timeline/timecode.js";
import { requireProject } from "../state/project.js";
import { newGesture } from "./controls.js";
/** @import { AudioEngine, Player, Store, Timeline } from "../state/types.d.ts" */

/**
 * @typedef {object} Parts what keys act on
 * @property {Player} player
 * @property {Timeline} timeline
 * @property {AudioEngine} audio
 * @property {{saveNow: () => void, openClip: () => void}} topBar
 * @property {{open: () => void}} help
 * @property {{toggle: () => void, isOpen: boolean}} spectrogram
 */

const SAME_NUDGE_MS = 800; // nudges in quick succession are one entry of the history
const NUDGE_S = 0.01;
const HARDEST_DB = 12;
const SOFTEST_DB = -60;

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Parts} parts
 */
export function createKeys(app, store, { player, timeline, audio, topBar, help, spectrogram }) {
  const nudge = { gesture: "", at_ms: -Infinity };

  const chosen = () => store.view?.project?.hits.filter((hit) => store.selection.hits.has(hit.id)) ?? [];
  const frame_s = () => 1 / frameRate(requireProject(store).clip.frame_rate);

  /** @param {KeyboardEvent} event */
  function gesture(event) {
    if (event.timeStamp - nudge.at_ms > SAME_NUDGE_MS) nudge.gesture = newGesture();
    nudge.at_ms = event.timeStamp;
    return nudge.gesture;
  }

  /**
   * Shift the chosen hits in time as far as the clip's ends allow.
   * @param {KeyboardEvent} event
   * @param {number} delta_s
   */
  function move(event, delta_s) {
    const hits = chosen();
    if (!hits.length) return;
    const times = hits.map((hit) => hit.time_s);
    const room = [-Math.min(...times), requireProject(store).clip.duration_s - Math.max(...times)];
    const allowed_s = Math.min(room[1], Math.max(room[0], delta_s));
    if (allowed_s) store.edit({ kind: "move_hits", ids: hits.map((hit) => hit.id), delta_s: allowed_s }, gesture(event));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} delta_db
   */
  function strengthen(event, delta_db) {
    const values = chosen().map((hit) => [hit.id, { velocity_db: Math.min(HARDEST_DB, Math.max(SOFTEST_DB, hit.velocity_db + delta_db)) }]);
    if (values.length) store.edit({ kind: "set_each_hit", values: Object.fromEntries(values) }, gesture(event));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} direction
   */
  function across(event, direction) {
    if (!store.selection.hits.size) player.step(direction * (event.shiftKey ? 10 : 1));
    else if (event.shiftKey) move(event, direction * NUDGE_S);
    else move(event, direction * frame_s());
  }

  /**
   * Choose the hit before or after the ones chosen, or the cursor.
   * @param {number} direction
   */
  function goToHit(direction) {
    const hits = [...requireProject(store).hits].sort((a, b) => a.time_s - b.time_s);
    const from_s = chosen()[0]?.time_s ?? player.time_s;
    const next = direction > 0 ? hits.find((hit) => hit.time_s > from_s + 1e-6) : hits.reverse().find((hit) => hit.time_s < from_s - 1e-6);
    if (!next) return;
    store.select({ hits: new Set([next.id]) });
    player.seek(next.time_s);
    timeline.reveal(next.time_s);
  }

  /** Merge the sounds of the chosen hits into the one that most of them strike. */
  function merge() {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { sound_id } of chosen()) counts.set(sound_id, (counts.get(sound_id) ?? 0) + 1);
    const [most, ...others] = [...counts].sort((a, b) => b[1] - a[1]).map(([id]) => id);
    if (others.length) store.edit({ kind: "merge_sounds", sound_id: most, others }, newGesture());
  }

  const ids = () => chosen().map((hit) => hit.id);
  /** @type {Record<string, (event: KeyboardEvent) => unknown>} */
  const plain = {
    " ": () => player.toggle(),
    arrowleft: (event) => across(event, -1),
    arrowright: (event) => across(event, 1),
    arrowup: (event) => strengthen(event, event.shiftKey ? 0.1 : 1),
    arrowdown: (event) => strengthen(event, event.shiftKey ? -0.1 : -1),
    ",": () => player.step(-1),
    ".": () => player.step(1),
    home: () => player.seek(0),
    end: () => player.seek(Infinity),
    "?": () => help.open(),
    l: () => player.toggleLoop(),
    f: () => timeline.fit(),
    n: () => timeline.addHitAt(player.time_s),
    "[": () => goToHit(-1),
    "]": () => goToHit(1),
    escape: () => (spectrogram.isOpen && !store.selection.hits.size ? spectrogram.toggle() : timeline.cancelDrag()) || store.select({ hits: new Set() }),
    enter: () => chosen()[0] && audio.auditionHit(chosen()[0].id)?.catch(() => {}),
    delete: () => ids().length && store.edit({ kind: "delete_hits", ids: ids() }, null),
    m: () => ids().length && store.edit({ kind: "set_hits", ids: ids(), values: { mute: !chosen().every((hit) => hit.mute) } }, null),
    g: () => merge(),
    s: () => spectrogram.toggle(),
    t: () => ids().length && store.send({ type: "snap_hits", hits: ids() }),
    d: () => ids().length && store.edit({ kind: "detach_hits", ids: ids() }, null),
  };
  plain.backspace = plain.delete;
  /** @type {Record<string, (event: KeyboardEvent) => unknown>} */
  const withCommand = {
    z: (event) => store.send({ type: event.shiftKey ? "redo" : "undo" }),
    y: () => store.send({ type: "redo" }),
    s: () => topBar.saveNow(),
    o: () => topBar.openClip(),
    a: () => store.select({ hits: new Set(requireProject(store).hits.map((hit) => hit.id)) }),
  };

  /** @param {Element} element */
  const isTyping = (element) => element.matches("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]");

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (isTyping(target)) return;
    if (!store.view?.project) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const act = (command ? withCommand : plain)[key];
    if (!act) return;
    // A button reached by keyboard is pressed by these two; one that was clicked is not meant.
    const isReached = app.classList.contains("by-keys") && target.matches("button, a, [type=checkbox]");
    if ((key === " " || key === "enter") && isReached) return;
    if (event.repeat && ["m", "d", "g", "s", "t", "n", "l", " ", "delete", "backspace"].includes(key)) return;
    event.preventDefault();
    act(event);
  }

  // Keys pressed while nothing has the focus arrive at the body.
  document.addEventListener("keydown", onKey);
  return { dispose: () => document.removeEventListener("keydown", onKey) };
}
