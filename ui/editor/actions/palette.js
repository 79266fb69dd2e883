// @ts-check
// The command palette: type a few letters of any action, and Enter runs it.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
import { createDialog } from "../widgets/dialog.js";
import { formatCombo } from "./combos.js";
import { keysOf } from "./bindings.js";
import { ACTIONS } from "./table.js";
/** @import { Action, ActionId } from "./table.js" */
/** @import { Runner } from "./runner.js" */

/** @typedef {Action & {id: ActionId}} Row */

/**
 * The actions whose category and name hold every typed word, those whose name begins so first.
 * @param {readonly Row[]} actions
 * @param {string} text
 */
export function searchActions(actions, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  /** @param {Row} action */
  const rank = ({ name }) => (name.toLowerCase().startsWith(words[0]) ? 0 : name.toLowerCase().includes(` ${words[0]}`) ? 1 : 2);
  const found = actions.filter(({ category, name }) => words.every((word) => `${category} ${name}`.toLowerCase().includes(word)));
  return words.length ? found.sort((a, b) => rank(a) - rank(b)) : found;
}

/**
 * @param {HTMLElement} app
 * @param {Runner} runner
 */
export function createPalette(app, runner) {
  /** @type {Row[]} */
  let found = [];
  let at = 0;
  const field = make("input", "st-path act-search", {
    title: t("palette.search_help"),
    type: "text", role: "combobox", placeholder: t("palette.what_do_you"), spellcheck: false, autocomplete: "off", "aria-label": t("common.search_all_actions"), "aria-expanded": "true", "aria-controls": "act-list", "aria-autocomplete": "list", oninput: () => fill(),
  });
  const list = make("div", "act-list", { id: "act-list", role: "listbox", "aria-label": t("palette.actions") });
  const none = make("p", "act-none", { textContent: t("palette.no_action_of"), role: "status" });
  const dialog = createDialog(app, {
    label: t("palette.all_actions"), className: "act-palette", content: [field, list, none], first: field, hasClose: false, onKey,
    onOpen() {
      field.value = "";
      fill();
    },
  });

  // Rows that come to lie under a pointer at rest are not pointed at.
  function fill() {
    const all = searchActions(ACTIONS, field.value).filter(({ id }) => id !== "palette");
    found = [...all.filter(runner.canRun), ...all.filter((action) => !runner.canRun(action))];
    at = 0;
    list.replaceChildren(...found.map((action, index) => make("div", "act-row", { id: `act-${action.id}`, role: "option", "aria-disabled": String(!runner.canRun(action)), onclick: () => run(index), onpointermove: (/** @type {PointerEvent} */ event) => (event.movementX || event.movementY) && mark(index) },
      make("span", "act-name", { textContent: action.name }), make("span", "act-category", { textContent: action.category }), make("kbd", "", { textContent: keysOf(action.id).map(formatCombo)[0] ?? "" }))));
    none.hidden = found.length > 0;
    list.hidden = !found.length;
    mark(0);
  }

  /** @param {number} index */
  function mark(index) {
    at = index;
    [...list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === at)));
    const row = list.children[at];
    field.setAttribute("aria-activedescendant", row?.id ?? "");
  }

  /** @param {number} index */
  function run(index) {
    const action = found[index];
    if (!action || !runner.canRun(action)) return;
    dialog.close(); // the focus is back before the action takes it
    runner.run(action.id);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) {
      mark(clamp(at + step, 0, found.length - 1));
      list.children[at]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") run(at);
    return Boolean(step) || event.key === "Enter";
  }

  return { open: dialog.open };
}
