// @ts-check
// The mode editor: what the pointer and the keys do to the stems.

import { t } from "../texts/t.js";
import { drawModes, HIGHEST_HZ, LOWEST_HZ, planeOf, rangeOf, tailDecay, tailLength } from "./modes_plot.js";
import { comboOf } from "../actions/combos.js";
import { clamp } from "../audio/units.js";
import { createKeyRun, make } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { byFrequency, chooseBeside, describeMode, isReached, STEPS } from "./chosen.js";
import { modesInBox, headOf, modeUnder } from "./mode_picking.js";
import { boxOf, pagePlace, pointIn } from "../widgets/page_scale.js";
/** @import { Box, Modes, Point, Sound } from "../state/types.d.ts" */

/** @import { LevelRange } from "./modes_plot.js" */
/**
 * @typedef {object} Host what the mode editor shows and asks for
 * @property {ReturnType<typeof import("./mode_draft.js").createModeEdit>} edit
 * @property {() => Sound | null} shownSound as it is heard
 * @property {() => Modes | null} ownModes without macros; null if they are the same
 * @property {() => string} color
 * @property {() => Set<number>} selected
 * @property {(modes: Set<number>) => void} select
 * @property {() => Float32Array | null} levels of the rendered sound's spectrum
 * @property {(frequency_hz: number, power_db: number, decay_per_s: number) => void} add
 * @property {(indices: number[]) => void} remove
 * @property {(indices: number[], muted: boolean) => void} mute
 * @property {() => void} strike
 * @property {(isZoomed: boolean) => void} zoomed
 * @property {() => void} refuse say that no mode is chosen
 */
/** @typedef {Box & {kind: "lasso", before: Set<number>, moved: boolean}} LassoDrag */
/**
 * @typedef {object} ModeDrag
 * @property {"move" | "decay"} kind
 * @property {number} index of the mode that was pressed
 * @property {number} x0
 * @property {number} y0
 * @property {boolean} toggles whether a press without a move takes the mode out of the selection
 * @property {boolean} alone whether it leaves only this mode selected
 * @property {boolean} moved
 * @property {"frequency" | "power" | null} axis with the shift key
 * @property {number} decay_per_s where it began
 */

const MOVED_PX = 3;
const BAR_MARGIN_PX = 14; // of a bar over the plot, with half a mode's head
const DEFAULT_DECAY_PER_S = 8;
const WIDEST = { low_hz: LOWEST_HZ, high_hz: HIGHEST_HZ };

/**
 * The plot of a sound's modes, and what pointer and keys do to them.
 * @param {Host} host
 */
