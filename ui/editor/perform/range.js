// @ts-check
// The range that a loop repeats, over the timeline's ruler: set by I and O, moved by its two edges.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { formatTimecode } from "../timeline/timecode.js";
import { make, setChanged } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { pointIn } from "../widgets/page_scale.js";
import { createScope } from "../widgets/scope.js";
/** @import { Player, Span, Store, Timeline } from "../state/types.d.ts" */

/** @typedef {keyof Span} Edge */

const SHORTEST_FRAMES = 4;

/**
 * The range with an edge at a time. Without a range the other edge is the clip's own; an edge that would pass the other
 * moves that to its end of the clip.
 * @param {Span | null} range
 * @param {Edge} edge
 * @param {number} time_s
 * @param {number} duration_s
 * @param {number} shortest_s
 * @returns {Span}
 */
export function withEdge(range, edge, time_s, duration_s, shortest_s) {
  const { start_s, end_s } = range ?? { start_s: 0, end_s: duration_s };
  if (edge === "start_s") {
    const from_s = clamp(time_s, 0, Math.max(0, duration_s - shortest_s));
    return { start_s: from_s, end_s: end_s >= from_s + shortest_s ? end_s : duration_s };
  }
  const to_s = clamp(time_s, Math.min(shortest_s, duration_s), duration_s);
  return { start_s: start_s <= to_s - shortest_s ? start_s : 0, end_s: to_s };
}

/**
 * @param {Store} store
 * @param {Player} player
 * @param {Timeline} timeline
 */
export function createRange(store, player, timeline) {
  const { scale } = timeline;
  const bar = make("div", "st-range-bar");
  const edges = { start_s: makeEdge("start_s", t("range.start_of_the")), end_s: makeEdge("end_s", t("range.end_of_the")) };
  const element = make("div", "st-range", { hidden: true }, bar, edges.start_s, edges.end_s);
  timeline.field.append(element);

  const shortest_s = () => SHORTEST_FRAMES / player.frameRate;

  /**
   * @param {Edge} edge
   * @param {number} time_s
   */
  function setEdge(edge, time_s) {
    const clip = store.view?.project?.clip;
    if (!clip) return;
    const isNew = !player.range;
    player.setRange(withEdge(player.range, edge, time_s, clip.duration_s, shortest_s()));
    if (isNew) player.setLoop(true);
  }

  /**
   * @param {Edge} edge
   * @param {string} label
   */
  function makeEdge(edge, label) {
    const handle = make("div", `st-range-edge is-${edge === "start_s" ? "start" : "end"}`, { role: "slider", tabIndex: 0, "aria-label": label, title: t("range.drag_it_or", { label, key: edge === "start_s" ? "I" : "O" }) });
    watchDrags(handle, (event) => {
      if (event.button !== 0 || !player.range) return null;
      event.preventDefault();
      handle.focus({ preventScroll: true, focusVisible: false });
      const grip = pointIn(timeline.field, event).x - scale.x(player.range[edge]);
      return { move: (moved) => drag(edge, scale.time(pointIn(timeline.field, moved).x - grip)) };
    });
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!player.range || (!step && event.key !== "Delete" && event.key !== "Backspace")) return;
      event.preventDefault();
      event.stopPropagation();
      if (step) drag(edge, player.range[edge] + (step * (event.shiftKey ? 10 : 1)) / player.frameRate);
      else player.setRange(null);
    });
    return handle;
  }

  /**
   * Move an edge, at most up to the other.
   * @param {Edge} edge
   * @param {number} time_s
   */
  function drag(edge, time_s) {
    if (!player.range) return;
    const { start_s, end_s } = player.range;
    setEdge(edge, edge === "start_s" ? Math.min(time_s, end_s - shortest_s()) : Math.max(time_s, start_s + shortest_s()));
  }

  function show() {
    const { range } = player;
    const clip = store.view?.project?.clip;
    setChanged(element, { hidden: !range || !clip });
    if (!range || !clip) return;
    element.classList.toggle("is-off", !player.isLooping);
    const from = clamp(scale.x(range.start_s), -40, scale.width + 40);
    const to = clamp(scale.x(range.end_s), -40, scale.width + 40);
    bar.style.transform = `translateX(${from}px)`;
    bar.style.width = `${Math.max(0, to - from)}px`;
    edges.start_s.style.transform = `translateX(${from}px)`;
    edges.end_s.style.transform = `translateX(${to}px)`;
    for (const edge of /** @type {const} */ (["start_s", "end_s"])) {
      const attributes = { valuemin: 0, valuemax: clip.duration_s, valuenow: range[edge], valuetext: formatTimecode(range[edge], clip) };
      for (const [name, value] of Object.entries(attributes)) edges[edge].setAttribute(`aria-${name}`, String(value));
    }
  }

  const scope = createScope();
  scope.add(store.on("range", show));
  scope.add(timeline.watchDraw(show));
  scope.add(() => element.remove());
  show();
  return { setEdge, dispose: scope.dispose };
}
