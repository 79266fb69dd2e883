// @ts-check
// Presets of the export dialog: some that ship, and a person's own, by name.

import { recall, remember } from "../state/remembered.js";
import { make } from "../widgets/controls.js";
/** @import { Options } from "./export_options.js" */

/** @typedef {{kinds: string[], options: Partial<Options>}} Preset */

const REMEMBERED = "struck.export.presets";
const LONGEST_NAME = 40;

/** @type {Record<string, Preset>} */
const SHIPPED = {
  "Video and track": { kinds: ["mp4", "wav"], options: { sound_ending: ".wav", video_ending: ".mp4", clip_sound: "replace", sample_rate_hz: 48000, bits: 24, channels: "stereo", two_pop: false } },
  "Reaper, film": { kinds: ["reaper", "pdf"], options: { sample_rate_hz: 48000, bits: 24, start_timecode: "00:59:58:00", two_pop: true } },
  "Pro Tools, 5.1": { kinds: ["aaf", "wav", "stems"], options: { sound_ending: ".wav", sample_rate_hz: 48000, bits: 24, channels: "5.1", stems: "sound", start_timecode: "00:59:58:00", two_pop: true } },
  "Wwise pack": { kinds: ["wwise"], options: { sample_rate_hz: 48000, bits: 24, takes: 5, layers: 3, normalize: "sound" } },
  "Library, UCS": { kinds: ["pieces"], options: { sample_rate_hz: 96000, bits: 24, ucs_names: true, takes: 3, layers: 1, normalize: "each" } },
};

/** @returns {Record<string, Preset>} */
function recallOwn() {
  try {
    const kept = JSON.parse(recall(REMEMBERED) ?? "null");
    if (kept && typeof kept === "object" && !Array.isArray(kept)) {
      return Object.fromEntries(Object.entries(kept).filter(([, preset]) => Array.isArray(preset?.kinds) && preset.options && typeof preset.options === "object"));
    }
  } catch {
    // nonsense: none of one's own
  }
  return {};
}

/**
 * A list to choose a preset from, and a button that keeps the present choice under a name or forgets one.
 * @param {{apply: (preset: Preset) => void, current: () => Preset}} settings
 */
export function createPresets({ apply, current }) {
  let own = recallOwn();
  const select = make("select", "st-export-select", { "aria-label": "Preset" });
  const name = make("input", "st-export-field", { type: "text", maxLength: LONGEST_NAME, placeholder: "name of the preset", "aria-label": "Name of the preset", spellcheck: false, autocomplete: "off", hidden: true });
  const keep = make("button", "st-button", { type: "button", textContent: "Save preset", title: "Keep these choices under a name", onclick: press });
  const forget = make("button", "st-button", { type: "button", textContent: "Delete", title: "Forget this preset", hidden: true, onclick: remove });

  /** @param {string} [chosen] */
  function fill(chosen = "") {
    /** @param {string} value */
    const option = (value) => make("option", "", { value, textContent: value });
    select.replaceChildren(make("option", "", { value: "", textContent: "Preset…" }), ...[...Object.keys(SHIPPED), ...Object.keys(own)].map(option));
    select.value = chosen;
    forget.hidden = !(chosen in own);
  }

  function press() {
    if (name.hidden) {
      name.hidden = false;
      name.value = select.value in own ? select.value : "";
      name.focus();
      return;
    }
    const given = name.value.trim();
    name.hidden = true;
    if (!given || given in SHIPPED) return;
    own = { ...own, [given]: current() };
    remember(REMEMBERED, JSON.stringify(own));
    fill(given);
  }

  function remove() {
    own = Object.fromEntries(Object.entries(own).filter(([known]) => known !== select.value));
    remember(REMEMBERED, JSON.stringify(own));
    fill();
  }

  name.addEventListener("keydown", (event) => {
    if (event.key === "Enter") press();
    if (event.key === "Escape") name.hidden = true;
    event.stopPropagation();
  });
  select.addEventListener("change", () => {
    const preset = own[select.value] ?? SHIPPED[select.value];
    forget.hidden = !(select.value in own);
    if (preset) apply(preset);
  });
  fill();
  return {
    element: make("div", "st-export-presets", {}, select, name, keep, forget),
    /** What was chosen is a preset no more, once something was changed by hand. */
    leave() {
      if (!(select.value in own)) select.value = "";
    },
  };
}