export function createModes(host) {
  const canvas = make("canvas", "ins-canvas", { tabIndex: 0, role: "application", "aria-label": t("modes.modes_of_the") });
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
  /** @type {LassoDrag | ModeDrag | null} */
  let drag = null;
  let wanted = false;
  /** @type {HTMLElement | null} */
  let floating = null;
  const run = createKeyRun();

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
    const box = boxOf(element);
    plane = planeOf(box.width, box.height, zoom, range ?? { top_db: 0, bottom_db: -60 });
    return sound;
  }

  function draw() {
    wanted = false;
    if (!element.isConnected || !element.clientWidth) return;
    const sound = measure();
    drawModes(canvas, plane, {
      sound, ghosts: host.ownModes(), color: host.color(), selected: host.selected(), hovered, levels: host.levels(),
      lasso: drag?.kind === "lasso" ? drag : null, focused: isReached(canvas),
    });
    showTip(sound);
    if (sound && floating && !floating.hidden && !drag && !host.edit.active) keepClear(floating, sound.modes);
  }

  /**
   * A bar over the plot stands on the left where on the right it would hide a mode's head.
   * @param {HTMLElement} bar
   * @param {Modes} modes
   */
  function keepClear(bar, modes) {
    const [width, height] = [bar.offsetWidth + BAR_MARGIN_PX, bar.offsetHeight + BAR_MARGIN_PX];
    const high = modes.frequency_hz.map((_, i) => headOf(modes, i, plane)).filter(({ y }) => y < height);
    const isRightTaken = high.some(({ x }) => x > plane.width - width);
    bar.classList.toggle("is-left", isRightTaken && !high.some(({ x }) => x < plane.left + width));
  }

  /** @param {Sound | null} sound */
  function showTip(sound) {
    const modes = sound?.modes;
    const [first, ...others] = isReached(canvas) ? host.selected() : [];
    const index = drag && drag.kind !== "lasso" ? drag.index : (hovered ?? (others.length ? null : (first ?? null)));
    tip.hidden = true;
    if (index === null || !modes || index >= modes.frequency_hz.length) return;
    tip.hidden = false;
    tip.textContent = describeMode(modes, index).join("  ·  ");
    const x = plane.x(modes.frequency_hz[index]);
    const y = plane.y(modes.power_db[index]);
    tip.style.left = `${clamp(x - tip.offsetWidth / 2, 4, plane.width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${y > 44 ? Math.min(y, plane.bottom) - 36 : y + 14}px`;
  }

  // --- pointing ------------------------------------------------------------------------------------

  /** @param {MouseEvent} event */
  const place = (event) => pointIn(canvas, event);

  /** @param {Point} at */
  function find(at) {
    const modes = host.shownSound()?.modes;
    return modes ? modeUnder(modes, at, plane, host.selected(), hovered) : { index: null, tail: false };
  }

  /** @param {PointerEvent} event */
  function begin(event) {
    if (event.button !== 0) return null;
    canvas.focus({ preventScroll: true });
    const sound = host.shownSound();
    if (!sound) return null;
    const at = place(event);
    const { index, tail } = find(at);
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    if (index === null) {
      drag = { kind: "lasso", x0: at.x, y0: at.y, x1: at.x, y1: at.y, before: more ? new Set(host.selected()) : new Set(), moved: false };
      if (!more) host.select(new Set());
    } else {
      const selected = host.selected();
      const wasChosen = selected.has(index);
      if (!wasChosen) host.select(more ? new Set([...selected, index]) : new Set([index]));
      drag = {
        kind: tail || event.altKey ? "decay" : "move", index, x0: at.x, y0: at.y, moved: false, axis: null,
        toggles: more && wasChosen, alone: !more && wasChosen && selected.size > 1, decay_per_s: sound.modes.decay_per_s[index],
      };
    }
    refresh();
    return { move, end, cancel: abandon };
  }

  /** @param {PointerEvent} event */
  function move(event) {
    const at = place(event);
    pointer = at;
    if (!drag || (!drag.moved && Math.hypot(at.x - drag.x0, at.y - drag.y0) < MOVED_PX)) return;
    if (!drag.moved && drag.kind !== "lasso") host.edit.begin(host.selected());
    drag.moved = true;
    if (drag.kind === "lasso") lasso(drag, at);
    else moveModes(drag, at, event.shiftKey);
    refresh();
  }

  /**
   * @param {ModeDrag} held
   * @param {Point} at
   * @param {boolean} straight along one axis
   */
  function moveModes(held, at, straight) {
    const [dx, dy] = [at.x - held.x0, at.y - held.y0];
    if (held.kind === "decay") {
      host.edit.scale(1, 0, tailDecay(clamp(tailLength(held.decay_per_s) + dx, 0.5, 113)) / held.decay_per_s);
      return;
    }
    if (!straight) held.axis = null;
    else held.axis ??= Math.abs(dx) > Math.abs(dy) ? "frequency" : "power";
    canvas.style.cursor = "grabbing";
    host.edit.scale(held.axis === "power" ? 1 : plane.ratioOf(dx), held.axis === "frequency" ? 0 : plane.dbOf(dy), 1);
  }

  /**
   * @param {LassoDrag} held
   * @param {Point} at
   */
  function lasso(held, at) {
    Object.assign(held, { x1: at.x, y1: at.y });
    const modes = host.shownSound()?.modes;
    if (modes) host.select(new Set([...held.before, ...modesInBox(modes, held, plane)]));
  }

  function end() {
    if (!drag) return;
    const done = drag;
    drag = null;
    if (done.kind !== "lasso") {
      if (done.moved) host.edit.commit();
      else if (done.toggles) host.select(new Set([...host.selected()].filter((i) => i !== done.index)));
      else if (done.alone) host.select(new Set([done.index]));
    }
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

  /** @param {WheelEvent} event */
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

  /**
   * Choose the mode before or after the chosen ones, and bring it into sight.
   * @param {Modes} modes
   * @param {1 | -1} step
   */
  function goToMode(modes, step) {
    const next = chooseBeside(byFrequency(modes), host.selected(), step);
    if (next === null) return;
    hovered = null; // what is said beside the plot is of the mode that the keys chose
    host.select(new Set([next]));
    const hz = modes.frequency_hz[next];
    if (hz >= zoom.low_hz && hz <= zoom.high_hz) return;
    const reach = Math.sqrt(zoom.high_hz / zoom.low_hz);
    setZoom(hz / reach, hz * reach);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const modes = host.shownSound()?.modes;
    if (!modes) return;
    const chosen = [...host.selected()].sort((a, b) => a - b);
    const combo = comboOf(event); // "[" is written with AltGr on many keyboards
    const step = STEPS[combo];
    const fine = event.shiftKey ? 10 : 1;
    /** @type {Record<string, [number, number]>} */
    const nudges = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (combo === "Mod+A") host.select(new Set(modes.frequency_hz.keys()));
    else if (combo.startsWith("Mod+")) return; // undo, redo and save belong to the page
    else if (event.key === "Escape") drag ? abandon() : host.select(new Set());
    else if (step) goToMode(modes, step);
    else if (combo === "M") chosen.length ? host.mute(chosen, !chosen.every((i) => modes.muted?.[i])) : host.refuse(); // not the hit
    else if (["Delete", "Backspace"].includes(event.key)) chosen.length ? host.remove(chosen) : host.refuse();
    else if (combo === "N") addAt(pointer ?? { x: (plane.left + plane.right) / 2, y: (plane.top + plane.bottom) / 2 });
    else if (event.key === "Enter") host.strike();
    else if (nudges[event.key] && !chosen.length && !event.altKey) host.refuse(); // nor is the hit moved
    else if (nudges[event.key] && chosen.length) {
      const [across, up] = nudges[event.key];
      host.edit.begin(host.selected(), run.at(event.timeStamp));
      host.edit.scale(2 ** ((across * 5 * fine) / 1200), (up * fine) / 2, 1);
      host.edit.commit();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  watchDrags(canvas, begin);
  canvas.addEventListener("pointermove", (event) => {
    if (drag) return;
    pointer = place(event);
    const found = find(pointer);
    canvas.style.cursor = found.index === null ? "crosshair" : found.tail || event.altKey ? "ew-resize" : "grab";
    if (found.index !== hovered) {
      hovered = found.index;
      refresh();
    }
  });
  canvas.addEventListener("keydown", onKey);
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
    /** @param {HTMLElement} bar shown over the plot, where it hides no mode */
    float(bar) {
      floating = bar;
      element.append(bar);
    },
    /**
     * Page position of a mode's head.
     * @param {number} index
     */
    locate(index) {
      const sound = measure();
      if (!sound) throw new Error("no sound is shown");
      const head = headOf(sound.modes, index, plane);
      return pagePlace(canvas, head);
    },
    dispose: () => observer.disconnect(),
  };
}
