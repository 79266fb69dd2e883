// @ts-check
// Small controls made of plain elements: slider with numeric entry, buttons, segments, selects, menus, numbers.

import { isCommand } from "../actions/combos.js";
import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { keyed } from "./key_titles.js";
import { boxOf, pageSize } from "./page_scale.js";
import { showResult } from "./refusal.js";
import { createScope } from "./scope.js";
/** @import { Properties } from "../state/types.d.ts" */

/**
 * @typedef {object} EntrySettings
 * @property {string} label
 * @property {string} [help]
 * @property {string} [className]
 * @property {(text: string) => boolean | string | void} onEnter false, or a sentence that says why, where the text does not fit
 */
/**
 * @typedef {object} SliderSettings
 * @property {string} label
 * @property {string} [help]
 * @property {number} min
 * @property {number} max
 * @property {keyof typeof SCALES} [scale] "signed" is logarithmic to both sides of 0, linear within 1
 * @property {number | null} [step]
 * @property {number | null} [neutral] the value that a double-click returns to and where the fill starts
 * @property {(value: number) => string} format
 * @property {(text: string) => number | null} read null where the text is not understood
 * @property {(value: number) => void} [onInput] while it moves
 * @property {(value: number, gesture: string) => void} onCommit when it is let go or typed; keys in quick succession are one gesture
 * @property {(gesture: string) => void} [onStart]
 */
/** @typedef {ReturnType<typeof createSlider>} Slider */
/**
 * @typedef {object} ButtonSettings
 * @property {"" | "quiet" | "icon"} [kind]
 * @property {string} [title]
 * @property {Element | null} [sign] an icon before the text
 * @property {import("../actions/table.js").ActionId} [action] that it runs, whose key is named in the title
 * @property {() => unknown} onPress
 */
/**
 * @typedef {object} MenuRow
 * @property {string} text
 * @property {string} [note]
 * @property {string} [group]
 * @property {string} [color]
 * @property {() => void} choose
 * @property {() => void} [audition]
 */

const STEPS = 1000;
/** @type {Record<"linear" | "log" | "signed", [(value: number) => number, (bent: number) => number]>} */
const SCALES = { linear: [(v) => v, (u) => u], log: [Math.log, Math.exp], signed: [Math.asinh, Math.sinh] };
const SAME_RUN_MS = 800; // keys closer than this are one entry of the history
let lastId = 0;

/** An id for one gesture: all edits that carry it are one entry of the history. */
export const newGesture = () => `g${Date.now().toString(36)}-${++lastId}`;

/** Gestures of keys: those pressed in quick succession have one. */
export function createKeyRun() {
  let gesture = "";
  let last_ms = -Infinity;
  return {
    /** @param {number} at_ms the key's time stamp */
    at(at_ms) {
      if (at_ms - last_ms > SAME_RUN_MS) gesture = newGesture();
      last_ms = at_ms;
      return gesture;
    },
    end() { last_ms = -Infinity; },
  };
}

/**
 * An element with a class, properties and children; text is never parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {Properties<HTMLElementTagNameMap[Tag]>} [properties] "on…" are listeners; names with a hyphen and "role" are attributes
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = "", properties = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name.includes("-") || name === "role") element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Give an element properties, but for those that it has: the same text given again makes a browser lay out and paint it anew.
 * @template {HTMLElement} T
 * @param {T} element
 * @param {Properties<T>} properties
 */
export function setChanged(element, properties) {
  for (const [name, value] of Object.entries(properties)) if (Reflect.get(element, name) !== value) Object.assign(element, { [name]: value });
}

/**
 * Whether an event happened inside one of some elements.
 * @param {Event} event
 * @param {...Node} elements
 */
export const isInside = (event, ...elements) => elements.some((element) => event.target instanceof Node && element.contains(event.target));

/**
 * The elements inside one that a selector names.
 * @param {ParentNode} element
 * @param {string} selector
 */
export const elementsIn = (element, selector) => [.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(selector))];

/** The element that has the keyboard. */
export const focusedElement = () => (document.activeElement instanceof HTMLElement ? document.activeElement : null);

/**
 * A text field that keeps what is typed until Enter or blur; Escape takes it back.
 * @param {EntrySettings} settings
 */
export function createEntry({ label, help = t("controls.type_it_enter", { label }), className = "", onEnter }) {
  let shown = "";
  let known = ""; // what the field had at its focus, or entered since: with that in it there is nothing to enter
  const field = make("input", `ins-entry ${className}`, { type: "text", spellcheck: false, autocomplete: "off", title: help, "aria-label": label });
  const settle = () => {
    const typed = field.value;
    const isNew = typed !== known;
    const wrong = showResult(field, !isNew || onEnter(typed));
    if (!isNew) known = field.value = shown; // which may have changed meanwhile
    else if (!wrong && typed === field.value) known = shown = typed; // the blur after Enter is no second entry
    setTimeout(() => {
      if (document.activeElement === field) return;
      field.value = shown;
      field.classList.remove("is-wrong");
    }, 700);
  };
  const scope = createScope(); // while it has the keyboard
  field.addEventListener("focus", () => {
    known = shown;
    field.select();
    scope.listen(document, "pointerdown", (event) => isInside(event, field) || field.blur(), true); // before the press chooses something else
  });
  field.addEventListener("blur", () => (scope.dispose(), settle()));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") {
      settle();
      if (!field.classList.contains("is-wrong")) field.blur();
    } else if (event.key === "Escape") {
      known = field.value = shown;
      field.blur();
    } else field.classList.remove("is-wrong");
  });
  return {
    element: field,
    /** Whether what was typed last was refused, and is shown for a moment yet. */
    get isWrong() { return field.classList.contains("is-wrong"); },
    /** @param {string} text */
    set(text, disabled = false) {
      shown = text;
      field.disabled = disabled;
      if (document.activeElement !== field) field.value = text;
    },
  };
}

