// @ts-check
// The pointer on the timeline: scrubbing, moving hits in time, changing their velocity, choosing by a box.

import { clamp } from "../audio/units.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { newGesture } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { formatDb } from "../widgets/format.js";
import { withGroups } from "./groups.js";
import { formatShift, hitsInBox, hitUnder, limitShift, snapShift } from "./picking.js";
import { endStroke, strokeUnder } from "./strokes.js";
import { velocityScale } from "./scale.js";
import { formatTimecode } from "./timecode.js";
import { pointIn, pointOf } from "../widgets/page_scale.js";
/** @import { AudioEngine, Box, Hit, LaneName, Lanes, Player, Point, Scale, Span, Store } from "../state/types.d.ts" */
/** @import { SetEachHit } from "../state/protocol.d.ts" */

const MOVED_PX = 3;
const SHORTEST_SPAN_S = 0.02;
const EDGE_PX = 28; // a drag this near the edge scrolls
const HARDEST_DB = 12;
const SOFTEST_DB = -60;

/**
 * @typedef {object} Host what the pointer needs of the timeline
 * @property {HTMLCanvasElement} canvas
 * @property {Scale} scale
 * @property {() => Lanes} lanes
 * @property {() => void} redraw
 * @property {() => void} scrolled
 * @property {(text: string | null, x?: number) => void} tip
 * @property {() => boolean} isLocked
 * @property {(time_s: number, velocity_db: number) => void} addHitAt
 * @property {() => Hit[]} along the hits that a move in time of the selected ones moves
 * @property {(hit: Hit, page_x: number, page_y: number) => void} menu
 * @property {(span: Span, page_x: number, page_y: number) => void} spanMenu
 */
/**
 * @typedef {object} HitsDrag hits under the hand
 * @property {"hits"} kind
 * @property {"time" | "velocity" | null} axis null until it is plain
 * @property {Hit} hit the one that was pressed
 * @property {number} x0
 * @property {number} y0
 * @property {number} start_s where the view began
 * @property {Map<string, {time_s: number, velocity_db: number}>} from
 * @property {Map<string, number>} along times of all that a move in time moves, by id
 * @property {boolean} toggles whether a press without a move takes the hit out of the selection
 * @property {Set<string>} pressed the hit with its group, or it alone
 * @property {boolean} alone whether it leaves only those selected
 * @property {number} delta_s
 * @property {number} delta_db
 */
/** @typedef {Box & {kind: "lasso", before: Set<string>, moved: boolean}} LassoDrag */
/** @typedef {{kind: "pan", x0: number, start_s: number}} PanDrag */
/** @typedef {{kind: "span", from_s: number}} SpanDrag */
/** @typedef {{kind: "end", hit: Hit, grip_px: number, moved: boolean}} EndDrag the end of a scrape */
/** @typedef {EndDrag | HitsDrag | LassoDrag | PanDrag | SpanDrag | {kind: "scrub"}} Drag */

