// @ts-check
// The level of what Struck plays: a bar for the peak, a number for the loudness, a mark when it clips.

import { t } from "../texts/t.js";
import { make } from "./controls.js";
/** @import { AudioEngine } from "../state/types.d.ts" */

const FLOOR_DB = -60;
const EVERY_MS = 50;
const FALL_DB = 1.5; // per look, so that a short peak can be seen

/** @param {AudioEngine} audio */
export function createMeterView(audio) {
  const bar = make("i", "st-meter-bar");
  const number = make("span", "st-meter-number");
  const element = make("button", "st-meter", { type: "button", title: t("meter_view.level_and_loudness"), "aria-label": t("meter_view.clear_the_clip"), onclick: reset }, make("span", "st-meter-track", {}, bar), number);
  let shown_db = FLOOR_DB;

  function look() {
    const { peak_db, loudness_lufs, clipped } = audio.levels();
    shown_db = Math.max(peak_db, shown_db - FALL_DB, FLOOR_DB);
    bar.style.transform = `scaleX(${Math.min(1, (shown_db - FLOOR_DB) / -FLOOR_DB)})`;
    const text = loudness_lufs === null ? "– LUFS" : `${loudness_lufs.toFixed(1).replace("-", "\u2212")} LUFS`;
    if (number.textContent !== text) number.textContent = text;
    element.classList.toggle("is-clipped", clipped);
  }

  function reset() {
    audio.clearClip();
    shown_db = FLOOR_DB;
    look();
  }

  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  const cleanup = audio.watchRest((isAwake) => { // nothing moves while nothing sounds
    clearInterval(timer);
    if (isAwake) timer = setInterval(look, EVERY_MS);
    else shown_db = FLOOR_DB;
    look();
  });
  return {
    element, reset,
    dispose() {
      cleanup();
      clearInterval(timer);
    },
  };
}
