// @ts-check
// The sync meter: lag and drift of the hits or of the clip's sound, and every blow that is off, to walk through.

import { requireProject, usualVelocity } from "../state/project.js";
import { t } from "../texts/t.js";
import { describeHeld, offerShift as offerOfLane } from "../timeline/lag.js";
import { shiftHits } from "../timeline/shifting.js";
import { formatTimecode, frameRate } from "../timeline/timecode.js";
import { createButton, createSegments, make, newGesture } from "../widgets/controls.js";
import { pointIn } from "../widgets/page_scale.js";
import { createPanel } from "../widgets/panel.js";
import { drawOffsets } from "./drift_plot.js";
import { GRADE_COLORS, GRADE_WORDS, describeLag, formatOffset, listRows, offerShift, settleLag } from "./meter.js";
/** @import { SyncMeasured } from "../state/protocol.d.ts" */
/** @import { Player, Store } from "../state/types.d.ts" */
/** @import { Row, Shown } from "./meter.js" */

const [WIDTH_PX, HEIGHT_PX] = [400, 96];
const WAIT_MS = 400; // after an edit, since more may follow
const MOST_ROWS = 400;
/** @type {[SyncMeasured["what"], string][]} */
const SOURCES = [["hits", t("sync_panel.strucks_hits")], ["clip", t("common.clip_sound")]];
/** @type {[Shown, string][]} */
const LISTS = [["off", t("sync_panel.late_or_early")], ["all", t("sync_panel.all")], ["seen", t("sync_panel.seen_only")], ["heard", t("sync_panel.heard_only")]];

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Player} player
 * @param {(time_s: number) => void} reveal
 */
