// @ts-check
// A field or a choice in place of a cell's text, until it is entered or given up.

import { make } from "../widgets/controls.js";
import { showResult } from "../widgets/refusal.js";

/** @typedef {"down" | "right" | "left" | "stay" | "away"} Onward where the keyboard goes next; away where it is already */

/**
 * @param {HTMLElement} cell
 * @param {object} settings
 * @param {string} settings.label
 * @param {string} [settings.help]
 * @param {string} settings.text to begin with: the old text, or what was typed
 * @param {boolean} settings.isNew whether it was typed
 * @param {[string, string][] | null} settings.choices values and their texts; null for a text
 * @param {(text: string) => boolean | string} settings.read apply; false, or a sentence that says why, where the text does not fit
 * @param {(where: Onward) => void} settings.done
 */
export function editCell(cell, { label, help = "", text, isNew, choices, read, done }) {
  let isOver = false;
  let byKeys = false; // a choice that arrow keys change is entered by Enter, one that is picked at once
  const field = choices // either is an entry, which is given up where another clip comes up
    ? make("select", "ins-select ins-entry arr-field", { "aria-label": label }, ...choices.map(([value, words]) => make("option", "", { value, textContent: words })))
    : make("input", "ins-entry arr-field", { type: "text", spellcheck: false, autocomplete: "off", "aria-label": label, title: help });
  const shown = [...cell.childNodes];
  cell.replaceChildren(field);
  field.value = text;
  field.focus({ preventScroll: true });
  if (field instanceof HTMLInputElement && !isNew) field.select();

  /** @param {Onward} where */
  function finish(where) {
    isOver = true;
    cell.replaceChildren(...shown);
    done(where);
  }

  /** @param {Onward} where */
  function enter(where) {
    if (isOver) return;
    const isChanged = field.value !== text || isNew;
    if (!showResult(field, isChanged ? read(field.value) : true)) finish(where);
  }

  field.addEventListener("keydown", (event) => {
    if (!(event instanceof KeyboardEvent)) return;
    event.stopPropagation();
    byKeys = true;
    field.classList.remove("is-wrong");
    if (event.key === "Enter") enter("down");
    else if (event.key === "Tab") enter(event.shiftKey ? "left" : "right");
    else if (event.key === "Escape") finish("stay");
    else return;
    event.preventDefault();
  });
  for (const name of ["pointerdown", "dblclick"]) field.addEventListener(name, (event) => event.stopPropagation());
  if (choices) field.addEventListener("change", () => byKeys || enter("stay"));
  field.addEventListener("blur", () => {
    if (isOver) return;
    enter("away");
    if (!isOver) finish("away"); // what is not understood is given up when the field is left
  });
}
