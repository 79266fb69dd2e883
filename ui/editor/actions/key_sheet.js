// @ts-check
// The sheet of keys and gestures: searched by words, and the place to change a key, the theme or the language.

import { LANGUAGE, LANGUAGES, chooseLanguage, t } from "../texts/t.js";
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
const THEMES = [["system", t("key_sheet.system")], ["dark", t("key_sheet.dark")], ["light", t("key_sheet.light")]];
const PRESS_ONE = t("key_sheet.press_a_key");

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

  const search = make("input", "st-path act-search", { type: "search", placeholder: t("common.search"), title: t("key_sheet.search_help"), spellcheck: false, autocomplete: "off", "aria-label": t("key_sheet.search_keys_and"), oninput: () => filter() });
  const words = make("p", "act-words", { role: "status", textContent: PRESS_ONE });
  const noKey = make("button", "st-button", { type: "button", textContent: t("key_sheet.no_key"), title: t("key_sheet.the_action_stays"), onclick: () => change(() => waiting && setKey(waiting, null)) });
  const usual = make("button", "st-button", { type: "button", textContent: t("key_sheet.its_usual_key"), title: t("key_sheet.give_the_action"), onclick: () => change(() => waiting && resetKeys(waiting)) });
  const reset = make("button", "st-button", { type: "button", textContent: t("key_sheet.usual_keys"), title: t("key_sheet.give_every_action"), onclick: () => change(() => resetKeys()) });
  const theme = createSegments({ label: t("key_sheet.theme"), choices: THEMES, onChoose: chooseTheme });
  theme.element.classList.add("st-segments");
  const language = createSegments({ label: t("key_sheet.language"), choices: LANGUAGES, onChoose: chooseLanguage });
  language.element.classList.add("st-segments");
  language.set(LANGUAGE);
  const showTour = make("button", "st-button", { type: "button", textContent: t("key_sheet.tour"), title: t("key_sheet.show_the_three"), onclick: () => leave(tour) });
  const showAbout = make("button", "st-button", { type: "button", textContent: t("key_sheet.about"), title: t("key_sheet.version_and_the"), onclick: () => leave(about) });
  const none = make("p", "act-none", { textContent: t("common.nothing_of_that"), hidden: true });
  const columns = make("div", "act-columns", {}, ...CATEGORIES.map(section), none);
  const dialog = createDialog(app, {
    label: t("common.keys_and_gestures"), className: "st-help act-sheet", first: search, onKey,
    content: [make("div", "act-head", {}, search, make("span", "st-label", { textContent: t("key_sheet.theme") }), theme.element, make("span", "st-label", { textContent: t("key_sheet.language") }), language.element, make("span", "st-space"), showTour, showAbout), make("div", "act-change", {}, words, noKey, usual, reset), make("div", "act-scroll", {}, columns)],
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
      button.textContent = id === waiting ? t("key_sheet.press") : keys.join(" / ") || "—";
      button.classList.toggle("is-on", id === waiting);
      button.classList.toggle("is-changed", isChanged(id));
      const only = when === "hits" ? t("key_sheet.while_hits_are") : when === "none" ? t("key_sheet.while_no_hit") : "";
      button.title = keys.length ? t("key_sheet.change_the_key", { name, only }) : t("key_sheet.give_a_key", { name });
      button.setAttribute("aria-label", t("key_sheet.change", { name, only, keys: keys.join(t("key_sheet.or")) || t("key_sheet.no_key_2") }));
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
  function listen(id, said = id ? t("key_sheet.press_the_key", { action: nameOf(id) }) : PRESS_ONE) {
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
      words.textContent = t("key_sheet.is_the_key", { combo: formatCombo(combo), name: others[0].name });
    } else {
      setKey(id, combo);
      listen(null, others.length ? t("key_sheet.now_does_has", { combo: formatCombo(combo), action: nameOf(id), other: others[0].name, keys: keysOf(others[0].id).map(formatCombo).join(t("key_sheet.or")) || t("key_sheet.no_key_2") }) : t("key_sheet.now_does", { combo: formatCombo(combo), action: nameOf(id) }));
    }
  }

  const scope = createScope();
  scope.add(watchKeys(show));
  scope.add(watchTheme(show));
  show();
  return { open: dialog.open, dispose: scope.dispose };
}
