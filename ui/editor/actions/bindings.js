// @ts-check
// The keys of the actions: the usual ones, and those that the user chose, which the browser keeps.

import { recall, remember } from "../state/remembered.js";
import { candidatesOf, comboOf, formatCombo } from "./combos.js";
import { ACTIONS } from "./table.js";
/** @import { KeyPress } from "./combos.js" */
/** @import { Action, ActionId } from "./table.js" */

const REMEMBERED = "struck.keys";
const byId = new Map(ACTIONS.map((action) => [action.id, action]));
/** @type {Set<() => void>} */
const watchers = new Set();
/** @type {Partial<Record<ActionId, string[]>>} */
let chosen = recallChosen();

function recallChosen() {
  /** @type {Partial<Record<ActionId, string[]>>} */
  const found = {};
  try {
    const kept = JSON.parse(recall(REMEMBERED) ?? "{}") ?? {};
    for (const { id } of ACTIONS) if (Array.isArray(kept[id])) found[id] = kept[id].filter((/** @type {unknown} */ key) => typeof key === "string");
  } catch {
    // nonsense: the usual keys
  }
  return found;
}

function keep() {
  remember(REMEMBERED, JSON.stringify(chosen));
  for (const react of watchers) react();
}

/**
 * @param {ActionId} id
 * @returns {Action}
 */
const actionOf = (id) => {
  const action = byId.get(id);
  if (!action) throw new Error(`there is no action ${id}`);
  return action;
};

/**
 * @param {ActionId} id
 * @returns {readonly string[]}
 */
export const keysOf = (id) => chosen[id] ?? actionOf(id).keys;

/**
 * The first key of an action as it is shown; "" without one.
 * @param {ActionId} id
 */
export const keyText = (id) => formatCombo(keysOf(id)[0] ?? "");

/** @param {ActionId} id */
export const isChanged = (id) => id in chosen;

/**
 * A sentence with the key of its action behind it: "Loop (C)".
 * @param {string} text
 * @param {ActionId} id
 */
export const withKey = (text, id) => (keyText(id) ? `${text} (${keyText(id)})` : text);

/**
 * The actions that would share a key with another: those of the same selection, or of any.
 * @param {ActionId} id
 * @param {string} combo
 */
export function findConflicts(id, combo) {
  const { when } = actionOf(id);
  const wanted = candidatesOf(combo).at(-1);
  return ACTIONS.filter((other) => other.id !== id && (!when || !other.when || when === other.when) && keysOf(other.id).some((key) => candidatesOf(key).at(-1) === wanted));
}

/**
 * Give an action one key, or none; others lose it.
 * @param {ActionId} id
 * @param {string | null} combo
 */
export function setKey(id, combo) {
  if (combo) {
    const wanted = candidatesOf(combo).at(-1);
    for (const other of findConflicts(id, combo)) chosen[other.id] = keysOf(other.id).filter((key) => candidatesOf(key).at(-1) !== wanted);
  }
  chosen[id] = combo ? [combo] : [];
  keep();
}

/**
 * The usual keys again: of one action, or of all.
 * @param {ActionId} [id]
 */
export function resetKeys(id) {
  if (id) {
    delete chosen[id];
    for (const combo of actionOf(id).keys) {
      const wanted = candidatesOf(combo).at(-1);
      for (const other of findConflicts(id, combo)) chosen[other.id] = keysOf(other.id).filter((key) => candidatesOf(key).at(-1) !== wanted);
    }
  } else chosen = {};
  keep();
}

/**
 * The action that a press asks for; null for none.
 * @param {KeyPress} event
 * @param {boolean} hasHits whether hits are selected
 */
export function findAction(event, hasHits) {
  const combo = comboOf(event);
  for (const candidate of combo ? candidatesOf(combo) : []) {
    const found = ACTIONS.find((action) => keysOf(action.id).includes(candidate) && (!action.when || (action.when === "hits") === hasHits));
    if (found) return found;
  }
  return null;
}

/**
 * Be told of every change of keys; returns what ends it.
 * @param {() => void} react
 */
export function watchKeys(react) {
  watchers.add(react);
  return () => void watchers.delete(react);
}
