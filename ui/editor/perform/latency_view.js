// @ts-check
// The latency that is taken off recorded hits: measured, shown, and typed over.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { createEntry, make } from "../widgets/controls.js";
import { parsePlain } from "../widgets/format.js";
import { LATENCY_RANGE_S } from "./timing.js";
/** @import { AudioEngine } from "../state/types.d.ts" */
/** @import { Device, Latency } from "./timing.js" */

/** @type {[Device, string, string][]} */
const DEVICES = [
  ["keys", t("latency_view.keys"), t("latency_view.from_the_finger")],
  ["pads", t("common.pads"), t("latency_view.from_the_press")],
  ["midi", "MIDI", t("latency_view.from_the_midi")],
];

/** @param {number} time_s */
const formatMs = (time_s) => `${Math.round(1000 * time_s)} ms`;

/** @param {{audio: AudioEngine, latency: () => Latency, setLatency: (values: Partial<Latency>) => void, calibrate: () => void}} host */
export function createLatencyView({ audio, latency, setLatency, calibrate }) {
  /**
   * @param {keyof Latency} part
   * @param {string} name
   * @param {string} help
   */
  function makeField(part, name, help) {
    const entry = createEntry({
      label: t("latency_view.latency_of_in", { device: name }),
      className: "st-latency-value",
      onEnter(text) {
        if (part === "output_s" && !text.trim()) {
          setLatency({ output_s: null });
          return true;
        }
        const typed_ms = parsePlain(text, ["ms"]);
        if (typed_ms === null) return false;
        setLatency({ [part]: clamp(typed_ms / 1000, LATENCY_RANGE_S[0], LATENCY_RANGE_S[1]) });
        return true;
      },
    });
    entry.element.title = help;
    return { entry, element: make("label", "st-latency-field", { title: help }, make("span", "st-label", { textContent: name }), entry.element) };
  }
  const output = makeField("output_s", t("latency_view.output"), t("latency_view.from_the_page"));
  const inputs = DEVICES.map(([device, name, help]) => ({ device, ...makeField(`${device}_s`, name, help) }));
  const measure = make("button", "st-button", { type: "button", textContent: t("latency_view.tap_along"), title: t("latency_view.measure_it_press"), onclick: calibrate });
  const element = make("div", "st-perform-row st-latency", { role: "group", "aria-label": t("latency_view.latency_taken_off") },
    make("span", "st-label", { textContent: t("latency_view.latency"), title: t("latency_view.recorded_hits_are") }), output.element, ...inputs.map((input) => input.element), make("span", "st-space"), measure);

  return {
    element,
    show() {
      const { output_s, ...others } = latency();
      output.entry.set(formatMs(output_s ?? audio.live.outputLatency_s()));
      output.element.classList.toggle("is-typed", output_s !== null);
      for (const { device, entry } of inputs) entry.set(formatMs(others[`${device}_s`]));
    },
  };
}
