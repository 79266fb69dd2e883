// @ts-check
// What every action does.

import { clamp, SAMPLE_RATE_HZ } from "../audio/units.js";
import { requireProject } from "../state/project.js";
import { chooseLanguage } from "../texts/t.js";
import { withGroups } from "../timeline/groups.js";
import { frameRate } from "../timeline/timecode.js";
import { focusedElement, newGesture } from "../widgets/controls.js";
import { chooseTheme } from "../widgets/theme.js";
import { ACTIONS } from "./table.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { AudioEngine, Player, Store, Timeline } from "../state/types.d.ts" */
/** @import { TabName } from "../panels/inspector.js" */
/** @import { Action, ActionId } from "./table.js" */

/**
 * @typedef {object} Parts what actions act on
 * @property {Player} player
 * @property {Timeline} timeline
 * @property {AudioEngine} audio
 * @property {{saveNow: () => void, openClip: () => void, openExport: () => void}} topBar
 * @property {{toggle: () => void, isOpen: boolean}} spectrogram
 * @property {Arranging} arranging
 * @property {{add: () => void, go: (direction: number) => void}} markers
 * @property {import("../perform/perform.js").Perform} perform
 * @property {{showTab: (name: TabName) => void}} inspector
 * @property {Record<"quantize" | "makePattern" | "showTakes" | "compare" | "scrape" | "layers" | "parts" | "presets" | "importHits" | "conform" | "measureSync" | "makeAnimatic" | "storyboard" | "chooseMaterial" | "help" | "palette" | "about" | "tour", () => void>} open
 */
/** @typedef {ReturnType<typeof createRunner>} Runner */

const NUDGE_S = 0.01;
const ZOOM = 1.5;
const SCROLL = 0.8; // of what is in sight
const HARDEST_DB = 12;
const SOFTEST_DB = -60;
/** @type {Set<ActionId>} */
const OF_CHOSEN = new Set([...ACTIONS.filter(({ when }) => when === "hits").map(({ id }) => id), "previous_hit", "next_hit", "select_all", "select_sound"]);

/**
 * @param {Store} store
 * @param {Parts} parts
 */
