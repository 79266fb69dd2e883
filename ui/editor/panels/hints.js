// @ts-check
// The line at the foot: what the hands can do now, and what the project holds.

import { make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Store } from "../state/types.d.ts" */

/**
 * @param {number} n
 * @param {string} word
 */
const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
/** @type {[string, string][]} */
const NOTHING_CHOSEN = [["space", "play"], ["← →", "frame"], ["double-click", "add a hit"], ["drag", "select"], ["wheel", "zoom"], ["⇧ wheel", "scroll"]];
/** @type {[string, string][]} */
const CHOSEN = [["space", "play"], ["← →", "nudge a frame"], ["⇧ ← →", "10 ms"], ["Alt ← →", "a sample"], ["↑ ↓", "velocity"], ["M", "mute"], ["D", "detach"], ["G", "merge sounds"], ["T", "to the transient"], ["Q", "quantise"], ["↵", "hear"], ["⌫", "delete"], ["⇧ drag", "snap to frames"]];

/**
 * @param {HTMLElement} root
 * @param {Store} store
 */
export function createHints(root, store) {
  const hints = make("div", "st-hints");
  const facts = make("div", "st-facts");
  root.append(hints, facts);
  /** @type {[string, string][] | null} */
  let shown = null;

  function show() {
    const project = store.view?.project;
    const wanted = !project ? [] : store.selection.hits.size ? CHOSEN : NOTHING_CHOSEN;
    if (wanted !== shown) {
      shown = wanted;
      hints.replaceChildren(...wanted.map(([key, does]) => make("span", "st-hint", {}, make("kbd", "", { textContent: key }), does)));
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
  show();
  return { dispose: scope.dispose };
}
