// The names of the lanes at their left, with what can be chosen for each.

import { soundColor } from "../widgets/format.js";
import { createSegments, createSelect, make, newGesture } from "../widgets/controls.js";
/** @import { Lanes, Project, Store } from "../state/types.d.ts" */

const SOURCES = [["both", "both"], ["audio", "sound"], ["video", "picture"]];
const MODE = "struck.lane";

function rememberedMode() {
  try {
    return localStorage.getItem(MODE) === "wave" ? "wave" : "spectrum";
  } catch {
    return "spectrum";
  }
}

/**
 * ``place(lanes, project)`` puts them beside their lanes; ``mode`` is how the Struck lane is drawn.
 * @param {Store} store
 * @param {{chooseMaterial: () => void, changed: () => void}} host
 */
export function createHeads(store, { chooseMaterial, changed }) {
  let mode = rememberedMode();

  const source = createSelect({ label: "Find hits in", onChoose: (value) => store.edit({ kind: "set_source", source: value }, newGesture()) });
  source.element.className = "st-head-select";
  source.element.title = "Where hits are looked for; changing it looks again";
  const ask = make("button", "st-head-button", { type: "button", textContent: "What is struck?", title: "Choose a material for all hits of this silent clip", onclick: chooseMaterial });
  const look = createSegments({ label: "Show as", choices: [["spectrum", "Spec"], ["wave", "Wave"]], onChoose: setMode });
  look.element.classList.add("st-head-segments");

  /** @param {string} title */
  const head = (title, ...controls) => make("div", "st-head", {}, make("span", "st-head-title", { textContent: title }), ...controls);
  const heads = {
    picture: head("Picture"),
    onsets: head("Onsets", source.element),
    hits: head("Hits", ask),
    struck: head("Struck", look.element),
    clip: head("Clip sound"),
  };
  const element = make("div", "st-heads", {}, ...Object.values(heads));

  /** @param {string} value */
  function setMode(value) {
    mode = value;
    look.set(value);
    try {
      localStorage.setItem(MODE, value);
    } catch {
      // without storage the choice lasts until the page goes
    }
    changed();
  }
  look.set(mode);

  /**
   * @param {Lanes} lanes
   * @param {Project | null} project
   */
  function place(lanes, project) {
    for (const [name, lane] of Object.entries(heads)) {
      const spot = lanes[name];
      lane.hidden = !spot;
      if (!spot) continue;
      lane.style.top = `${spot.top}px`;
      lane.style.height = `${spot.height}px`;
    }
    element.classList.toggle("is-off", !project);
    source.element.hidden = !project?.clip.has_audio;
    if (project) source.set(SOURCES, project.detection.source);
    ask.hidden = !project || project.clip.has_audio;
    look.element.hidden = !project;
  }

  return {
    element, place,
    get mode() { return mode; },
    colorOf: (soundId) => soundColor(store.view.project, soundId),
    dispose() {},
  };
}
