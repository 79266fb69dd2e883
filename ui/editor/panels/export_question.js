// @ts-check
// The question what becomes of files that an earlier export left, by name.

import { make } from "../widgets/controls.js";

const MOST_NAMED = 6;

/** @param {(existing: "keep" | "replace") => void} answer */
export function createExportQuestion(answer) {
  const title = make("p", "st-export-asked");
  const names = make("ul", "st-export-existing");
  const replace = make("button", "st-button", { type: "button", onclick: () => answer("replace") });
  const keep = make("button", "st-button is-main", { type: "button", textContent: "Keep both", onclick: () => answer("keep") });
  const stop = make("button", "st-button", { type: "button", textContent: "Do not export", onclick: hide });
  const element = make("div", "st-export-question", { role: "alertdialog", "aria-label": "Files that exist", hidden: true },
    title, names, make("div", "st-export-answers", {}, stop, replace, keep));

  function hide() {
    element.hidden = true;
  }

  return {
    element, hide,
    isOpen: () => !element.hidden,
    /** @param {string[]} existing */
    ask(existing) {
      const one = existing.length === 1;
      title.textContent = one ? "This file was exported before:" : `These ${existing.length} files were exported before:`;
      replace.textContent = one ? "Replace it" : "Replace them";
      const named = existing.length > MOST_NAMED ? existing.slice(0, MOST_NAMED - 1) : existing;
      const more = existing.length - named.length;
      names.replaceChildren(...[...named, ...(more ? [`and ${more} more`] : [])].map((name) => make("li", "", { textContent: name })));
      element.hidden = false;
      keep.focus({ preventScroll: true });
    },
  };
}
