// @ts-check
// The residual: a bar for each noise band, painted for power or for decay, for one of its components; and how it comes in.

import { comboOf } from "../actions/combos.js";
import { clamp, decayToT60, geometricMean, mean, t60ToDecay } from "../audio/units.js";
import { findWord, t } from "../texts/t.js";
import { chooseBeside, describeBand, describeBands, isReached, STEPS } from "./chosen.js";
import { NOISE_COMPONENTS } from "./comparison_plots.js";
import { strokeOver } from "./noise_strokes.js";
import { formatDb, formatSeconds, parseDb, parseSeconds } from "../widgets/format.js";
import { createEntry, createKeyRun, createSegments, createSlider, make, newGesture } from "../widgets/controls.js";
import { boxOf, pageScale, pointOf } from "../widgets/page_scale.js";
import { COLORS } from "../widgets/theme.js";
/** @import { ComponentName, DraftHost, NoiseComponent, Residual, Sound, Store } from "../state/types.d.ts" */
/** @import { SetResidual } from "../state/protocol.d.ts" */

/** @typedef {"power_db" | "decay_per_s"} NoiseQuantity */
/** @typedef {{component: ComponentName, name: NoiseQuantity, soundId: string, values: Map<number, number>}} Draft */
/** @import { Place } from "./noise_strokes.js" */
/** @typedef {{index: number, last: Place, y0: number, x0: number, paints: boolean, before: Set<number>, moved: boolean, wasOnly: boolean}} Drag */
/** @typedef {{names: ComponentName[], element: HTMLElement, set: (value: ComponentName) => void}} ComponentSwitch */
/** @typedef {Omit<Parameters<typeof createSlider>[0], "label" | "help" | "onStart" | "onInput" | "onCommit">} Settings */

/** @type {[number, number]} */
const POWER_DB = [-120, 24];
/** @type {[number, number]} */
const T60_S = [0.001, 60];
const SHOWN_T60_S = { attack: [0.001, 0.3], strike: [0.005, 10], tail: [0.005, 10], room: [0.02, 10] };
const COMPONENT_HELP = { attack: t("residual.the_burst_of"), strike: t("residual.the_strikes_own"), tail: t("residual.the_noises_slower"), room: t("residual.the_rooms_diffuse") };
const LONGEST_RISE_S = 0.1;
const LONGER = 1.05; // factor of the decay times by an arrow key
/** @type {(low: number, high: number) => [number, number]} */
const bounds = (low, high) => [low, high];

/**
 * ``host``: {sound(), preview(sound), committed(soundId)}.
 * @param {Store} store
 * @param {DraftHost} host
 */
