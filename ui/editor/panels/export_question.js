// @ts-check
// The question what becomes of files that an earlier export left, by name.

import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";

const MOST_NAMED = 6;

/** @param {(existing: "keep" | "replace") => void} answer */
export function createExportQuestion(answer) {
  const title = make("p", "st-export-asked");
  const names = make("ul", "st-export-existing");
  const replace = make("button", "st-button", { type: "button", onclick: () => answer("replace") });
  const keep = make("button", "st-button is-main", { type: "button", textContent: t("export_question.keep_both"), onclick: () => answer("keep") });
  const stop = make("button", "st-button", { type: "button", textContent: t("export_question.do_not_export"), onclick: hide });
  const element = make("div", "st-export-question", { role: "alertdialog", "aria-label": t("export_question.files_that_exist"), hidden: true },
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
      title.textContent = one ? t("export_question.this_file_was") : t("export_question.these_files_were", { count: existing.length });
      replace.textContent = one ? t("export_question.replace_it") : t("export_question.replace_them");
      const named = existing.length > MOST_NAMED ? existing.slice(0, MOST_NAMED - 1) : existing;
      const more = existing.length - named.length;
      names.replaceChildren(...[...named, ...(more ? [t("export_question.and_more", { more })] : [])].map((name) => make("li", "", { textContent: name })));
      element.hidden = false;
      keep.focus({ preventScroll: true });
    },
  };
}
