// @ts-check
// The page's keys: transport, history, and the hits that are chosen. Fields and dialogs keep their own keys.

import { SAMPLE_RATE_HZ } from "../audio/units.js";
import { withGroups } from "../timeline/groups.js";
import { frameRate } from "../timeline/timecode.js";
import { requireProject } from "../state/project.js";
import { newGesture } from "./controls.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { AudioEngine, Player, Store, Timeline } from "../state/types.d.ts" */

/**
 * @typedef {object} Parts what keys act on
 * @property {Player} player
 * @property {Timeline} timeline
 * @property {AudioEngine} audio
 * @property {{saveNow: () => void, openClip: () => void}} topBar
 * @property {{open: () => void}} help
 * @property {{toggle: () => void, isOpen: boolean}} spectrogram
 * @property {Arranging} arranging
 * @property {{add: () => void, go: (direction: number) => void}} markers
 * @property {() => void} quantize
 * @property {() => void} makePattern
 * @property {import("../perform/perform.js").Perform} perform
 * @property {() => void} showTakes
 */

const NUDGE_S = 0.01;
const HARDEST_DB = 12;
const SOFTEST_DB = -60;

/**
 * Whether an element accepts typed text.
 * @param {Element} element
 */
export const isTyping = (element) => element.matches("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]");

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Parts} parts
 */
export function createKeys(app, store, { player, timeline, audio, topBar, help, spectrogram, perform, arranging, markers, quantize, makePattern, showTakes }) {
  const { chosen } = arranging;
  const frame_s = () => 1 / frameRate(requireProject(store).clip.frame_rate);

  /**
   * @param {KeyboardEvent} event
   * @param {number} delta_db
   */
  function strengthen(event, delta_db) {
    const values = chosen().map((hit) => [hit.id, { velocity_db: Math.min(HARDEST_DB, Math.max(SOFTEST_DB, hit.velocity_db + delta_db)) }]);
    if (values.length) store.edit({ kind: "set_each_hit", values: Object.fromEntries(values) }, arranging.nudgeGesture(event.timeStamp));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} direction
   */
  function across(event, direction) {
    const step_s = event.altKey ? 1 / SAMPLE_RATE_HZ : event.shiftKey ? NUDGE_S : frame_s();
    if (store.selection.hits.size) arranging.move(direction * step_s, arranging.nudgeGesture(event.timeStamp));
    else player.step(direction * (event.shiftKey ? 10 : 1));
  }

  /**
   * Choose the hit before or after the ones chosen, or the cursor.
   * @param {number} direction
   */
  function goToHit(direction) {
    const hits = [...requireProject(store).hits].sort((a, b) => a.time_s - b.time_s);
    const times_s = chosen().map((hit) => hit.time_s);
    const from_s = times_s.length ? (direction > 0 ? Math.max(...times_s) : Math.min(...times_s)) : player.time_s;
    const next = direction > 0 ? hits.find((hit) => hit.time_s > from_s + 1e-6) : hits.reverse().find((hit) => hit.time_s < from_s - 1e-6);
    if (!next) return;
    store.select({ hits: withGroups(hits, [next.id]) });
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
    c: (event) => (event.shiftKey ? player.setRange(null) : player.toggleLoop()),
    i: () => perform.setEdge("start_s"),
    o: () => perform.setEdge("end_s"),
    j: () => perform.shuttle.press(-1),
    k: () => perform.shuttle.hold(),
    l: () => perform.shuttle.press(1),
    h: () => perform.shuttle.toggleHalf(),
    r: () => perform.toggleRecord(),
    e: () => perform.open(),
    f: () => timeline.fit(),
    n: (event) => (event.shiftKey ? markers.add() : timeline.addHitAt(player.time_s)),
    "{": () => markers.go(-1),
    "}": () => markers.go(1),
    "[": (event) => (event.shiftKey ? markers.go(-1) : goToHit(-1)),
    "]": (event) => (event.shiftKey ? markers.go(1) : goToHit(1)),
    escape: () => (spectrogram.isOpen && !store.selection.hits.size ? spectrogram.toggle() : timeline.cancelDrag()) || store.select({ hits: new Set() }),
    enter: () => chosen()[0] && audio.auditionHit(chosen()[0].id)?.catch(() => {}),
    delete: () => arranging.deleteChosen(),
    m: () => ids().length && store.edit({ kind: "set_hits", ids: ids(), values: { mute: !chosen().every((hit) => hit.mute) } }, null),
    g: () => merge(),
    s: () => spectrogram.toggle(),
    t: () => ids().length && store.send({ type: "snap_hits", hits: ids() }),
    d: () => ids().length && store.edit({ kind: "detach_hits", ids: ids() }, null),
    a: () => arranging.selectSound(),
    p: () => arranging.setRipple(!arranging.ripple),
    q: () => quantize(),
    b: () => makePattern(),
    v: () => showTakes(),
  };
  plain.backspace = plain.delete;
  /** @type {Record<string, (event: KeyboardEvent) => unknown>} */
  const withCommand = {
    z: (event) => store.send({ type: event.shiftKey ? "redo" : "undo" }),
    y: () => store.send({ type: "redo" }),
    s: () => topBar.saveNow(),
    o: () => topBar.openClip(),
    a: () => arranging.selectAll(),
    d: () => arranging.duplicate(),
    g: (event) => (event.shiftKey ? arranging.ungroup() : arranging.group()),
  };

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const isSampleStep = event.altKey && ["ArrowLeft", "ArrowRight"].includes(event.key) && store.selection.hits.size > 0;
    if (event.altKey && !isSampleStep) return;
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
    if (event.repeat && ["m", "d", "g", "s", "t", "n", "a", "p", "q", "b", "c", "e", "h", "j", "k", "l", "r", " ", "delete", "backspace"].includes(key)) return;
    event.preventDefault();
    act(event);
  }

  // Keys pressed while nothing has the focus arrive at the body.
  document.addEventListener("keydown", onKey);
  return { dispose: () => document.removeEventListener("keydown", onKey) };
}
