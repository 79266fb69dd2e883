// @ts-check
// A field whose text does not fit says so: in red, to screen readers, and in a sentence among the messages.

import { t } from "../texts/t.js";

/**
 * Show what became of what was typed into a field, whose title is its help; returns whether it was refused.
 * @param {HTMLInputElement | HTMLSelectElement} field
 * @param {boolean | string | void} result false, or a sentence that says why, where the text does not fit
 */
export function showResult(field, result) {
  const why = result === false ? explain(field) : typeof result === "string" ? result : "";
  field.classList.toggle("is-wrong", why !== "");
  field.setAttribute("aria-invalid", String(why !== ""));
  if (why) field.dispatchEvent(new CustomEvent("refused", { bubbles: true, detail: why }));
  return why !== "";
}

/** @param {HTMLInputElement | HTMLSelectElement} field */
function explain(field) {
  const label = field.getAttribute("aria-label") ?? "";
  const hasHelp = field.title && field.title !== t("controls.type_it_enter", { label });
  return hasHelp ? t("refusal.with_help", { typed: field.value, help: field.title }) : t("refusal.as_shown", { typed: field.value, label });
}

/**
 * Why a time is none of a clip's; "" where it is one.
 * @param {string} typed
 * @param {number} time_s
 * @param {{duration_s: number}} clip
 */
export const explainTime = (typed, time_s, { duration_s }) =>
  (time_s < 0 || time_s > duration_s ? t("refusal.outside_the_clip", { typed, end_s: duration_s.toFixed(3) }) : "");