/**
 * @param {Host} host
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 */
export function createPointer(host, store, audio, player) {
  const { canvas, scale } = host;
  /** @type {Drag | null} */
  let drag = null;
  /** @type {string | null} */
  let hovered = null;
  /** @type {Point | null} */
  let last = null;
  /** @type {Span | null} */
  let span = null; // marked in the clip's own sound

  const hits = () => store.view?.project?.hits ?? [];
  const hasProject = () => Boolean(store.view?.project);
  /** @param {number} x */
  const timeAt = (x) => clamp(scale.time(x), 0, scale.duration_s);
  /**
   * @param {MouseEvent} event
   * @returns {Point}
   */
  const place = (event) => {
    return pointIn(canvas, event);
  };
  /** @param {number} y */
  const laneAt = (y) => {
    const found = Object.entries(host.lanes()).find(([, lane]) => y >= lane.top && y < lane.top + lane.height);
    return /** @type {LaneName | null} */ (found?.[0] ?? null);
  };
  /** @param {Point} at */
  const hitAt = (at) => (laneAt(at.y) === "hits" ? hitUnder(hits(), at, scale, host.lanes().hits, store.selection.hits) ?? strokeUnder(hits(), at, scale, host.lanes().hits)?.hit ?? null : null);
  /** @param {Point} at */
  const endAt = (at) => {
    const found = laneAt(at.y) === "hits" ? strokeUnder(hits(), at, scale, host.lanes().hits) : null;
    return found?.isEnd ? found.hit : null;
  };

  // --- beginning ----------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  function begin(event) {
    if (!hasProject()) return null;
    canvas.focus({ preventScroll: true, focusVisible: false });
    const at = place(event);
    const lane = laneAt(at.y);
    span = null;
    if (event.button === 1 || (event.button === 0 && event.altKey && lane !== "hits")) {
      drag = { kind: "pan", x0: at.x, start_s: scale.start_s };
    } else if (event.button !== 0) return null;
    else if (lane === "hits") drag = beginHits(event, at);
    else if (lane === "clip" && event.shiftKey) drag = { kind: "span", from_s: timeAt(at.x) };
    else {
      drag = { kind: "scrub" };
      player.scrub(timeAt(at.x));
    }
    if (drag) event.preventDefault();
    point(at);
    host.redraw();
    return drag && { move, end: release, cancel };
  }

  /**
   * @param {PointerEvent} event
   * @param {Point} at
   * @returns {EndDrag | HitsDrag | LassoDrag | null}
   */
  function beginHits(event, at) {
    const scraped = host.isLocked() ? null : endAt(at);
    if (scraped?.stroke) {
      store.select({ hits: new Set([scraped.id]), soundId: scraped.sound_id });
      return { kind: "end", hit: scraped, grip_px: scale.x(scraped.time_s + scraped.stroke.length_s) - at.x, moved: false };
    }
    const hit = hitAt(at);
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    const selected = store.selection.hits;
    if (!hit) {
      if (!more && selected.size) store.select({ hits: new Set() });
      return { kind: "lasso", x0: at.x, y0: at.y, x1: at.x, y1: at.y, before: more ? new Set(selected) : new Set(), moved: false };
    }
    const pressed = event.altKey ? new Set([hit.id]) : withGroups(hits(), [hit.id]);
    const isOther = event.altKey && selected.size > 1; // one of a group that is selected
    const wasChosen = selected.has(hit.id) && !isOther;
    if (!wasChosen) store.select({ hits: more ? new Set([...selected, ...pressed]) : pressed, soundId: hit.sound_id });
    const toggles = more && wasChosen;
    const alone = !more && wasChosen && selected.size > pressed.size;
    if (host.isLocked()) { // nothing moves, so that the press is all there is
      choosePressed({ toggles, alone, pressed, hit });
      return null;
    }
    const moved = hits().filter((h) => store.selection.hits.has(h.id));
    return {
      kind: "hits", axis: null, hit, x0: at.x, y0: at.y, start_s: scale.start_s,
      from: new Map(moved.map((h) => [h.id, { time_s: h.time_s, velocity_db: h.velocity_db }])),
      along: new Map(host.along().map((h) => [h.id, h.time_s])),
      pressed, toggles, alone, delta_s: 0, delta_db: 0,
    };
  }

  // --- moving -------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  function move(event) {
    const at = place(event);
    last = at;
    if (!drag) return;
    if (drag.kind === "scrub") player.scrub(timeAt(at.x));
    else if (drag.kind === "pan") {
      scale.isFit = false;
      scale.scrollTo(drag.start_s - (at.x - drag.x0) / scale.px_per_s);
    } else if (drag.kind === "span") markSpan(drag, at);
    else if (drag.kind === "lasso") lasso(drag, at);
    else if (drag.kind === "end") moveEnd(drag, at);
    else moveHits(drag, at, event.shiftKey);
    host.redraw();
  }

  /**
   * @param {HitsDrag} held
   * @param {Point} at
   * @param {boolean} snaps to frames, the one under the hand
   */
  function moveHits(held, at, snaps) {
    const dx = at.x - held.x0 + (scale.start_s - held.start_s) * scale.px_per_s;
    const dy = at.y - held.y0;
    if (!held.axis) {
      if (Math.hypot(dx, dy) < MOVED_PX) return;
      held.axis = Math.abs(dx) >= Math.abs(dy) ? "time" : "velocity";
    }
    if (held.axis === "time") {
      const wanted_s = snaps ? snapShift(held.hit.time_s, dx / scale.px_per_s, scale.rate) : dx / scale.px_per_s;
      held.delta_s = limitShift([...held.along.values()], wanted_s, scale.duration_s);
      store.hold({ kind: "move_hits", ids: [...held.along.keys()], delta_s: held.delta_s });
      keepInSight(at.x);
    } else {
      held.delta_db = -dy * velocityScale(host.lanes().hits).db_per_px;
      store.hold(velocityEdit(held));
    }
    showDragTip(held);
  }

  /**
   * @param {EndDrag} held
   * @param {Point} at
   */
  function moveEnd(held, at) {
    held.moved = true;
    const edit = endStroke(held.hit, scale.time(at.x + held.grip_px));
    store.hold(edit);
    host.tip(`${edit.values.stroke?.length_s.toFixed(2)} s`, at.x);
  }

  /** @param {number} x */
  function keepInSight(x) {
    if (scale.isFit) return;
    if (x > scale.width - EDGE_PX) scale.scrollBy(x - scale.width + EDGE_PX);
    else if (x < EDGE_PX) scale.scrollBy(x - EDGE_PX);
  }

  /**
   * @param {SpanDrag} held
   * @param {Point} at
   */
  function markSpan({ from_s }, at) {
    const to_s = timeAt(at.x);
    span = { start_s: Math.min(from_s, to_s), end_s: Math.max(from_s, to_s) };
    host.tip(t("drag.ms_of_the", { length_ms: (1000 * (span.end_s - span.start_s)).toFixed(0) }), at.x);
  }

  /**
   * @param {LassoDrag} held
   * @param {Point} at
   */
  function lasso(held, at) {
    Object.assign(held, { x1: at.x, y1: at.y });
    if (Math.hypot(at.x - held.x0, at.y - held.y0) < MOVED_PX) return;
    held.moved = true;
    const chosen = new Set([...held.before, ...withGroups(hits(), hitsInBox(hits(), held, scale, host.lanes().hits))]);
    if (chosen.size !== store.selection.hits.size || [...chosen].some((id) => !store.selection.hits.has(id))) store.select({ hits: chosen });
  }

  // --- ending -------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  function release(event) {
    if (!drag) return;
    const done = drag;
    drag = null;
    if (done.kind === "hits") endHits(done);
    else if (done.kind === "end" && done.moved && last) store.edit(endStroke(done.hit, scale.time(last.x + done.grip_px)), newGesture());
    else if (done.kind === "span" && span && span.end_s - span.start_s >= SHORTEST_SPAN_S) host.spanMenu(span, pointOf(event).x, pointOf(event).y);
    else if (done.kind === "span") span = null;
    host.tip(null);
    if (last) point(last);
    host.redraw();
  }

  /** @param {HitsDrag} done */
  function endHits(done) {
    if (done.axis === "time") {
      if (Math.abs(done.delta_s) > 1e-9) store.edit({ kind: "move_hits", ids: [...done.along.keys()], delta_s: done.delta_s }, newGesture());
      else store.hold(null);
    } else if (done.axis === "velocity") store.edit(velocityEdit(done), newGesture());
    else choosePressed(done);
  }

  /**
   * What a press on chosen hits without a move leaves of the selection.
   * @param {Pick<HitsDrag, "toggles" | "alone" | "pressed" | "hit">} press
   */
  function choosePressed({ toggles, alone, pressed, hit }) {
    if (toggles) store.select({ hits: new Set([...store.selection.hits].filter((id) => !pressed.has(id))) });
    else if (alone) store.select({ hits: pressed, soundId: hit.sound_id });
  }

  /** Give up a drag and put everything back; whether there was one. */
  function cancel() {
    if (!drag && !span) return false;
    if (drag?.kind === "hits" || drag?.kind === "end") store.hold(null);
    drag = span = null;
    host.tip(null);
    host.redraw();
    return true;
  }

  // --- showing ------------------------------------------------------------------------------------

  /** @param {HitsDrag} held */
  function showDragTip({ hit, axis, from, delta_s, delta_db }) {
    const start = from.get(hit.id);
    if (!start || !hits().some(({ id }) => id === hit.id)) return;
    const x = scale.x(start.time_s + delta_s);
    if (axis === "time") host.tip(`${formatTimecode(start.time_s + delta_s, requireProject(store).clip)}   ${formatShift(delta_s, scale.rate)}`, x);
    else host.tip(`${formatDb(clamp(start.velocity_db + delta_db, SOFTEST_DB, HARDEST_DB), true)}   ${formatDb(delta_db, true)}`, x);
  }

  /**
   * @param {Hit | null} hit
   * @param {LaneName | null} lane
   */
  function cursorOver(hit, lane) {
    if (drag?.kind === "hits") return drag.axis === "velocity" ? "ns-resize" : drag.axis ? "ew-resize" : "grabbing";
    if (drag?.kind === "pan") return "grabbing";
    if (lane === "hits") return hit ? "grab" : "crosshair";
    return lane === "ruler" ? "text" : "default";
  }

  /**
   * Feedback under a resting pointer: cursor, highlight and text.
   * @param {Point} at
   */
  function point(at) {
    const lane = hasProject() ? laneAt(at.y) : null;
    const hit = lane === "hits" ? hitAt(at) : null;
    canvas.style.cursor = drag?.kind === "end" || (!drag && lane === "hits" && endAt(at)) ? "ew-resize" : cursorOver(hit, lane);
    if (!drag) {
      if (hit) {
        const { clip, sounds } = requireProject(store);
        const sound = sounds.find((s) => s.id === hit.sound_id);
        const words = [hit.name, hit.group, formatTimecode(hit.time_s, clip), sound?.name, formatDb(hit.velocity_db, true), hit.mute && t("common.muted"), !store.rendered.has(hit.id) && t("drag.not_sampled_yet")];
        host.tip(words.filter(Boolean).join("  ·  "), scale.x(hit.time_s));
      } else host.tip(null);
    }
    if ((hit?.id ?? null) !== hovered) {
      hovered = hit?.id ?? null;
      host.redraw();
    }
  }

  watchDrags(canvas, begin);
  canvas.addEventListener("pointermove", (event) => {
    if (drag) return;
    last = place(event);
    point(last);
  });
  canvas.addEventListener("pointerleave", () => {
    if (drag) return;
    hovered = null;
    host.tip(null);
    host.redraw();
  });
  canvas.addEventListener("dblclick", (event) => {
    const at = place(event);
    if (laneAt(at.y) !== "hits" || !hasProject()) return;
    const hit = hitAt(at);
    if (hit) audio.auditionHit(hit.id).catch(() => {});
    else host.addHitAt(scale.time(at.x), velocityScale(host.lanes().hits).velocity_db(at.y));
  });
  canvas.addEventListener("contextmenu", (event) => {
    const hit = hitAt(place(event));
    if (!hit) return;
    event.preventDefault();
    if (!store.selection.hits.has(hit.id)) store.select({ hits: withGroups(hits(), [hit.id]), soundId: hit.sound_id });
    host.menu(hit, pointOf(event).x, pointOf(event).y);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!hasProject()) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) scale.scrollBy((event.deltaX || event.deltaY) * unit);
    else scale.zoom(Math.exp(-clamp(event.deltaY * unit, -240, 240) * (event.ctrlKey ? 0.01 : 0.0022)), place(event).x);
    host.scrolled();
    host.redraw();
  }, { passive: false });

  return {
    cancel,
    /** Tell anew what lies under a resting pointer, and drop hits that are gone, since the document has changed. */
    refresh() {
      const known = new Set(hits().map(({ id }) => id));
      if (drag?.kind === "hits") for (const held of [drag.from, drag.along]) for (const id of held.keys()) if (!known.has(id)) held.delete(id);
      if (drag && "hit" in drag && !known.has(drag.hit.id)) cancel();
      if (!drag && hovered && last) point(last);
    },
    get hovered() { return hovered; },
    get lasso() { return drag?.kind === "lasso" && drag.moved ? drag : null; },
    get span() { return span; },
    clearSpan() {
      span = null;
      host.redraw();
    },
    get isDragging() { return drag !== null; },
  };
}

/**
 * The velocities that a drag gives its hits, as one edit.
 * @param {{from: Map<string, {velocity_db: number}>, delta_db: number}} held
 * @returns {SetEachHit}
 */
function velocityEdit({ from, delta_db }) {
  const values = [...from].map(([id, { velocity_db }]) => [id, { velocity_db: clamp(velocity_db + delta_db, SOFTEST_DB, HARDEST_DB) }]);
  return { kind: "set_each_hit", values: Object.fromEntries(values) };
}
