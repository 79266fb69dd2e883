// @ts-check
// Presets of the export dialog: some that ship, and a person's own, which the server keeps.

import { USUAL_FORM } from "./export_options.js";
import { recall, remember } from "../state/remembered.js";
import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Options } from "./export_options.js" */
/** @import { Store } from "../state/types.d.ts" */

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

/**
 * A list to choose a preset from, and a button that keeps the present choice under a name or deletes one.
 * @param {Store} store
 * @param {{apply: (preset: Preset) => void, current: () => Preset}} settings
 */
export function createPresets(store, { apply, current }) {
  /** @type {Record<string, Preset>} */
  let own = {};
  let awaited = ""; // chosen as soon as the server has kept it
  const select = make("select", "st-export-select", { title: t("export_presets.choose_help"), "aria-label": t("export_presets.preset") });
  const name = make("input", "st-export-field", { type: "text", title: t("export_presets.name_help"), maxLength: LONGEST_NAME, placeholder: t("export_presets.name_of_the"), "aria-label": t("common.name_of_the"), spellcheck: false, autocomplete: "off", hidden: true });
  const keep = make("button", "st-button", { type: "button", textContent: t("export_presets.save_preset"), title: t("export_presets.keep_these_choices"), onclick: press });
  const forget = make("button", "st-button", { type: "button", textContent: t("export_presets.delete"), title: t("export_presets.delete_this_preset"), hidden: true, onclick: () => store.send({ type: "delete_export_preset", name: select.value }) });

  /** @param {string} chosen */
  function fill(chosen) {
    /** @param {string} value */
    const option = (value) => make("option", "", { value, textContent: value });
    select.replaceChildren(make("option", "", { value: "", textContent: t("export_presets.preset_2") }), ...[...Object.keys(SHIPPED), ...Object.keys(own)].map(option));
    select.value = chosen in SHIPPED || chosen in own ? chosen : "";
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
    if (given in SHIPPED) {
      store.emit("error", { type: "error", message: t("export_presets.a_preset_that", { given }) });
      return;
    }
    name.hidden = true;
    if (given && save(given, current())) awaited = given;
  }

  /**
   * @param {string} given
   * @param {Preset} preset
   */
  function save(given, { kinds, options }) {
    return store.send({ type: "save_export_preset", preset: { name: given, what: kinds, options } });
  }

  /** Presets that an earlier version kept in this browser move to the server. */
  function moveOld() {
    const kept = recall(REMEMBERED);
    if (!kept) return;
    remember(REMEMBERED, "");
    try {
      for (const [given, preset] of Object.entries(JSON.parse(kept))) if (Array.isArray(preset?.kinds) && preset.options && !(given in own)) save(given, preset);
    } catch {
      // nonsense: none of one's own
    }
  }

  name.addEventListener("keydown", (event) => {
    if (event.key === "Enter") press();
    if (event.key === "Escape") name.hidden = true;
    event.stopPropagation();
  });
  select.addEventListener("change", () => {
    const preset = own[select.value] ?? SHIPPED[select.value];
    forget.hidden = !(select.value in own);
    if (preset) apply({ ...preset, options: { ...USUAL_FORM, ...preset.options } });
  });
  fill("");
  const scope = createScope();
  scope.add(store.watch(() => [store.welcome], () => {
    if (!store.welcome) return;
    own = Object.fromEntries(store.welcome.export_presets.map(({ name: given, what, options }) => [given, { kinds: what, options: { ...options, start_timecode: options.start_timecode ?? "" } }]));
    fill(awaited in own ? awaited : select.value);
    awaited = awaited in own ? "" : awaited;
    moveOld();
  }));
  return {
    dispose: scope.dispose,
    element: make("div", "st-export-presets", {}, select, name, keep, forget),
    /** Whether a preset is chosen. */
    isChosen: () => select.value !== "",
    /** What was chosen is a preset no more, once something was changed by hand. */
    leave() {
      if (!(select.value in own)) select.value = "";
    },
  };
}
