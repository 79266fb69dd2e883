// @ts-check
// The sheet of keys and gestures: searched by words, and the place to change a key or the theme.

import { createSegments, elementsIn, make } from "../widgets/controls.js";
import { createDialog } from "../widgets/dialog.js";
import { createScope } from "../widgets/scope.js";
import { chooseTheme, themeChoice, watchTheme } from "../widgets/theme.js";
import { findConflicts, isChanged, keysOf, resetKeys, setKey, watchKeys } from "./bindings.js";
import { candidatesOf, comboOf, formatCombo, refuseCombo } from "./combos.js";
import { ACTIONS, GESTURES } from "./table.js";
/** @import { ThemeChoice } from "../widgets/theme.js" */
/** @import { ActionId } from "./table.js" */

const CATEGORIES = [...new Set([...ACTIONS.map(({ category }) => category), ...GESTURES.map(([title]) => title)])];
/** @type {[ThemeChoice, string][]} */
const THEMES = [["system", "System"], ["dark", "Dark"], ["light", "Light"]];
const PRESS_ONE = "Press a key beside an action to give it another.";

/**
 * @param {HTMLElement} app
 * @param {{about: () => void, tour: () => void}} host
 */
export function createKeySheet(app, { about, tour }) {
  /** @type {ActionId | null} */
  let waiting = null; // the action that gets the next key
  /** @type {string | null} */
  let wanted = null; // a key of another action, to be pressed again
  /** @type {Map<ActionId, HTMLButtonElement>} */
  const buttons = new Map();

  const search = make("input", "st-path act-search", { type: "search", placeholder: "Search", spellcheck: false, autocomplete: "off", "aria-label": "Search keys and gestures", oninput: () => filter() });
  const words = make("p", "act-words", { role: "status", textContent: PRESS_ONE });
  const noKey = make("button", "st-button", { type: "button", textContent: "No key", title: "The action stays in the palette of all actions", onclick: () => change(() => waiting && setKey(waiting, null)) });
  const usual = make("button", "st-button", { type: "button", textContent: "Its usual key", title: "Give the action the key it came with", onclick: () => change(() => waiting && resetKeys(waiting)) });
  const reset = make("button", "st-button", { type: "button", textContent: "Usual keys", title: "Give every action the key it came with", onclick: () => change(() => resetKeys()) });
  const theme = createSegments({ label: "Theme", choices: THEMES, onChoose: chooseTheme });
  theme.element.classList.add("st-segments");
  const showTour = make("button", "st-button", { type: "button", textContent: "Tour", title: "Show the three steps of the tour again", onclick: () => leave(tour) });
  const showAbout = make("button", "st-button", { type: "button", textContent: "About", title: "Version, and the licences of code, weights and data", onclick: () => leave(about) });
  const none = make("p", "act-none", { textContent: "Nothing of that name.", hidden: true });
  const columns = make("div", "act-columns", {}, ...CATEGORIES.map(section), none);
  const dialog = createDialog(app, {
    label: "Keys and gestures", className: "st-help act-sheet", first: search, onKey,
    content: [make("div", "act-head", {}, search, make("span", "st-label", { textContent: "Theme" }), theme.element, make("span", "st-space"), showTour, showAbout), make("div", "act-change", {}, words, noKey, usual, reset), make("div", "act-scroll", {}, columns)],
    onOpen() {
      search.value = "";
      filter();
      listen(null);
    },
  });

  /** @param {string} title */
  function section(title) {
    const rows = ACTIONS.filter(({ category }) => category === title).map(({ id, name }) => {
      const button = make("button", "act-key", { type: "button", onclick: () => listen(id) });
      buttons.set(id, button);
      return make("div", "act-line", {}, button, make("span", "", { textContent: name }));
    });
    const gestures = GESTURES.filter(([name]) => name === title).flatMap(([, list]) => list);
    return make("section", "st-help-part", {}, make("h2", "", { textContent: title }), ...rows,
      ...gestures.map(([keys, does]) => make("div", "act-line is-gesture", {}, make("kbd", "", { textContent: keys.replace("Mod", formatCombo("Mod")) }), make("span", "", { textContent: does }))));
  }

  function filter() {
    const typed = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const part of elementsIn(columns, "section")) {
      const title = part.firstElementChild?.textContent ?? "";
      const lines = elementsIn(part, ".act-line");
      for (const line of lines) line.hidden = !typed.every((word) => `${title} ${line.textContent}`.toLowerCase().includes(word));
      part.hidden = lines.every((line) => line.hidden);
    }
    none.hidden = elementsIn(columns, "section").some((part) => !part.hidden);
  }

  function show() {
    for (const { id, name, when } of ACTIONS) {
      const button = buttons.get(id);
      if (!button) continue;
      const keys = keysOf(id).filter((key, i, all) => all.findIndex((other) => candidatesOf(other).at(-1) === candidatesOf(key).at(-1)) === i).map(formatCombo);
      button.textContent = id === waiting ? "press…" : keys.join(" / ") || "—";
      button.classList.toggle("is-on", id === waiting);
      button.classList.toggle("is-changed", isChanged(id));
      const only = when === "hits" ? ", while hits are selected" : when === "none" ? ", while no hit is selected" : "";
      button.title = `${keys.length ? `Change the key of “${name}”${only}` : `Give “${name}” a key`}`;
      button.setAttribute("aria-label", `${name}${only}: ${keys.join(" or ") || "no key"}. Change`);
    }
    noKey.hidden = usual.hidden = !waiting;
    reset.hidden = Boolean(waiting) || !ACTIONS.some(({ id }) => isChanged(id));
    theme.set(themeChoice());
    filter();
  }

  /**
   * Wait for a key for an action, or for none any more.
   * @param {ActionId | null} id
   */
  function listen(id, said = id ? `Press the key for “${nameOf(id)}”, or Esc to leave it as it is.` : PRESS_ONE) {
    waiting = id;
    wanted = null;
    words.textContent = said;
    show();
  }

  /** @param {() => unknown} act */
  function change(act) {
    const button = waiting && buttons.get(waiting);
    act();
    listen(null);
    (button || search).focus();
  }

  /** @param {ActionId} id */
  const nameOf = (id) => ACTIONS.find((action) => action.id === id)?.name ?? "";

  /** @param {() => void} act */
  function leave(act) {
    dialog.close();
    act();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!waiting) return false;
    const combo = comboOf(event);
    if (!combo || event.repeat) return true;
    const isEscape = combo === "Escape" && waiting !== "select_none";
    if (isEscape) listen(null);
    else take(waiting, combo);
    return true;
  }

  /**
   * Give an action a key; where another has it, the key must be pressed twice.
   * @param {ActionId} id
   * @param {string} combo
   */
  function take(id, combo) {
    const refused = refuseCombo(combo);
    const others = findConflicts(id, combo);
    if (refused) words.textContent = refused;
    else if (others.length && wanted !== combo) {
      wanted = combo;
      words.textContent = `${formatCombo(combo)} is the key of “${others[0].name}”. Press it again to take it from there, or Esc to leave both.`;
    } else {
      setKey(id, combo);
      listen(null, others.length ? `${formatCombo(combo)} now does “${nameOf(id)}”; “${others[0].name}” has ${keysOf(others[0].id).map(formatCombo).join(" or ") || "no key"}.` : `${formatCombo(combo)} now does “${nameOf(id)}”.`);
    }
  }

  const scope = createScope();
  scope.add(watchKeys(show));
  scope.add(watchTheme(show));
  show();
  return { open: dialog.open, dispose: scope.dispose };
}
