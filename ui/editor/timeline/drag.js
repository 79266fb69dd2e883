// The pointer on the timeline: scrubbing, moving hits in time, changing their velocity, choosing by a box.

import { clamp } from "../audio/units.js";
import { formatTimecode } from "./timecode.js";
import { formatDb } from "../widgets/format.js";
import { newGesture } from "../widgets/controls.js";
import { velocityScale } from "./scale.js";
/** @import { AudioEngine, Player, Point, Store } from "../state/types.d.ts" */

const GRAB_PX = 12;
const MOVED_PX = 3;
const SHORTEST_SPAN_S = 0.02;
const EDGE_PX = 28; // a drag this near the edge scrolls
const HARDEST_DB = 12;
const SOFTEST_DB = -60;

/**
 * ``host``: {canvas, scale, lanes(), redraw(), scrolled(), tip(text|null, x), isLocked(), addHitAt(time_s, velocity_db), menu(hit, x, y),
 * spanMenu({start_s, end_s}, x, y)}.
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
  /** @type {(Point & {shiftKey: boolean}) | null} */
  let last = null;
  /** @type {Span | null} */
  let span = null; // {start_s, end_s} marked in the clip's own sound

  const project = () => store.view?.project;
  /** @param {PointerEvent} event */
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  /** @param {number} y */
  const laneAt = (y) => Object.entries(host.lanes()).find(([, lane]) => y >= lane.top && y < lane.top + lane.height)?.[0] ?? null;

  /**
   * The hit whose head or stem is under a point of the hits lane.
   * @param {Point} at
   */
  function hitAt({ x, y }) {
    if (!project() || laneAt(y) !== "hits") return null;
    const velocity = velocityScale(host.lanes().hits);
    let best = null;
    let nearest = GRAB_PX + 0.5;
    for (const hit of project().hits) {
      const across = Math.abs(scale.x(hit.time_s) - x);
      if (across > GRAB_PX) continue;
      const head = Math.hypot(across, velocity.y(hit.velocity_db) - y);
      // The nearest stem counts; among stems in one place, the nearest head; a chosen hit wins over its neighbours.
      const distance = across + Math.min(head, 40) / 40 - (store.selection.hits.has(hit.id) ? 1 : 0);
      if (distance < nearest) [best, nearest] = [hit, distance];
    }
    return best;
  }

  // --- beginning ----------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (!project()) return;
    canvas.focus({ preventScroll: true, focusVisible: false });
    const at = place(event);
    const lane = laneAt(at.y);
    span = null;
    if (event.button === 1 || (event.button === 0 && event.altKey && lane !== "hits")) {
      drag = { kind: "pan", x0: at.x, start_s: scale.start_s };
    } else if (event.button !== 0) return;
    else if (lane === "hits") beginHits(event, at);
    else if (lane === "clip" && event.shiftKey) drag = { kind: "span", from_s: clamp(scale.time(at.x), 0, scale.duration_s) };
    else {
      drag = { kind: "scrub" };
      player.seek(clamp(scale.time(at.x), 0, scale.duration_s));
    }
    if (drag) {
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    }
    point(at);
    host.redraw();
  }

  /**
   * @param {PointerEvent} event
   * @param {Point} at
   */
  function beginHits(event, at) {
    const hit = hitAt(at);
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    const selected = store.selection.hits;
    if (!hit) {
      drag = { kind: "lasso", x0: at.x, y0: at.y, x1: at.x, y1: at.y, before: more ? new Set(selected) : new Set() };
      if (!more && selected.size) store.select({ hits: new Set() });
      return;
    }
    const wasChosen = selected.has(hit.id);
    if (!wasChosen) store.select({ hits: more ? new Set([...selected, hit.id]) : new Set([hit.id]), soundId: hit.sound_id });
    if (host.isLocked()) return;
    const moved = project().hits.filter((h) => store.selection.hits.has(h.id));
    drag = {
      kind: "hits", axis: null, hit, x0: at.x, y0: at.y, start_s: scale.start_s,
      from: new Map(moved.map((h) => [h.id, { time_s: h.time_s, velocity_db: h.velocity_db }])),
      toggles: more && wasChosen, alone: !more && wasChosen && selected.size > 1, delta_s: 0, delta_db: 0,
    };
  }

  // --- moving -------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  function onMove(event) {
    const at = place(event);
    last = { ...at, shiftKey: event.shiftKey };
    if (!drag) {
      point(at);
      return;
    }
    if (drag.kind === "scrub") player.seek(clamp(scale.time(at.x), 0, scale.duration_s));
    else if (drag.kind === "pan") {
      scale.isFit = false;
      scale.scrollTo(drag.start_s - (at.x - drag.x0) / scale.px_per_s);
    } else if (drag.kind === "span") markSpan(at);
    else if (drag.kind === "lasso") lasso(at);
    else moveHits(at, event.shiftKey);
    host.redraw();
  }

  /**
   * @param {Point} at
   * @param {boolean} snaps
   */
  function moveHits(at, snaps) {
    const dx = at.x - drag.x0 + (scale.start_s - drag.start_s) * scale.px_per_s;
    const dy = at.y - drag.y0;
    if (!drag.axis) {
      if (Math.hypot(dx, dy) < MOVED_PX) return;
      drag.axis = Math.abs(dx) >= Math.abs(dy) ? "time" : "velocity";
    }
    const changes = new Map();
    if (drag.axis === "time") {
      drag.delta_s = allowedDelta(dx / scale.px_per_s, snaps);
      for (const [id, { time_s }] of drag.from) changes.set(id, { time_s: time_s + drag.delta_s });
      keepInSight(at.x);
    } else {
      drag.delta_db = -dy * velocityScale(host.lanes().hits).db_per_px;
      for (const [id, { velocity_db }] of drag.from) changes.set(id, { velocity_db: clamp(velocity_db + drag.delta_db, SOFTEST_DB, HARDEST_DB) });
    }
    store.previewHits(changes);
    showDragTip();
  }

  /**
   * How far all dragged hits can go together; with ``snaps`` the one under the hand lands on a frame.
   * @param {number} delta_s
   * @param {boolean} snaps
   */
  function allowedDelta(delta_s, snaps) {
    const times = [...drag.from.values()].map((from) => from.time_s);
    let wanted_s = delta_s;
    if (snaps) {
      const from_s = drag.from.get(drag.hit.id).time_s;
      wanted_s = Math.round((from_s + delta_s) * scale.rate) / scale.rate - from_s;
    }
    return clamp(wanted_s, -Math.min(...times), scale.duration_s - Math.max(...times));
  }

  /** @param {number} x */
  function keepInSight(x) {
    if (scale.isFit) return;
    if (x > scale.width - EDGE_PX) scale.scrollBy(x - scale.width + EDGE_PX);
    else if (x < EDGE_PX) scale.scrollBy(x - EDGE_PX);
  }

  /** @param {Point} at */
  function markSpan(at) {
    const to_s = clamp(scale.time(at.x), 0, scale.duration_s);
    span = { start_s: Math.min(drag.from_s, to_s), end_s: Math.max(drag.from_s, to_s) };
    host.tip(`${(1000 * (span.end_s - span.start_s)).toFixed(0)} ms of the clip's sound`, at.x);
  }

  /** @param {Point} at */
  function lasso(at) {
    Object.assign(drag, { x1: at.x, y1: at.y });
    if (Math.hypot(at.x - drag.x0, at.y - drag.y0) < MOVED_PX) return;
    drag.moved = true;
    const velocity = velocityScale(host.lanes().hits);
    const [left, right] = [Math.min(drag.x0, at.x), Math.max(drag.x0, at.x)];
    const top = Math.min(drag.y0, at.y);
    const chosen = new Set(drag.before);
    for (const hit of project().hits) {
      const x = scale.x(hit.time_s);
      // A stem that the box crosses counts, so that a low sweep takes everything it passes.
      if (x >= left && x <= right && velocity.bottom >= top && velocity.y(hit.velocity_db) <= Math.max(drag.y0, at.y) + 6) chosen.add(hit.id);
    }
    if (chosen.size !== store.selection.hits.size || [...chosen].some((id) => !store.selection.hits.has(id))) store.select({ hits: chosen });
  }

  // --- ending -------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!drag) return;
    const done = drag;
    drag = null;
    if (done.kind === "hits") endHits(done);
    else if (done.kind === "span" && span && span.end_s - span.start_s >= SHORTEST_SPAN_S) host.spanMenu(span, event.clientX, event.clientY);
    else if (done.kind === "span") span = null;
    host.tip(null);
    if (last) point(last);
    host.redraw();
  }

  function endHits(done) {
    const ids = [...done.from.keys()];
    if (done.axis === "time") {
      if (Math.abs(done.delta_s) > 1e-9) store.edit({ kind: "move_hits", ids, delta_s: done.delta_s }, newGesture());
      else store.previewHits(null);
    } else if (done.axis === "velocity") {
      const gesture = newGesture();
      for (const [id, { velocity_db }] of done.from) {
        store.edit({ kind: "set_hits", ids: [id], values: { velocity_db: clamp(velocity_db + done.delta_db, SOFTEST_DB, HARDEST_DB) } }, gesture);
      }
    } else if (done.toggles) store.select({ hits: new Set([...store.selection.hits].filter((id) => id !== done.hit.id)) });
    else if (done.alone) store.select({ hits: new Set([done.hit.id]), soundId: done.hit.sound_id });
  }

  /** Give up a drag and put everything back; whether there was one. */
  function cancel() {
    if (!drag && !span) return false;
    if (drag?.kind === "hits") store.previewHits(null);
    drag = span = null;
    host.tip(null);
    host.redraw();
    return true;
  }

  // --- showing ------------------------------------------------------------------------------------

  function showDragTip() {
    const shown = project().hits.find((hit) => hit.id === drag.hit.id);
    if (!shown) return;
    const from = drag.from.get(drag.hit.id);
    const x = scale.x(from.time_s + drag.delta_s);
    if (drag.axis === "time") host.tip(`${formatTimecode(from.time_s + drag.delta_s, project().clip)}   ${formatDelta(drag.delta_s, scale.rate)}`, x);
    else host.tip(`${formatDb(clamp(from.velocity_db + drag.delta_db, SOFTEST_DB, HARDEST_DB), true)}   ${formatDb(drag.delta_db, true)}`, x);
  }

  /**
   * What lies under a resting pointer: cursor, highlight and words.
   * @param {Point} at
   */
  function point(at) {
    const lane = project() ? laneAt(at.y) : null;
    const hit = lane === "hits" ? hitAt(at) : null;
    const cursors = { ruler: "text", hits: hit ? "grab" : "crosshair" };
    if (drag?.kind === "hits") canvas.style.cursor = drag.axis === "velocity" ? "ns-resize" : drag.axis ? "ew-resize" : "grabbing";
    else if (drag?.kind === "pan") canvas.style.cursor = "grabbing";
    else canvas.style.cursor = cursors[lane] ?? "default";
    if (!drag) {
      if (hit) {
        const sound = project().sounds.find((s) => s.id === hit.sound_id);
        const words = [formatTimecode(hit.time_s, project().clip), sound?.name, formatDb(hit.velocity_db, true), hit.mute && "muted", !store.rendered.has(hit.id) && "not sampled yet"];
        host.tip(words.filter(Boolean).join("  ·  "), scale.x(hit.time_s));
      } else host.tip(null);
    }
    if ((hit?.id ?? null) !== hovered) {
      hovered = hit?.id ?? null;
      host.redraw();
    }
  }

  function onLeave() {
    if (drag) return;
    hovered = null;
    host.tip(null);
    host.redraw();
  }

  /** @param {PointerEvent} event */
  function onDouble(event) {
    const at = place(event);
    if (laneAt(at.y) !== "hits" || !project()) return;
    const hit = hitAt(at);
    if (hit) audio.auditionHit(hit.id)?.catch?.(() => {});
    else host.addHitAt(scale.time(at.x), velocityScale(host.lanes().hits).velocity_db(at.y));
  }

  /** @param {PointerEvent} event */
  function onMenu(event) {
    const hit = hitAt(place(event));
    if (!hit) return;
    event.preventDefault();
    if (!store.selection.hits.has(hit.id)) store.select({ hits: new Set([hit.id]), soundId: hit.sound_id });
    host.menu(hit, event.clientX, event.clientY);
  }

  /** @param {PointerEvent} event */
  function onWheel(event) {
    if (!project()) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) scale.scrollBy((event.deltaX || event.deltaY) * unit);
    else scale.zoom(Math.exp(-clamp(event.deltaY * unit, -240, 240) * (event.ctrlKey ? 0.01 : 0.0022)), place(event).x);
    host.scrolled();
    host.redraw();
  }

  for (const [name, react] of [["pointerdown", onDown], ["pointermove", onMove], ["pointerup", onUp], ["pointercancel", cancel], ["pointerleave", onLeave], ["dblclick", onDouble], ["contextmenu", onMenu]]) canvas.addEventListener(name, react);
  canvas.addEventListener("wheel", onWheel, { passive: false });

  return {
    cancel,
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
 * "+1 frame", "−12 ms", "+2 frames −3 ms"-free: frames where they are whole, milliseconds beside them otherwise.
 * @param {number} delta_s
 * @param {number} rate
 */
function formatDelta(delta_s, rate) {
  const sign = delta_s < 0 ? "\u2212" : "+";
  const frames = Math.abs(delta_s) * rate;
  const whole = Math.round(frames);
  const ms = `${sign}${(Math.abs(delta_s) * 1000).toFixed(Math.abs(delta_s) < 0.1 ? 1 : 0)} ms`;
  if (Math.abs(frames - whole) < 0.01) return `${whole ? sign : "±"}${whole} ${whole === 1 ? "frame" : "frames"}`;
  return `${ms}   ${sign}${frames.toFixed(1)} f`;
}
