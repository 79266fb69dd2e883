// @ts-check
// Prediction from the picture: the analysed crop, a button to point at the struck object, and materials to choose from.

import { createButton, elementsIn, make } from "../widgets/controls.js";
/** @import { SearchAnswer } from "../state/protocol.d.ts" */

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)} %`;
/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * A sentence that describes a prediction from the picture.
 * @param {Pick<SearchAnswer, "seen" | "confidence" | "certain">} answer
 * @param {string} material that the user said it is, or ""
 */
export function describeLook({ seen, confidence, certain }, material) {
  if (material) return `${capital(material)}, as you say: these fit best what the picture shows.`;
  const guess = seen ? `${capital(seen)}. ` : "";
  if (certain === false) return `The struck object was not recognised${seen ? ` (perhaps ${seen})` : ""}. Choose its material, or point at it in the picture.`;
  return `${guess}A look this sure is right about the material in ${percent(confidence ?? 0)} of cases.`;
}

/**
 * @param {{onPoint: () => void, onMaterial: (name: string) => void}} actions
 */
export function createLook({ onPoint, onMaterial }) {
  const image = make("img", "find-crop", { alt: "Analysed part of the picture", title: "The analysed part of the picture" });
  const point = createButton("Point at it…", { title: "Click the struck object in the picture to analyse that place", onPress: onPoint });
  const choices = make("div", "find-choices", { role: "group", "aria-label": "What it is made of" });
  /** @type {string[]} */
  let listed = [];
  const element = make("div", "find-look", { hidden: true }, image, make("div", "find-look-side", {}, point, choices));

  return {
    element,
    /**
     * @param {SearchAnswer | null} answer from the picture, or null for none
     * @param {boolean} isPointing whether a click in the picture is waited for
     * @param {string} material that the user chose, or ""
     */
    show(answer, isPointing, material) {
      element.hidden = !answer;
      if (!answer) return;
      image.hidden = !answer.crop;
      if (answer.crop && image.src !== answer.crop) image.src = answer.crop;
      point.classList.toggle("is-on", isPointing);
      point.textContent = isPointing ? "Click what is struck, or Esc" : "Point at it…";
      const names = answer.materials ?? [];
      if (names.join() !== listed.join() && !listed.includes(material)) { // a chosen one stays where it was pressed
        listed = names;
        choices.replaceChildren(...names.map((name) => createButton(name, { kind: "quiet", title: `It is ${name}: find sounds of that`, onPress: () => onMaterial(name) })));
      }
      for (const choice of elementsIn(choices, "button")) {
        const isOn = choice.textContent === material;
        choice.classList.toggle("is-on", isOn);
        choice.setAttribute("aria-pressed", String(isOn));
      }
    },
  };
}