/**
 * A labelled slider with numeric entry.
 * @param {SliderSettings} settings
 */
export function createSlider({ label, help = "", min, max, scale = "linear", step = null, neutral = null, format, read, onInput, onCommit, onStart = () => {} }) {
  let range = { min, max };
  let active = false;
  let gesture = "";
  const run = createKeyRun();
  let isKeyed = false; // what moves it now is a key, whose gesture is there already
  /** @type {number | null} */
  let value = null;
  const [bend, unbend] = SCALES[scale];
  /** @param {number} v */
  const toPlace = (v) => clamp((bend(v) - bend(range.min)) / (bend(range.max) - bend(range.min)), 0, 1) * places();
  /** @param {number} place */
  const toValue = (place) => {
    const v = unbend(bend(range.min) + ((bend(range.max) - bend(range.min)) * place) / places());
    return clamp(step ? Math.round(v / step) * step : v, range.min, range.max);
  };
  const places = () => (scale === "linear" && step ? Math.round((range.max - range.min) / step) : STEPS); // of the thumb, each one whole step
  const track = make("input", "ins-range", { type: "range", min: "0", max: String(places()), step: "1", "aria-label": label, title: help });
  const entry = createEntry({
    label: t("controls.value", { label }),
    className: "ins-value",
    onEnter(text) {
      const typed = read(text);
      if (typed === null || !Number.isFinite(typed)) return false;
      commitAtOnce(clamp(typed, range.min, range.max));
      return true;
    },
  });
  const paint = () => {
    const at = value === null ? 0 : toPlace(value) / (places() / 100);
    const from = neutral === null ? 0 : toPlace(neutral) / (places() / 100);
    track.style.setProperty("--from", `${Math.min(at, from)}%`);
    track.style.setProperty("--to", `${Math.max(at, from)}%`);
  };
  const begin = () => {
    if (active) return;
    active = true;
    if (!isKeyed) gesture = newGesture();
    onStart(gesture);
  };
  /** @param {number} wanted */
  const commitAtOnce = (wanted) => {
    active = false;
    gesture = newGesture();
    endRun();
    onStart(gesture);
    onCommit(wanted, gesture);
  };
  const endRun = () => {
    run.end();
    isKeyed = false;
  };
  track.addEventListener("input", () => {
    begin();
    value = toValue(Number(track.value));
    entry.set(format(value));
    track.setAttribute("aria-valuetext", format(value));
    paint();
    onInput?.(value);
  });
  track.addEventListener("change", () => {
    if (!active || value === null) return;
    active = false;
    onCommit(value, gesture);
  });
  for (const name of ["pointerdown", "blur"]) track.addEventListener(name, endRun);
  track.addEventListener("keydown", (event) => {
    if (!/^(Arrow|Page|Home|End)/.test(event.key)) return endRun(); // all others are the page's, and may choose another hit
    gesture = run.at(event.timeStamp);
    isKeyed = true;
    if (!isCommand(event)) event.stopPropagation();
  });
  if (neutral !== null) track.addEventListener("dblclick", () => commitAtOnce(neutral));
  const name = make("span", "ins-label", { textContent: label, title: help });
  const element = make("div", "ins-slider", {}, make("div", "ins-slider-top", {}, name, entry.element), track);
  return {
    element,
    get active() { return active; },
    /**
     * @param {number} low
     * @param {number} high
     */
    setRange(low, high) { range = { min: low, max: high }, track.max = String(places()); },
    /** @param {string} text */
    setLabel(text) { name.textContent = text; },
    /**
     * Show a value; null greys the slider out, with ``words`` in its place.
     * @param {number | null} next
     */
    set(next, words = "—", disabled = next === null) {
      if (active) return;
      value = next;
      track.disabled = disabled;
      element.classList.toggle("is-off", disabled);
      track.value = String(next === null ? 0 : toPlace(next));
      const text = next === null ? words : words === "—" ? format(next) : words;
      track.setAttribute("aria-valuetext", text);
      entry.set(text, disabled);
      if (neutral !== null && !disabled) track.title = `${help ? `${help}. ` : ""}${t("controls.double_click_for", { neutral: format(neutral) })}`;
      paint();
    },
  };
}

/**
 * A row of exclusive choices, each a value, its text, and its help.
 * @template {string} Choice
 * @param {{label: string, choices: readonly (readonly [Choice, string, string?])[], onChoose: (value: Choice) => void}} settings
 */