export function createRunner(store, { player, timeline, audio, topBar, spectrogram, arranging, markers, perform, inspector, open }) {
  const { chosen } = arranging;
  const ids = () => chosen().map((hit) => hit.id);
  /** @param {{id: string}} hit */
  const isChosen = (hit) => store.selection.hits.has(hit.id);
  const frame_s = () => 1 / frameRate(requireProject(store).clip.frame_rate);

  /**
   * @param {number} at_ms
   * @param {number} delta_db
   */
  function strengthen(at_ms, delta_db) {
    const values = chosen().map((hit) => [hit.id, { velocity_db: clamp(hit.velocity_db + delta_db, SOFTEST_DB, HARDEST_DB) }]);
    store.edit({ kind: "set_each_hit", values: Object.fromEntries(values) }, arranging.nudgeGesture(at_ms, "strength"));
  }

  /**
   * @param {number} at_ms
   * @param {number} delta_s
   */
  const nudge = (at_ms, delta_s) => arranging.move(delta_s, arranging.nudgeGesture(at_ms));

  /**
   * Choose the hit before or after the ones chosen, or the cursor.
   * @param {number} direction
   */
  function goToHit(direction) {
    const hits = [...requireProject(store).hits].sort((a, b) => a.time_s - b.time_s);
    const from_s = player.time_s;
    const next = chosen().length
      ? hits[(direction > 0 ? hits.findLastIndex(isChosen) : hits.findIndex(isChosen)) + direction] // one at the same time too
      : direction > 0 ? hits.find((hit) => hit.time_s > from_s + 1e-6) : hits.findLast((hit) => hit.time_s < from_s - 1e-6);
    if (!next) return;
    if (focusedElement()?.matches(".arr-flag, .st-threshold")) focusedElement()?.blur(); // keys are the hit's from now on
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

  /** @param {number} factor */
  function zoom(factor) {
    const { scale } = timeline;
    const x = scale.x(player.time_s);
    scale.zoom(factor, x >= 0 && x <= scale.width ? x : scale.width / 2);
    timeline.moved();
  }

  /** @param {number} direction */
  function scroll(direction) {
    timeline.scale.scrollBy(direction * SCROLL * timeline.scale.width);
    timeline.moved();
  }

  function selectNone() {
    if (spectrogram.isOpen && !store.selection.hits.size) spectrogram.toggle();
    else if (!timeline.cancelDrag()) store.select({ hits: new Set() });
  }

  /** @type {Record<ActionId, (at_ms: number) => unknown>} */
  const runs = {
    play: () => player.toggle(),
    frame_back: () => player.step(-1),
    frame_on: () => player.step(1),
    step_back: () => player.step(-1),
    step_on: () => player.step(1),
    ten_back: () => player.step(-10),
    ten_on: () => player.step(10),
    to_start: () => player.seek(0),
    to_end: () => player.seek(Infinity),
    shuttle_back: () => perform.shuttle.press(-1),
    shuttle_hold: () => perform.hold(),
    shuttle_on: () => perform.shuttle.press(1),
    half_speed: () => perform.shuttle.toggleHalf(),
    loop: () => player.toggleLoop(),
    range_start: () => perform.setEdge("start_s"),
    range_end: () => perform.setEdge("end_s"),
    loop_whole: () => player.setRange(null),
    add_hit: () => timeline.addHitAt(player.time_s),
    previous_hit: () => goToHit(-1),
    next_hit: () => goToHit(1),
    add_marker: () => markers.add(),
    previous_marker: () => markers.go(-1),
    next_marker: () => markers.go(1),
    zoom_in: () => zoom(ZOOM),
    zoom_out: () => zoom(1 / ZOOM),
    scroll_back: () => scroll(-1),
    scroll_on: () => scroll(1),
    fit: () => timeline.fit(),
    spectrogram: () => spectrogram.toggle(),
    choose_material: () => open.chooseMaterial(),
    frame_earlier: (at_ms) => nudge(at_ms, -frame_s()),
    frame_later: (at_ms) => nudge(at_ms, frame_s()),
    ms_earlier: (at_ms) => nudge(at_ms, -NUDGE_S),
    ms_later: (at_ms) => nudge(at_ms, NUDGE_S),
    sample_earlier: (at_ms) => nudge(at_ms, -1 / SAMPLE_RATE_HZ),
    sample_later: (at_ms) => nudge(at_ms, 1 / SAMPLE_RATE_HZ),
    harder: (at_ms) => strengthen(at_ms, 1),
    softer: (at_ms) => strengthen(at_ms, -1),
    bit_harder: (at_ms) => strengthen(at_ms, 0.1),
    bit_softer: (at_ms) => strengthen(at_ms, -0.1),
    hear: () => audio.auditionHit(chosen()[0].id)?.catch(() => {}),
    takes: () => open.showTakes(),
    compare: () => open.compare(),
    mute: () => store.edit({ kind: "set_hits", ids: ids(), values: { mute: !chosen().every((hit) => hit.mute) } }, null),
    snap: () => store.send({ type: "snap_hits", hits: ids() }),
    quantize: () => open.quantize(),
    pattern: () => open.makePattern(),
    scrape: () => open.scrape(),
    layers: () => open.layers(),
    parts: () => open.parts(),
    ripple: () => arranging.setRipple(!arranging.ripple),
    duplicate: () => arranging.duplicate(),
    detach: () => store.edit({ kind: "detach_hits", ids: ids() }, null),
    group: () => arranging.group(),
    ungroup: () => arranging.ungroup(),
    merge,
    delete: () => arranging.deleteChosen(),
    select_all: () => arranging.selectAll(),
    select_sound: () => arranging.selectSound(),
    select_none: selectNone,
    presets: () => open.presets(),
    pads: () => perform.open(),
    record: () => perform.toggleRecord(),
    panel_hit: () => inspector.showTab("hit"),
    panel_list: () => inspector.showTab("list"),
    panel_sound: () => inspector.showTab("sound"),
    panel_find: () => inspector.showTab("find"),
    panel_sampler: () => inspector.showTab("sampler"),
    panel_mix: () => inspector.showTab("mix"),
    open: () => topBar.openClip(),
    save: () => topBar.saveNow(),
    save_folder: () => store.send({ type: "collect_project" }),
    export: () => topBar.openExport(),
    import_hits: () => open.importHits(),
    conform: () => open.conform(),
    measure_sync: () => open.measureSync(),
    make_animatic: () => open.makeAnimatic(),
    storyboard: () => open.storyboard(),
    undo: () => restore("undo"),
    redo: () => restore("redo"),
    detect: () => store.send({ type: "detect" }),
    stop_work: () => store.send({ type: "cancel" }),
    resume: () => store.send({ type: "resume" }),
    palette: () => open.palette(),
    help: () => open.help(),
    dark: () => chooseTheme("dark"),
    light: () => chooseTheme("light"),
    system_theme: () => chooseTheme("system"),
    english: () => chooseLanguage("en"),
    german: () => chooseLanguage("de"),
    japanese: () => chooseLanguage("ja"),
    tour: () => open.tour(),
    about: () => open.about(),
  };

  /**
   * Whether an action has something to act on now.
   * @param {Action} action
   */
  const canRun = ({ id, isAlways, when }) => {
    if (!isAlways && !store.view?.project) return false;
    if (id === "save_folder" && !store.welcome?.local) return false; // the server's folders are not the user's
    return !when || (when === "hits") === store.selection.hits.size > 0;
  };

  // --- what waits for the server's answer ---------------------------------------------------------

  /** @type {{action: Action & {id: ActionId}, at_ms: number, before: Set<string> | null}[]} */
  let waiting = []; // ``before`` is the selection until added hits are chosen
  let isRestoring = false; // what an undo or redo makes of the hits is not known yet

  /** @param {"undo" | "redo"} type */
  function restore(type) {
    isRestoring = store.send({ type });
  }

  function catchUp() {
    isRestoring &&= store.isSending;
    while (waiting.length && !isRestoring && !arranging.isAdding) {
      const [{ action, at_ms, before }] = waiting.splice(0, 1);
      if (before !== store.selection.hits && canRun(action)) runs[action.id](at_ms); // else the hits that it meant were refused
    }
  }

  store.watch(() => [store.view?.project?.hits, store.isSending], catchUp); // the parts that choose added hits were told before
  store.on("left", () => { [waiting, isRestoring] = [[], false]; });

  return {
    canRun,
    /**
     * Run an action; one on the chosen hits waits until those are known, and undo and redo until what waits has run.
     * @param {ActionId} id
     * @param {number} [at_ms] of the press
     */
    run(id, at_ms = performance.now()) {
      const mustWait = OF_CHOSEN.has(id) ? isRestoring || arranging.isAdding : waiting.length > 0 && (id === "undo" || id === "redo");
      const action = mustWait && ACTIONS.find((one) => one.id === id);
      if (action) waiting.push({ action, at_ms, before: arranging.isAdding ? store.selection.hits : null });
      else runs[id](at_ms);
    },
  };
}
