// The mode editor: what the pointer and the keys do to the stems.

import { drawModes, HIGHEST_HZ, LOWEST_HZ, planeOf, rangeOf, tailDecay, tailLength } from "./modes_plot.js";
import { clamp, decayToT60 } from "../audio/units.js";
import { centsOff, formatDb, formatHz, formatSeconds, noteName } from "../widgets/format.js";
import { make, newGesture } from "../widgets/controls.js";
/** @import { Point, Sound } from "../state/types.d.ts" */

const HEAD_PX = 9;
const STEM_PX = 4;
const MOVED_PX = 3;
const DEFAULT_DECAY_PER_S = 8;
const WIDEST = { low_hz: LOWEST_HZ, high_hz: HIGHEST_HZ };

/**
 * ``host``: {edit (see mode_draft.js), shownSound() -> the sound as heard, ownModes() -> its own modes or null if they are those, color(), selected() -> Set, select(Set), levels(), add(f, p, d),
 * remove(indices), mute(indices, muted), strike(), zoomed(boolean)}.
 * @param {Host} host
 */
export function createModes(host) {
  const canvas = make("canvas", "ins-canvas", { tabIndex: 0, role: "application", "aria-label": "Modes of the sound: drag stems to change frequency and power" });
  const tip = make("div", "ins-tip", { hidden: true });
  const element = make("div", "ins-modes", {}, canvas, tip);
  let zoom = { ...WIDEST };
  /** @type {LevelRange | null} */
  let range = null;
  /** @type {string | null} */
  let soundId = null;
  let plane = planeOf(10, 10, zoom, { top_db: 0, bottom_db: -60 });
  /** @type {number | null} */
  let hovered = null;
  /** @type {Point | null} */
  let pointer = null;
  /** @type {Drag | null} */
  let drag = null;
  let wanted = false;
  const nudge = { gesture: "", at_ms: -Infinity }; // a run of arrow keys is one undo entry

  function refresh() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(draw);
  }

  function measure() {
    const sound = host.shownSound();
    if (sound?.id !== soundId) {
      soundId = sound?.id ?? null;
      range = null;
      hovered = null;
      zoom = { ...WIDEST };
      host.zoomed(false);
    }
    if (sound && !drag && !host.edit.active) range = rangeOf(sound.modes);
    const box = element.getBoundingClientRect();
    plane = planeOf(box.width, box.height, zoom, range ?? { top_db: 0, bottom_db: -60 });
    return sound;
  }

  function draw() {
    wanted = false;
    if (!element.isConnected || !element.clientWidth) return;
    const sound = measure();
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(plane.width * scale), Math.round(plane.height * scale)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    drawModes(canvas, plane, {
      sound, ghosts: host.ownModes(), color: host.color(), selected: host.selected(), hovered, levels: host.levels(),
      lasso: drag?.kind === "lasso" ? drag : null, focused: document.activeElement === canvas && canvas.matches(".by-keys *"),
    });
    showTip(sound);
  }

  /** @param {Sound | null} sound */
  function showTip(sound) {
    const modes = sound?.modes;
    const index = drag?.index ?? hovered;
    tip.hidden = index === null || index === undefined || !modes || index >= modes.frequency_hz.length;
    if (tip.hidden) return;
    const hz = modes.frequency_hz[index];
    const cents = centsOff(hz);
    tip.textContent = [
      formatHz(hz), `${noteName(hz)}${cents ? ` ${cents > 0 ? "+" : "\u2212"}${Math.abs(cents)} c` : ""}`,
      formatDb(modes.power_db[index]), `T60 ${formatSeconds(decayToT60(modes.decay_per_s[index]))}`,
    ].join("  ·  ") + (modes.muted?.[index] ? "  ·  muted" : "");
    const x = plane.x(hz);
    const y = plane.y(modes.power_db[index]);
    tip.style.left = `${clamp(x - tip.offsetWidth / 2, 4, plane.width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${y > 44 ? Math.min(y, plane.bottom) - 36 : y + 14}px`;
  }

  // --- pointing ------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  /**
   * The mode under a point, and whether its tail's end is meant.
   * @param {Point} at
   */
  function find({ x, y }) {
    const modes = host.shownSound()?.modes;
    let best = { index: null, tail: false, distance: Infinity };
    if (!modes) return best;
    modes.frequency_hz.forEach((frequency_hz, index) => {
      const mx = plane.x(frequency_hz);
      const my = clamp(plane.y(modes.power_db[index]), plane.top - 4, plane.bottom);
      const favour = host.selected().has(index) ? 1 : 0;
      /** @param {boolean} tail */
      const consider = (distance, tail) => {
        if (distance - favour < best.distance) best = { index, tail, distance: distance - favour };
      };
      const head = Math.hypot(x - mx, y - my);
      if (head <= HEAD_PX) consider(head, false);
      else if (Math.abs(x - mx) <= STEM_PX && y > my) consider(HEAD_PX + Math.abs(x - mx), false);
      else if (index === hovered || host.selected().has(index)) {
        if (Math.hypot(x - mx - tailLength(modes.decay_per_s[index]), y - my) < 7) consider(HEAD_PX - 1, true);
      }
    });
    return best;
  }

  /** @param {PointerEvent} event */
  function onDown(event) {
    if (event.button !== 0) return;
    canvas.focus({ preventScroll: true });
    if (!host.shownSound()) return;
    const at = place(event);
    const { index, tail } = find(at);
    canvas.setPointerCapture(event.pointerId);
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    if (index === null) {
      drag = { kind: "lasso", x0: at.x, y0: at.y, x1: at.x, y1: at.y, before: more ? new Set(host.selected()) : new Set(), moved: false };
      if (!more) host.select(new Set());
    } else {
      const selected = host.selected();
      const wasChosen = selected.has(index);
      if (!wasChosen) host.select(more ? new Set([...selected, index]) : new Set([index]));
      drag = { kind: tail || event.altKey ? "decay" : "move", index, x0: at.x, y0: at.y, toggles: more && wasChosen, alone: !more && wasChosen && selected.size > 1, moved: false, axis: null };
    }
    refresh();
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    pointer = place(event);
    if (!drag) {
      const found = find(pointer);
      canvas.style.cursor = found.index === null ? "crosshair" : found.tail || event.altKey ? "ew-resize" : "grab";
      if (found.index !== hovered) {
        hovered = found.index;
        refresh();
      }
      return;
    }
    const dx = pointer.x - drag.x0;
    const dy = pointer.y - drag.y0;
    if (!drag.moved && Math.hypot(dx, dy) < MOVED_PX) return;
    if (!drag.moved) {
      drag.moved = true;
      if (drag.kind !== "lasso") host.edit.begin(host.selected());
    }
    if (drag.kind === "lasso") lasso();
    else if (drag.kind === "decay") {
      const start = host.shownSound() && tailLength(drag.decay_per_s ??= host.shownSound().modes.decay_per_s[drag.index]);
      host.edit.scale(1, 0, tailDecay(clamp(start + dx, 0.5, 113)) / drag.decay_per_s);
    } else {
      if (!event.shiftKey) drag.axis = null;
      else drag.axis ??= Math.abs(dx) > Math.abs(dy) ? "frequency" : "power";
      canvas.style.cursor = "grabbing";
      host.edit.scale(drag.axis === "power" ? 1 : plane.ratioOf(dx), drag.axis === "frequency" ? 0 : plane.dbOf(dy), 1);
    }
    refresh();
  }

  function lasso() {
    Object.assign(drag, { x1: pointer.x, y1: pointer.y });
    const [left, right] = [Math.min(drag.x0, drag.x1), Math.max(drag.x0, drag.x1)];
    const [top, bottom] = [Math.min(drag.y0, drag.y1), Math.max(drag.y0, drag.y1)];
    const { modes } = host.shownSound();
    const chosen = new Set(drag.before);
    modes.frequency_hz.forEach((frequency_hz, i) => {
      const x = plane.x(frequency_hz);
      const y = clamp(plane.y(modes.power_db[i]), plane.top - 4, plane.bottom);
      if (x >= left && x <= right && y >= top && y <= bottom) chosen.add(i);
    });
    host.select(chosen);
  }

  function onUp() {
    if (!drag) return;
    const done = drag;
    drag = null;
    if (done.kind !== "lasso" && done.moved) host.edit.commit();
    else if (done.toggles) host.select(new Set([...host.selected()].filter((i) => i !== done.index)));
    else if (done.alone) host.select(new Set([done.index]));
    refresh();
  }

  function abandon() {
    if (drag && drag.kind !== "lasso" && drag.moved) host.edit.cancel();
    drag = null;
    refresh();
  }

  /** @param {Point} at */
  function addAt({ x, y }) {
    const modes = host.shownSound()?.modes;
    if (!modes || x < plane.left || y > plane.bottom) return;
    const hz = clamp(plane.hz(x), LOWEST_HZ, HIGHEST_HZ);
    let decay_per_s = DEFAULT_DECAY_PER_S;
    let nearest = Infinity;
    modes.frequency_hz.forEach((f, i) => {
      const distance = Math.abs(Math.log(f / hz));
      if (distance < nearest) [nearest, decay_per_s] = [distance, modes.decay_per_s[i]];
    });
    host.add(hz, clamp(plane.db(y), -120, 12), decay_per_s);
  }

  /**
   * @param {number} low_hz
   * @param {number} high_hz
   */
  function setZoom(low_hz, high_hz) {
    const span = clamp(high_hz / low_hz, 1.25, HIGHEST_HZ / LOWEST_HZ);
    const middle = Math.sqrt(low_hz * high_hz);
    let low = middle / Math.sqrt(span);
    low = clamp(low, LOWEST_HZ, HIGHEST_HZ / span);
    zoom = { low_hz: low, high_hz: low * span };
    host.zoomed(span < (HIGHEST_HZ / LOWEST_HZ) * 0.99);
    refresh();
  }

  /** @param {PointerEvent} event */
  function onWheel(event) {
    event.preventDefault();
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const span = Math.log(zoom.high_hz / zoom.low_hz);
    if (sideways) {
      const shift = Math.exp(((event.deltaX || event.deltaY) / 900) * span);
      setZoom(zoom.low_hz * shift, zoom.high_hz * shift);
    } else {
      const at = clamp(plane.hz(place(event).x), zoom.low_hz, zoom.high_hz);
      const factor = Math.exp(clamp(event.deltaY, -200, 200) / 500);
      setZoom(at * Math.exp(Math.log(zoom.low_hz / at) * factor), at * Math.exp(Math.log(zoom.high_hz / at) * factor));
    }
  }

  /** @param {PointerEvent} event */
  function onKey(event) {
    const modes = host.shownSound()?.modes;
    if (!modes) return;
    const chosen = [...host.selected()].sort((a, b) => a - b);
    const command = event.ctrlKey || event.metaKey;
    const fine = event.shiftKey ? 10 : 1;
    const nudges = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const key = event.key.toLowerCase();
    if (command && key === "a") host.select(new Set(modes.frequency_hz.keys()));
    else if (command) return; // undo, redo and save belong to the page
    else if (event.key === "Escape") drag ? abandon() : host.select(new Set());
    else if (key === "m" && chosen.length) host.mute(chosen, !chosen.every((i) => modes.muted?.[i]));
    else if (["Delete", "Backspace"].includes(event.key)) chosen.length && host.remove(chosen);
    else if (key === "n") addAt(pointer ?? { x: (plane.left + plane.right) / 2, y: (plane.top + plane.bottom) / 2 });
    else if (event.key === "Enter") host.strike();
    else if (nudges[event.key] && chosen.length) {
      const [across, up] = nudges[event.key];
      if (event.timeStamp - nudge.at_ms > 800) nudge.gesture = newGesture();
      nudge.at_ms = event.timeStamp;
      host.edit.begin(host.selected(), nudge.gesture);
      host.edit.scale(2 ** ((across * 5 * fine) / 1200), (up * fine) / 2, 1);
      host.edit.commit();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  for (const [name, react] of [["pointerdown", onDown], ["pointermove", onMove], ["pointerup", onUp], ["pointercancel", abandon], ["keydown", onKey]]) canvas.addEventListener(name, react);
  canvas.addEventListener("dblclick", (event) => find(place(event)).index === null && addAt(place(event)));
  canvas.addEventListener("pointerleave", () => {
    hovered = null;
    if (!drag) pointer = null;
    refresh();
  });
  canvas.addEventListener("wheel", onWheel, { passive: false });
  canvas.addEventListener("focus", refresh);
  canvas.addEventListener("blur", refresh);
  const observer = new ResizeObserver(refresh);
  observer.observe(element);

  return {
    element, refresh,
    showAll: () => setZoom(LOWEST_HZ, HIGHEST_HZ),
    /**
     * Page position of a mode's head.
     * @param {number} index
     */
    locate(index) {
      const sound = measure();
      const box = canvas.getBoundingClientRect();
      const { frequency_hz, power_db } = sound.modes;
      return { x: box.left + scrollX + plane.x(frequency_hz[index]), y: box.top + scrollY + clamp(plane.y(power_db[index]), plane.top - 4, plane.bottom) };
    },
    dispose: () => observer.disconnect(),
  };
}
