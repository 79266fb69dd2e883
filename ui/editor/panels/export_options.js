// @ts-check
// How files are exported: form, start, names, stems and pieces. Kept for the next export.

import { recall, remember } from "../state/remembered.js";
import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
/** @import { ExportOptions } from "../state/protocol.d.ts" */

/** @typedef {Required<ExportOptions>} Options */

const REMEMBERED = "struck.export.options";

/**
 * What a preset sets, as it is where the preset does not say.
 * @type {Omit<Options, "embed_project" | "name_pattern" | "creator" | "source">}
 */
export const USUAL_FORM = {
  sound_ending: ".wav", video_ending: ".mp4", sample_rate_hz: 48000, bits: 24, channels: "stereo", start_timecode: "",
  two_pop: false, stems: "sound", ucs_names: false, takes: 0, layers: 1, normalize: "sound", clip_sound: "replace",
};
/** @type {Options} */
const USUAL = {
  ...USUAL_FORM, embed_project: true, name_pattern: "{catid}_{fxname}_{creator}_{source}", creator: "STRUCK", source: "FOLEY",
};

/** @type {Record<keyof Options, string>} */
const HELP = {
  bits: t("export_help.bits"),
  channels: t("export_help.channels"),
  clip_sound: t("export_help.clip_sound"),
  creator: t("export_help.creator"),
  embed_project: t("export_help.embed_project"),
  layers: t("export_help.layers"),
  name_pattern: t("export_help.name_pattern"),
  normalize: t("export_help.normalize"),
  sample_rate_hz: t("export_help.sample_rate_hz"),
  sound_ending: t("export_help.sound_ending"),
  source: t("export_help.source"),
  start_timecode: t("export_help.start_timecode"),
  stems: t("export_help.stems"),
  takes: t("export_help.takes"),
  two_pop: t("export_help.two_pop"),
  ucs_names: t("export_help.ucs_names"),
  video_ending: t("export_help.video_ending"),
};

/** @returns {Options} */
export function recallOptions() {
  try {
    const kept = JSON.parse(recall(REMEMBERED) ?? "null");
    if (!kept || typeof kept !== "object") return { ...USUAL };
    const known = Object.entries(kept).filter(([name, value]) => name in USUAL && typeof value === typeof USUAL[/** @type {keyof Options} */ (name)]);
    return { ...USUAL, ...Object.fromEntries(known) };
  } catch {
    return { ...USUAL }; // nonsense
  }
}

/**
 * Controls of single options; ``changed()`` is called after each change.
 * @param {() => void} changed
 */
export function createOptionControls(changed) {
  const options = recallOptions();
  /** @type {(HTMLInputElement | HTMLSelectElement)[]} */
  const controls = [];
  /** @type {(() => void)[]} */
  const fill = []; // show the options in the controls

  /** For the next export, but for the start, which belongs to one clip. */
  const keep = () => remember(REMEMBERED, JSON.stringify({ ...options, start_timecode: "" }));

  /**
   * @template {keyof Options} Name
   * @param {Name} name
   * @param {Options[Name]} value
   */
  function set(name, value) {
    options[name] = value;
    keep();
    changed();
  }

  /**
   * A select of one option.
   * @param {keyof Options} name
   * @param {string} label
   * @param {[string | number, string][]} choices
   */
  function choose(name, label, choices) {
    const select = make("select", "st-export-select", { title: HELP[name], "aria-label": label }, ...choices.map(([value, text]) => make("option", "", { value: String(value), textContent: text })));
    fill.push(() => {
      select.value = String(options[name]);
      if (select.selectedIndex < 0) select.selectedIndex = 0;
    });
    select.addEventListener("change", () => set(name, /** @type {never} */ (choices[select.selectedIndex][0])));
    controls.push(select);
    return select;
  }

  /**
   * A text of one option.
   * @param {keyof Options} name
   * @param {string} label
   * @param {string} [hint]
   */
  function write(name, label, hint = "") {
    const field = make("input", "st-export-field", { type: "text", spellcheck: false, autocomplete: "off", placeholder: hint, title: HELP[name], "aria-label": label });
    fill.push(() => { field.value = String(options[name]); });
    field.addEventListener("input", () => set(name, /** @type {never} */ (field.value)));
    controls.push(field);
    return field;
  }

  /**
   * A whole number of one option.
   * @param {keyof Options} name
   * @param {string} label
   * @param {number} min
   * @param {number} max
   */
  function count(name, label, min, max) {
    const field = make("input", "st-export-field is-number", { type: "number", min: String(min), max: String(max), step: "1", title: HELP[name], "aria-label": label });
    fill.push(() => { field.value = String(options[name]); });
    field.addEventListener("change", () => {
      const typed = Math.round(Number(field.value));
      const value = Number.isFinite(typed) ? Math.min(max, Math.max(min, typed)) : min;
      field.value = String(value);
      set(name, /** @type {never} */ (value));
    });
    controls.push(field);
    return field;
  }

  /**
   * A tick of one option, with its words.
   * @param {keyof Options} name
   * @param {string} words
   */
  function tick(name, words) {
    const box = make("input", "", { type: "checkbox" });
    fill.push(() => { box.checked = Boolean(options[name]); });
    box.addEventListener("change", () => set(name, /** @type {never} */ (box.checked)));
    controls.push(box);
    return make("label", "st-export-tick", { title: HELP[name] }, box, make("span", "", { textContent: words }));
  }

  return {
    options, choose, write, count, tick,
    /** Show the options in the controls, once all are made. */
    show() {
      for (const update of fill) update();
    },
    /** @param {Partial<Options>} values */
    take(values) {
      Object.assign(options, values);
      keep();
      for (const update of fill) update();
    },
    /** @param {boolean} isOff */
    disable(isOff) {
      for (const control of controls) control.disabled = isOff;
    },
  };
}