export function createResidual(store, host) {
  /** @type {ComponentName} */
  let component = "strike";
  /** @type {NoiseQuantity} */
  let quantity = "power_db";
  /** @type {Set<number>} */
  let selected = new Set();
  /** @type {Draft | null} */
  let draft = null; // {component, name, soundId, values: Map index -> value}
  /** @type {Drag | null} */
  let drag = null;
  /** @type {number | null} */
  let hovered = null;
  /** @type {number | null} */
  let anchor = null;
  /** @type {string | null} */
  let soundId = null;
  /** @type {[number, number] | null} */
  let range = null;
  let wanted = false;
  const run = createKeyRun();

  const canvas = make("canvas", "ins-canvas", { tabIndex: 0, role: "application", "aria-label": t("residual.noise_bands_drag") });
  const tip = make("div", "ins-tip", { hidden: true });
  /** @type {ComponentSwitch | null} */
  let componentSwitch = null; // a switch among the components that the sound on show has
  const places = make("span", "ins-components");
  const quantities = createSegments({ label: t("residual.bars_show"), choices: [["power_db", t("residual.power"), t("residual.the_bars_are_how")], ["decay_per_s", t("common.decay"), t("residual.the_bars_are")]], onChoose: (value) => { quantity = value; range = null; refresh(); } });
  const rise = createEntry({
    label: t("residual.rise"),
    className: "ins-rise",
    /** @param {string} text */
    onEnter(text) {
      const rise_s = /^[\s0.]*(?:s|ms)?$/.test(text) || findWord(text, ["residual.no_rise"]) ? 0 : parseSeconds(text);
      if (rise_s === null) return false;
      host.committed(host.sound().id);
      store.edit({ kind: "set_rise", sound_id: host.sound().id, rise_s: clamp(rise_s, 0, LONGEST_RISE_S) }, newGesture());
      return true;
    },
  });
  const rises = make("label", "ins-rises", { title: t("residual.time_in_which_the") }, t("residual.rise"), rise.element);
  const plot = make("div", "ins-bands", {}, canvas, rises, tip);
  const power = slider(t("residual.noise_power"), t("residual.level_of_the"), "power_db", { min: POWER_DB[0], max: POWER_DB[1], format: (/** @type {number} */ v) => formatDb(v), read: parseDb });
  const decay = slider(t("residual.noise_decay"), t("residual.time_in_which"), "decay_per_s", { min: T60_S[0], max: 20, scale: "log", format: (/** @type {number} */ v) => `T60 ${formatSeconds(v)}`, read: parseSeconds });
  const head = make("div", "ins-row ins-residual-head", {}, places, quantities.element);
  const element = make("div", "ins-residual", {}, head, plot, make("div", "ins-residual-sliders", {}, power.element, decay.element));

  /**
   * @param {Residual | null | undefined} residual
   * @param {ComponentName} name
   * @returns {NoiseComponent | null | undefined}
   */
  const componentOf = (residual, name) => (name === "strike" ? residual : residual?.[name]);
  /** @param {Sound | null} sound */
  const partOf = (sound) => componentOf(sound?.residual, component);
  const bands = () => partOf(host.sound())?.power_db.length ?? 0;
  const chosen = () => (selected.size ? [...selected].filter((i) => i < bands()).sort((a, b) => a - b) : [...Array(bands()).keys()]);

  /**
   * @param {string} label
   * @param {string} help
   * @param {NoiseQuantity} name
   * @param {Settings} settings
   */
  function slider(label, help, name, settings) {
    const isDecay = name === "decay_per_s";
    /** @type {{indices: number[], values: number[]} | null} */
    let start = null;
    /** @param {number} value */
    const moved = (value) => {
      if (!start) return;
      const { indices, values } = start;
      const middle = isDecay ? geometricMean(values) : mean(values);
      change(name, indices, values.map((v) => (isDecay ? v * (t60ToDecay(value) / middle) : v + value - middle)));
    };
    return createSlider({
      label, help, ...settings,
      onStart() {
        /** @type {number[]} */
        const indices = chosen();
        const part = partOf(host.sound());
        start = part ? { indices, values: indices.map((i) => part[name][i]) } : null;
      },
      onInput: moved,
      /**
       * @param {number} value
       * @param {string} gesture
       */
      onCommit(value, gesture) {
        moved(value);
        commit(gesture);
      },
    });
  }

  /**
   * @param {NoiseQuantity} name
   * @param {number[]} indices
   * @param {number[]} values
   */
  function change(name, indices, values) {
    const now = draft?.name === name ? draft : { component, name, soundId: host.sound().id, values: new Map() };
    draft = now;
    const [low, high] = name === "power_db" ? POWER_DB : [t60ToDecay(T60_S[1]), t60ToDecay(T60_S[0])];
    indices.forEach((index, i) => now.values.set(index, clamp(values[i], low, high)));
    store.hold(residualEdit(now));
    host.preview(host.sound());
    refresh();
  }

  /**
   * @param {Draft} changed
   * @returns {SetResidual}
   */
  function residualEdit(changed) {
    const indices = [...changed.values.keys()].sort((a, b) => a - b);
    return { kind: "set_residual", sound_id: changed.soundId, component: changed.component, indices, [changed.name]: indices.map((i) => changed.values.get(i) ?? 0) };
  }

  function commit(gesture = newGesture()) {
    if (!draft) return;
    const edit = residualEdit(draft);
    draft = null;
    host.committed(edit.sound_id);
    store.edit(edit, gesture);
  }

  /** @param {ComponentName[]} names */
  function showComponents(names) {
    if (!componentSwitch || componentSwitch.names.join() !== names.join()) {
      const made = { names, ...createSegments({ label: t("residual.component"), choices: names.map((name) => [name, NOISE_COMPONENTS[name]]), onChoose: chooseComponent }) };
      [...made.element.children].forEach((segment, i) => (/** @type {HTMLElement} */ (segment).title = COMPONENT_HELP[names[i]]));
      places.replaceChildren(made.element);
      componentSwitch = made;
    }
    places.hidden = names.length < 2;
    componentSwitch?.set(component);
  }

  /** @param {ComponentName} name */
  function chooseComponent(name) {
    component = name;
    selected = new Set();
    range = null;
    refresh();
  }

  // --- drawing -------------------------------------------------------------------------------------

  function refresh() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(draw);
  }

  /** @param {NoiseComponent} part */
  function rangeNow(part) {
    if (quantity === "decay_per_s") return bounds(Math.log(SHOWN_T60_S[component][0]), Math.log(SHOWN_T60_S[component][1]));
    const top = Math.ceil((Math.max(...part.power_db) + 4) / 10) * 10;
    return bounds(top - clamp(Math.ceil((top - Math.min(...part.power_db) + 4) / 10) * 10, 50, 90), top);
  }

  /**
   * @param {NoiseComponent} part
   * @param {number} i
   */
  const heightOf = (part, i) => {
    const value = quantity === "power_db" ? part.power_db[i] : Math.log(Math.min(60, decayToT60(part.decay_per_s[i])));
    const [low, high] = range ?? rangeNow(part);
    return clamp((value - low) / (high - low), 0, 1);
  };

  function draw() {
    wanted = false;
    const sound = host.sound();
    if (sound?.id !== soundId) {
      soundId = sound?.id ?? null;
      selected = new Set();
      component = "strike";
      range = null;
    }
    if (!partOf(sound)) component = "strike";
    const part = partOf(sound);
    const count = part?.power_db.length ?? 0;
    showComponents(/** @type {ComponentName[]} */ (Object.keys(NOISE_COMPONENTS)).filter((name) => componentOf(sound?.residual, name)?.power_db.length));
    quantities.element.hidden = !count;
    quantities.set(quantity);
    const indices = chosen();
    quantities.element.title = selected.size ? t("residual.of_bands_chosen", { count: indices.length, count2: count }) : t("residual.bands", { count });
    rises.hidden = !count || component !== (sound.residual?.attack ? "attack" : "strike");
    rise.set(count ? formatSeconds(sound.residual?.rise_s ?? 0).replace(/^0(\.0)? ms$/, t("residual.no_rise")) : t("residual.no_rise"));
    power.set(part && count ? mean(indices.map((i) => part.power_db[i])) : null);
    decay.set(part && count ? decayToT60(geometricMean(indices.map((i) => part.decay_per_s[i]))) : null);
    if (!plot.clientWidth) return;
    const scale = (window.devicePixelRatio || 1) * pageScale();
    const { clientWidth: width, clientHeight: height } = plot;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    }
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.fillStyle = COLORS.plot;
    pen.fillRect(0, 0, width, height);
    if (!part || !count) {
      pen.fillStyle = COLORS.quiet;
      pen.font = "12px system-ui, sans-serif";
      pen.textBaseline = "middle";
      pen.fillText(t("common.this_sound_has"), 12, height / 2);
      tip.hidden = true;
      return;
    }
    if (!drag && !draft && !power.active && !decay.active) range = rangeNow(part);
    range ??= rangeNow(part);
    const step = (width - 12) / count;
    const gap = step > 6 ? 2 : 1;
    for (let i = 0; i < count; i++) {
      const tall = Math.max(2, heightOf(part, i) * (height - 12));
      pen.globalAlpha = selected.size && !selected.has(i) ? 0.55 : i === hovered ? 1 : 0.82;
      pen.fillStyle = selected.has(i) ? COLORS.action : COLORS.violet;
      pen.fillRect(6 + i * step + gap / 2, height - 6 - tall, step - gap, tall);
    }
    pen.globalAlpha = 1;
    showTip(sound, part, step, height);
  }

  /**
   * @param {Sound} sound
   * @param {NoiseComponent} part
   * @param {number} step
   * @param {number} height
   */
  function showTip(sound, part, step, height) {
    const [only, ...others] = isReached(canvas) ? selected : [];
    const index = drag?.index ?? hovered ?? (others.length ? null : only);
    tip.hidden = index === null || index === undefined || index >= part.power_db.length;
    if (tip.hidden || index === null || index === undefined || !sound.residual) return;
    tip.textContent = describeBand(sound.residual.edges_hz, part, index).join("  ·  ");
    tip.style.left = `${clamp(6 + (index + 0.5) * step - tip.offsetWidth / 2, 2, Math.max(2, plot.clientWidth - tip.offsetWidth - 2))}px`;
    tip.style.top = `${-tip.offsetHeight - 4}px`;
    tip.style.maxHeight = `${height}px`;
  }

  // --- pointing ------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  function at(event) {
    const box = boxOf(canvas);
    const point = pointOf(event);
    const count = bands();
    const index = clamp(Math.floor(((point.x - box.left - 6) / (box.width - 12)) * count), 0, count - 1);
    const part = clamp((box.bottom - 6 - point.y) / (box.height - 12), 0, 1);
    return { index, value: range ? range[0] + part * (range[1] - range[0]) : 0 };
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {Set<number>} before
   */
  function choose(from, to, before) {
    selected = new Set(before);
    for (let i = Math.min(from, to); i <= Math.max(from, to); i++) selected.add(i);
    refresh();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !bands()) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const { index } = at(event);
    drag = { index, last: at(event), y0: event.clientY, x0: event.clientX, paints: !(event.shiftKey || event.ctrlKey || event.metaKey), before: new Set(event.shiftKey || event.ctrlKey || event.metaKey ? selected : []), moved: false, wasOnly: selected.size === 1 && selected.has(index) };
    if (event.shiftKey && anchor !== null) choose(anchor, index, drag.before);
    else if (!drag.paints) {
      drag.before.has(index) ? drag.before.delete(index) : drag.before.add(index);
      selected = new Set(drag.before);
    }
    if (!event.shiftKey) anchor = index;
    refresh();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!bands()) return;
    const now = at(event);
    if (!drag) {
      canvas.style.cursor = "crosshair";
      if (hovered !== now.index) {
        hovered = now.index;
        refresh();
      }
      return;
    }
    if (!drag.moved && Math.hypot(event.clientX - drag.x0, event.clientY - drag.y0) < 3) return;
    drag.moved = true;
    if (drag.paints) {
      const { indices, values } = strokeOver(drag.last, now); // a fast stroke leaves no gap
      change(quantity, indices, values.map((value) => (quantity === "power_db" ? value : t60ToDecay(Math.exp(value)))));
    }
    else choose(drag.index, now.index, drag.before);
    drag.last = now;
    if (drag.paints) drag.index = now.index;
  });
  canvas.addEventListener("pointerup", () => {
    if (!drag) return;
    const done = drag;
    drag = null;
    if (done.paints && done.moved) commit();
    else if (done.paints) selected = done.wasOnly ? new Set() : new Set([done.index]);
    refresh();
  });
  canvas.addEventListener("pointercancel", () => {
    drag = null;
    if (draft) store.hold(null);
    draft = null;
    refresh();
  });
  canvas.addEventListener("pointerleave", () => {
    hovered = null;
    refresh();
  });
  canvas.addEventListener("focus", refresh);
  canvas.addEventListener("blur", refresh);
  canvas.addEventListener("keydown", (event) => {
    const combo = comboOf(event);
    const beside = STEPS[combo] && chooseBeside([...Array(bands()).keys()], selected, STEPS[combo]);
    if (combo === "Mod+A") selected = new Set(Array(bands()).keys());
    else if (event.key === "Escape") selected = new Set();
    else if (typeof beside === "number") {
      selected = new Set([beside]);
      anchor = beside;
      hovered = null; // what is said beside the bars is of the band that the keys chose
    } else if (["ArrowUp", "ArrowDown"].includes(event.key) && bands()) {
      const indices = chosen();
      const part = partOf(host.sound());
      if (!part) return;
      const step = (event.key === "ArrowUp" ? 1 : -1) * (event.shiftKey ? 6 : 1);
      change(quantity, indices, indices.map((i) => (quantity === "power_db" ? part.power_db[i] + step : part.decay_per_s[i] / LONGER ** step)));
      commit(run.at(event.timeStamp));
    } else if (!["Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const [{ residual: noise }, part] = [host.sound(), partOf(host.sound())];
    if (noise && part) store.emit("chosen", describeBands(noise.edges_hz, part, selected));
    refresh();
  });

  const observer = new ResizeObserver(refresh);
  observer.observe(plot);

  return {
    element, refresh,
    get active() { return draft !== null; },
    dispose: () => observer.disconnect(),
  };
}
