// @ts-check
// The line at the foot: what the hands can do now, and what the project holds.

import { keyText, watchKeys } from "../actions/bindings.js";
import { t } from "../texts/t.js";
import { make, setChanged } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { ActionId } from "../actions/table.js" */
/** @import { Store } from "../state/types.d.ts" */

/** @typedef {[string | ActionId[], string]} Hint a gesture, or actions whose keys are named, and what it does */
/** @type {Hint[]} */
const NOTHING_CHOSEN = [[["play"], t("hints.play")], [["step_back", "step_on"], t("hints.frame")], [t("hints.double_click"), t("hints.add_a_hit")], [t("hints.drag"), t("hints.select")], [t("hints.wheel"), t("common.zoom")], [t("common.wheel"), t("common.scroll")], [["palette"], t("hints.all_actions")], [["help"], t("common.keys")]];
/** @type {Hint[]} */
const CHOSEN = [
  [["play"], t("hints.play")], [["frame_earlier", "frame_later"], t("hints.nudge_a_frame")], [["ms_earlier", "ms_later"], t("hints.10_ms")], [["sample_earlier", "sample_later"], t("hints.a_sample")], [["harder", "softer"], t("hints.velocity")], [["mute"], t("common.mute_2")], [["detach"], t("hints.detach")],
  [["merge"], t("hints.merge_sounds")], [["snap"], t("hints.to_the_transient")], [["quantize"], t("hints.quantise")], [["hear"], t("hints.hear")], [["delete"], t("hints.delete")], [["palette"], t("hints.all_actions")],
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
    const parts = [`${project.clip.duration_s.toFixed(1)} s`, t("common.hits", { count: project.hits.length }), t("common.sounds", { count: project.sounds.length }), `${project.clip.width} × ${project.clip.height}`];
    if (chosen) parts.unshift(t("hints.selected", { chosen }));
    setChanged(facts, { textContent: parts.join("  ·  ") });
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