export function createSyncPanel(app, store, player, reveal) {
  /** @type {SyncMeasured["what"]} */
  let what = "hits";
  /** @type {Shown} */
  let shown = "off";
  /** @type {SyncMeasured | null} */
  let found = null;
  /** @type {Row[]} */
  let rows = [];
  let at = -1;
  let isMeasuring = false;
  let timer = 0;

  const source = createSegments({ label: t("sync_panel.what_is_measured"), choices: SOURCES, onChoose: (value) => {
    what = value;
    measure();
  } });
  const words = make("p", "sync-words", { role: "status" });
  const shift = createButton("", { title: t("sync_panel.shift_all_hits"), onPress: shiftAll });
  const stop = createButton(t("common.stop"), { title: t("sync_panel.stop_measuring"), onPress: () => store.send({ type: "stop_sync" }) });
  const canvas = make("canvas", "sync-plot", { width: WIDTH_PX, height: HEIGHT_PX, title: t("sync_panel.offset_of_each"), onclick: goToNearest });
  const lists = createSegments({ label: t("sync_panel.which_blows"), choices: LISTS, onChoose: (value) => {
    shown = value;
    at = -1;
    paint();
  } });
  const list = make("div", "sync-list", { role: "listbox", tabIndex: 0, "aria-label": t("sync_panel.blows") });
  const back = createButton("‹", { title: t("sync_panel.the_blow_before"), onPress: () => walk(-1) });
  const forth = createButton("›", { title: t("sync_panel.the_next_blow"), onPress: () => walk(1) });
  const mend = createButton("", { onPress: mendChosen });
  const panel = createPanel(app, store, {
    title: t("sync_panel.sync_meter"), className: "is-at-the-right sync-panel", content: [
      source.element, words, make("div", "ins-row", {}, shift, stop), canvas, lists.element, list, make("div", "ins-row", {}, back, forth, make("span", "st-space"), mend),
    ],
    first: () => list,
    onOpen() {
      at = -1;
      found = null;
      measure();
    },
    onClose() {
      if (isMeasuring) store.send({ type: "stop_sync" });
    },
    onKey(event) {
      const isWalking = event.key === "ArrowDown" || event.key === "ArrowUp";
      if (event.target !== list) return isWalking;
      if (isWalking) {
        walk(event.key === "ArrowDown" ? 1 : -1);
        event.preventDefault();
      } else if (event.key === "Enter" && !mend.hidden) mendChosen();
      return event.key === " "; // plays, as everywhere
    },
  });

  const duration_s = () => requireProject(store).clip.duration_s;
  const rate = () => frameRate(requireProject(store).clip.frame_rate);

  function measure() {
    clearTimeout(timer);
    const project = store.view?.project;
    if (!panel.isOpen || !project) return;
    if (!project.clip.has_audio) what = "hits";
    isMeasuring = store.send({ type: "measure_sync", what });
    words.textContent = t(isMeasuring ? "sync_panel.comparing" : "sync_panel.stopped");
    paint();
  }

  /** @param {SyncMeasured} message */
  function take(message) {
    const project = store.view?.project;
    if (!project || message.what !== what) return;
    const before = rows[at];
    found = settleLag(message, offerOfLane(project, store.media.lag_s));
    isMeasuring = false;
    rows = listRows(found, shown);
    at = before ? rows.findIndex((row) => row.what === before.what && Math.abs(row.time_s - before.time_s) < 1e-6) : -1;
    paint();
  }

  function stopped() {
    isMeasuring = false;
    words.textContent = t("sync_panel.stopped");
    paint();
  }

  // --- as it is shown -----------------------------------------------------------------------------

  function paint() {
    const project = store.view?.project;
    if (!panel.isOpen || !project) return;
    source.set(what);
    source.element.hidden = !project.clip.has_audio;
    lists.set(shown);
    stop.hidden = !isMeasuring;
    if (!isMeasuring && found) words.textContent = `${describeLag(found, rate())}${found.drift_s_per_s ? t("sync_panel.it_drifts_a", { drift_s_per_s: formatOffset(found.drift_s_per_s * 60) }) : ""}`;
    const delta_s = isMeasuring ? null : offerShift(found);
    shift.hidden = delta_s === null;
    if (delta_s !== null) {
      const held = describeHeld(project.hits, delta_s, project.clip.duration_s);
      shift.textContent = t("sync_panel.shift_all_by", { delta_s: formatOffset(delta_s) });
      shift.title = `${t("sync_panel.shift_all_hits")}${held && `. ${held}`}`;
    }
    rows = found ? listRows(found, shown) : [];
    list.replaceChildren(...rows.slice(0, MOST_ROWS).map(createRow));
    if (!rows.length) list.append(make("p", "ins-quiet", { textContent: found ? t("sync_panel.none") : "" }));
    back.disabled = forth.disabled = !rows.length;
    showMend();
    if (found) drawOffsets(canvas, WIDTH_PX, HEIGHT_PX, found, duration_s(), 1 / rate(), rows[at]?.time_s ?? null);
    canvas.hidden = !found;
  }

  /**
   * @param {Row} row
   * @param {number} place
   */
  function createRow(row, place) {
    const text = { pair: formatOffset(row.offset_s), seen: t("sync_panel.seen_not_heard"), heard: t("sync_panel.heard_not_seen") }[row.what];
    const frames = row.what === "pair" ? t("sync_panel.frames", { frames: (Math.abs(row.offset_s) * rate()).toFixed(1), order: row.offset_s > 0 ? t("common.late") : t("common.early") }) : "";
    const color = `var(--${row.grade ? GRADE_COLORS[row.grade] : "blue"})`;
    return make("div", `sync-row${place === at ? " is-on" : ""}`, { role: "option", "aria-selected": String(place === at), title: row.grade ? GRADE_WORDS[row.grade] : "", onclick: () => choose(place) },
      make("i", "sync-dot", { style: `background:${color}` }), make("span", "ins-mono", { textContent: formatTimecode(row.time_s, requireProject(store).clip) }), make("span", "sync-offset", { textContent: text, style: `color:${color}` }), make("span", "ins-quiet", { textContent: frames }), make("span", "sync-sure", { textContent: `${Math.round(100 * row.confidence)} %`, title: t("sync_panel.confidence") }));
  }

  function showMend() {
    const row = rows[at];
    const canMove = row?.what === "pair" && row.hit_id !== null && row.grade !== "in step";
    const canAdd = row?.what === "seen" && what === "hits";
    const canMute = row?.what === "heard" && row.hit_id !== null;
    mend.hidden = !canMove && !canAdd && !canMute;
    mend.textContent = canMove ? t("sync_panel.move_it_to") : canAdd ? t("sync_panel.add_a_hit") : t("sync_panel.mute_it");
  }

  // --- what is done -------------------------------------------------------------------------------

  /** @param {number} place */
  function choose(place) {
    const row = rows[place];
    if (!row) return;
    at = place;
    player.seek(row.time_s);
    reveal(row.time_s);
    if (row.hit_id) store.select({ hits: new Set([row.hit_id]) });
    paint();
    list.children[place]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} step */
  const walk = (step) => choose(at < 0 ? (step > 0 ? 0 : rows.length - 1) : (at + step + rows.length) % rows.length);

  /** @param {MouseEvent} event */
  function goToNearest(event) {
    if (!found?.hits.length) return;
    const time_s = (pointIn(canvas, event).x / WIDTH_PX) * duration_s();
    if (shown !== "all") shown = "all";
    rows = listRows(found, shown);
    choose(rows.reduce((best, row, i) => (Math.abs(row.time_s - time_s) < Math.abs(rows[best].time_s - time_s) ? i : best), 0));
  }

  function shiftAll() {
    const delta_s = offerShift(found);
    if (delta_s === null) return;
    list.focus({ preventScroll: true });
    shiftHits(store, requireProject(store).hits, delta_s);
  }

  function mendChosen() {
    list.focus({ preventScroll: true }); // the button goes
    const row = rows[at];
    const { hits } = requireProject(store);
    const hit = hits.find(({ id }) => id === row?.hit_id);
    if (row?.what === "pair" && hit) shiftHits(store, [hit], -row.offset_s);
    else if (row?.what === "heard" && hit) store.edit({ kind: "set_hits", ids: [hit.id], values: { mute: true } }, newGesture());
    else if (row?.what === "seen") store.edit({ kind: "add_hit", time_s: row.time_s, velocity_db: usualVelocity(hits) }, newGesture());
  }

  const cleanups = [
    store.on("sync_measured", take),
    store.on("sync_progress", ({ fraction }) => {
      if (!panel.isOpen) return;
      if (!isMeasuring) { // the end of the measurement before was told after this one was asked for
        isMeasuring = true;
        paint();
      }
      words.textContent = t("sync_panel.comparing_2", { fraction: Math.round(100 * fraction) });
    }),
    store.on("sync_stopped", stopped),
    store.on("connection", (state) => void (state === "lost" && isMeasuring && stopped())), // how it ended may be told to no page
    store.watch(() => [store.view?.project?.clip.digest], () => {
      found = null;
      at = -1;
      measure();
    }),
    store.watch(() => [store.view?.project?.hits], () => {
      clearTimeout(timer);
      if (panel.isOpen && what === "hits") timer = window.setTimeout(measure, WAIT_MS);
    }),
    store.watch(() => [store.view?.project?.clip.audio_track], panel.close),
  ];
  return {
    toggle: panel.toggle,
    dispose() {
      clearTimeout(timer);
      panel.dispose();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