export function createSegments({ label, choices, onChoose }) {
  const buttons = choices.map(([value, text, help = label]) => make("button", "ins-segment", { type: "button", textContent: text, title: help, onclick: () => onChoose(value) }));
  const element = make("div", "ins-segments", { role: "group", "aria-label": label }, ...buttons);
  return {
    element,
    /**
     * @param {Choice} value
     * @param {(choice: Choice) => boolean} [enabled]
     */
    set(value, enabled = () => true) {
      choices.forEach(([choice], i) => {
        buttons[i].classList.toggle("is-on", choice === value);
        buttons[i].setAttribute("aria-pressed", String(choice === value));
        buttons[i].disabled = !enabled(choice);
      });
    },
  };
}

/**
 * A button; an icon alone is named by its title.
 * @param {string} text
 * @param {ButtonSettings} settings
 */
export function createButton(text, { kind = "", title = "", sign = null, action, onPress }) {
  return make("button", `ins-button ${kind && `is-${kind}`}`, { type: "button", ...(action ? keyed(action, title) : { title }), ...(kind === "icon" ? { "aria-label": title } : {}), onclick: onPress }, sign, make("span", "", { textContent: text }));
}

/**
 * A native select.
 * @template {string} Choice
 * @param {{label: string, help?: string, onChoose: (value: Choice) => void}} settings
 */
export function createSelect({ label, help = label, onChoose }) {
  const element = make("select", "ins-select", { title: help, "aria-label": label, onchange: () => onChoose(/** @type {Choice} */ (element.value)) });
  element.addEventListener("keydown", (event) => event.key !== "Escape" && !isCommand(event) && event.stopPropagation());
  let shown = "";
  return {
    element,
    /**
     * @param {[Choice, string][]} options values and their texts
     * @param {Choice} value
     */
    set(options, value) {
      const next = JSON.stringify(options);
      if (next !== shown) {
        shown = next;
        element.replaceChildren(...options.map(([v, text]) => make("option", "", { value: v, textContent: text })));
      }
      element.value = value;
    },
  };
}

/**
 * A menu under an element; it closes on a choice, Escape, or a press elsewhere.
 * @param {HTMLElement} anchor
 * @param {MenuRow[]} rows
 */
export function openMenu(anchor, rows, { filter = false, empty = t("controls.nothing_to_choose") } = {}) {
  const list = make("div", "ins-menu-list", { role: "menu" });
  const close = () => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    anchor.setAttribute("aria-expanded", "false");
  };
  const outside = (/** @type {PointerEvent} */ event) => void (isInside(event, menu, anchor) || close());
  /** @param {string} text */
  const fill = (text) => {
    const wanted = rows.filter((row) => `${row.text} ${row.group ?? ""} ${row.note ?? ""}`.toLowerCase().includes(text.toLowerCase()));
    let group;
    list.replaceChildren();
    for (const row of wanted) {
      if (row.group !== group) {
        group = row.group;
        if (group) list.append(make("div", "ins-menu-group", { textContent: group }));
      }
      const choose = make("button", "ins-menu-choose", { type: "button", role: "menuitem", title: row.note ?? "", onclick: () => (close(), row.choose()) },
        row.color ? make("i", "ins-dot", { style: `background:${row.color}` }) : null,
        make("span", "ins-menu-text", { textContent: row.text }),
        row.note ? make("span", "ins-menu-note", { textContent: row.note }) : null);
      list.append(make("div", "ins-menu-row", {}, choose,
        row.audition ? make("button", "ins-menu-play", { type: "button", textContent: "▶", title: t("controls.hear", { text: row.text }), "aria-label": t("controls.hear", { text: row.text }), onclick: row.audition }) : null));
    }
    if (!wanted.length) list.append(make("p", "ins-empty", { textContent: rows.length ? t("common.nothing_of_that") : empty }));
  };
  /** @type {HTMLInputElement | null} */
  const search = filter ? make("input", "ins-menu-search", { type: "text", placeholder: t("common.find_a_sound"), spellcheck: false, oninput: () => search && fill(search.value) }) : null;
  const menu = make("div", "ins-menu", {}, search, list);
  menu.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") {
      close();
      anchor.focus();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key)) {
      const buttons = elementsIn(list, ".ins-menu-choose");
      const at = buttons.findIndex((button) => button === focusedElement());
      buttons[clamp(at + (event.key === "ArrowDown" ? 1 : -1), 0, buttons.length - 1)]?.focus();
      event.preventDefault();
    }
  });
  fill("");
  (anchor.closest(".ins-root") ?? document.body).append(menu);
  const place = boxOf(anchor);
  const page = pageSize();
  const width = menu.offsetWidth;
  menu.style.left = `${clamp(place.right - width, 8, page.width - width - 8)}px`;
  menu.style.top = `${place.bottom + 6}px`;
  menu.style.maxHeight = `${Math.max(160, page.height - place.bottom - 20)}px`;
  document.addEventListener("pointerdown", outside, true);
  anchor.setAttribute("aria-expanded", "true");
  (search ?? list.querySelector("button"))?.focus();
  return close;
}
