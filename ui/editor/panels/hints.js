// @ts-check
// The line at the foot: what the hands can do now, and what the project holds.

import { keyText, watchKeys } from "../actions/bindings.js";
import { make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { ActionId } from "../actions/table.js" */
/** @import { Store } from "../state/types.d.ts" */

/**
 * @param {number} n
 * @param {string} word
 */
const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
/** @typedef {[string | ActionId[], string]} Hint a gesture, or actions whose keys are named, and what it does */
/** @type {Hint[]} */
const NOTHING_CHOSEN = [[["play"], "play"], [["step_back", "step_on"], "frame"], ["double-click", "add a hit"], ["drag", "select"], ["wheel", "zoom"], ["⇧ wheel", "scroll"], [["palette"], "all actions"], [["help"], "keys"]];
/** @type {Hint[]} */
const CHOSEN = [
  [["play"], "play"], [["frame_earlier", "frame_later"], "nudge a frame"], [["ms_earlier", "ms_later"], "10 ms"], [["sample_earlier", "sample_later"], "a sample"], [["harder", "softer"], "velocity"], [["mute"], "mute"], [["detach"], "detach"],
  [["merge"], "merge sounds"], [["snap"], "to the transient"], [["quantize"], "quantise"], [["hear"], "hear"], [["delete"], "delete"], [["palette"], "all actions"],
];

/**
 * The keys of some actions, what they share named once: "⇧ ← →".
 * @param {ActionId[]} actions
 */
function keysText(actions) {
  const [first = "", ...others] = actions.map(keyText).filter(Boolean);
  const shared = first.slice(0, first.lastIndexOf(" ") + 1);
  return [first, ...others.map((text) => (shared && text.startsWith(shared) ? text.slice(shared.length) : text))].join(" ");
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 */
export function createHints(root, store) {
  const hints = make("div", "st-hints");
  const facts = make("div", "st-facts");
  root.append(hints, facts);
  /** @type {Hint[] | null} */
  let shown = null;

  function show() {
    const project = store.view?.project;
    const wanted = !project ? [] : store.selection.hits.size ? CHOSEN : NOTHING_CHOSEN;
    if (wanted !== shown) {
      shown = wanted;
      const named = wanted.map(([how, does]) => /** @type {const} */ ([typeof how === "string" ? how : keysText(how), does])).filter(([how]) => how);
      hints.replaceChildren(...named.map(([how, does]) => make("span", "st-hint", {}, make("kbd", "", { textContent: how }), does)));
    }
    if (!project) {
      facts.textContent = "";
      return;
    }
    const chosen = store.selection.hits.size;
    const parts = [`${project.clip.duration_s.toFixed(1)} s`, count(project.hits.length, "hit"), count(project.sounds.length, "sound"), `${project.clip.width} × ${project.clip.height}`];
    if (chosen) parts.unshift(`${chosen} selected`);
    facts.textContent = parts.join("  ·  ");
  }

  const scope = createScope();
  scope.add(store.watch(() => [store.view?.project?.clip, store.view?.project?.hits, store.view?.project?.sounds], show));
  scope.add(store.on("selection", show));
  scope.add(watchKeys(() => {
    shown = null;
    show();
  }));
  show();
  return { dispose: scope.dispose };
}
