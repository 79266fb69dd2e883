// @ts-check
// One sound found: a press on its arrow is heard, on its name taken, on its star pinned.

import { t } from "../texts/t.js";
import { elementsIn, make } from "../widgets/controls.js";
/** @import { Candidate } from "../state/types.d.ts" */

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)} %`;
const TOLD = /,? ?\w+ as you say$/; // the user said what the material is: a match, and no probability
/**
 * The reason of a match, without its score.
 * @param {Candidate} candidate
 */
const reasonOf = ({ why, material }) => (why || material).replace(/,? ?\d+ ?% (alike|\w+ by sight)$/, "").replace(TOLD, "");

/** @typedef {(candidate: Candidate) => void} Act */

/**
 * @param {Candidate} candidate
 * @param {{isPinned: boolean, isNew: boolean, picture: HTMLElement[], hear: Act, use: Act, pin: Act}} options
 *   isNew: made by the generator; picture: elements before its name, none where no pictures are shown
 */
export function createFoundRow(candidate, { isPinned, isNew, picture, hear, use, pin }) {
  const details = [candidate.why, candidate.source, candidate.licence].filter(Boolean).join("\n");
  const isTold = TOLD.test(candidate.why);
  const bar = isTold ? make("span") : make("span", "find-score", { title: isNew ? t("find.generated_by_the") : t("find.how_well_it", { score: percent(candidate.score) }) }, make("i", "", { style: `width:${100 * Math.min(1, Math.max(0.02, candidate.score))}%` }));
  const line = make("div", "find-row", { role: "listitem", title: details },
    make("button", "find-play", { type: "button", title: t("find.hear_it_struck"), "aria-label": t("common.hear", { name: candidate.name }), textContent: "▶", onclick: () => hear(candidate) }),
    ...picture,
    make("button", "find-use", { type: "button", onclick: () => use(candidate) },
      make("span", "find-name", { textContent: candidate.name }), make("span", "find-why", { textContent: reasonOf(candidate) }), bar,
      make("span", "find-percent", { textContent: isNew ? t("find.new") : isTold ? "" : percent(candidate.score) })),
    make("button", "find-pin", { type: "button", title: isPinned ? t("find.unpin") : t("find.keep_it_at"), "aria-pressed": String(isPinned), "aria-label": t("find.pin", { name: candidate.name }), textContent: isPinned ? "★" : "☆", onclick: () => pin(candidate) }));
  line.dataset.id = candidate.id;
  line.classList.toggle("is-pinned", isPinned);
  return line;
}

/**
 * Mark the one row of a list whose candidate is the one taken.
 * @param {HTMLElement} list
 * @param {string | null} id of that candidate, or null for none
 */
export function markTaken(list, id) {
  for (const line of elementsIn(list, ".find-row")) {
    line.classList.toggle("is-on", line.dataset.id === id);
    elementsIn(line, ".find-use")[0].setAttribute("aria-pressed", String(line.dataset.id === id));
  }
}
