// @ts-check
// One sound found: a press on its arrow is heard, on its name taken, on its star pinned.

import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
/** @import { Candidate } from "../state/types.d.ts" */

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)} %`;
/**
 * The reason of a match, without its score.
 * @param {Candidate} candidate
 */
const reasonOf = ({ why, material }) => (why || material).replace(/,? ?\d+ ?% (alike|\w+ by sight)$/, "");

/** @typedef {(candidate: Candidate) => void} Act */

/**
 * @param {Candidate} candidate
 * @param {{isPinned: boolean, isOn: boolean, isNew: boolean, picture: HTMLElement[], hear: Act, use: Act, pin: Act}} options
 *   isNew: made by the generator; picture: elements before its name, none where no pictures are shown
 */
export function createFoundRow(candidate, { isPinned, isOn, isNew, picture, hear, use, pin }) {
  const details = [candidate.why, candidate.source, candidate.licence].filter(Boolean).join("\n");
  const bar = make("span", "find-score", { title: isNew ? t("find.generated_by_the") : t("find.how_well_it", { score: percent(candidate.score) }) }, make("i", "", { style: `width:${100 * Math.min(1, Math.max(0.02, candidate.score))}%` }));
  const line = make("div", "find-row", { role: "listitem", title: details },
    make("button", "find-play", { type: "button", title: t("find.hear_it_struck"), "aria-label": t("common.hear", { name: candidate.name }), textContent: "▶", onclick: () => hear(candidate) }),
    ...picture,
    make("button", "find-use", { type: "button", "aria-pressed": String(isOn), onclick: () => use(candidate) },
      make("span", "find-name", { textContent: candidate.name }), make("span", "find-why", { textContent: reasonOf(candidate) }), bar,
      make("span", "find-percent", { textContent: isNew ? "new" : percent(candidate.score) })),
    make("button", "find-pin", { type: "button", title: isPinned ? t("find.unpin") : t("find.keep_it_at"), "aria-pressed": String(isPinned), "aria-label": t("find.pin", { name: candidate.name }), textContent: isPinned ? "★" : "☆", onclick: () => pin(candidate) }));
  line.dataset.id = candidate.id;
  line.classList.toggle("is-on", isOn);
  line.classList.toggle("is-pinned", isPinned);
  return line;
}
