// @ts-check
// Titles that end with the key of an action: "Loop (C)", kept true when the key is changed.

import { keysOf, watchKeys, withKey } from "../actions/bindings.js";
/** @import { ActionId } from "../actions/table.js" */

/**
 * Properties of a control that runs an action: its help as title, with the key behind it.
 * @param {ActionId} action
 * @param {string} title
 */
export const keyed = (action, title) => ({ title: withKey(title, action), "data-action": action, "data-title": title, "aria-keyshortcuts": keysOf(action).join(" ").replaceAll("Mod", "Control") });

/**
 * Give a control another help.
 * @param {HTMLElement} element
 * @param {ActionId} action
 * @param {string} title
 */
export function setKeyed(element, action, title) {
  for (const [name, value] of Object.entries(keyed(action, title))) element.setAttribute(name, value);
}

/** @param {HTMLElement} app */
export function createKeyTitles(app) {
  return { dispose: watchKeys(() => {
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (app.querySelectorAll("[data-action]"))) setKeyed(element, /** @type {ActionId} */ (element.dataset.action), element.dataset.title ?? "");
  }) };
}
