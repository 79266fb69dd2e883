// @ts-check
// The loop: whether playback begins again at its end, and the range that it repeats.

import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
import { keyed } from "../widgets/key_titles.js";
import { icon } from "../widgets/icons.js";
/** @import { Span, Store } from "../state/types.d.ts" */

/** @param {Store} store */
export function createLoop(store) {
  let isOn = false;
  /** @type {Span | null} */
  let range = null; // null for the whole clip
  const button = make("button", "st-button is-icon", { type: "button", ...keyed("loop", t("common.loop")), "aria-label": t("common.loop"), onclick: () => set(!isOn) }, icon("loop"));

  /** @param {boolean} value */
  function set(value) {
    isOn = value;
    button.classList.toggle("is-on", isOn);
    button.setAttribute("aria-pressed", String(isOn));
    store.emit("range", range);
  }

  set(false);
  return {
    button, set,
    /** @param {Span | null} span */
    setRange(span) {
      range = span;
      store.emit("range", range);
    },
    /**
     * Whether playback came to the end of the range; it does not where it began after it.
     * @param {number} before_s
     * @param {number} now_s
     */
    isCrossed: (before_s, now_s) => isOn && range !== null && before_s < range.end_s && now_s >= range.end_s,
    get isOn() { return isOn; },
    get range() { return range; },
    /** Where playback begins again. */
    get start_s() { return isOn ? range?.start_s ?? 0 : 0; },
  };
}
