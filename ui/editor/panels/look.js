// @ts-check
// Prediction from the picture: the analysed crop, a button to point at the struck object, and materials to choose from.

import { t } from "../texts/t.js";
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
  if (material) return t("look.as_you_say", { material: capital(material) });
  const guess = seen ? `${capital(seen)}. ` : "";
  if (certain === false) return seen ? t("look.the_struck_object", { seen }) : t("look.the_struck_object_was");
  return t("look.a_look_this", { guess, confidence: percent(confidence ?? 0) });
}

/**
 * @param {{onPoint: () => void, onMaterial: (name: string) => void}} actions
 */
export function createLook({ onPoint, onMaterial }) {
  const image = make("img", "find-crop", { alt: t("look.analysed_part_of"), title: t("look.the_analysed_part") });
  const point = createButton(t("look.point_at_it"), { title: t("look.click_the_struck"), onPress: onPoint });
  const choices = make("div", "find-choices", { role: "group", "aria-label": t("look.what_it_is") });
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
      point.textContent = !isPointing ? t("look.point_at_it") : element.matches(".by-keys *") ? t("look.arrows_enter") : t("look.click_what_is");
      const names = answer.materials ?? [];
      if (names.join() !== listed.join() && !listed.includes(material)) { // a chosen one stays where it was pressed
        listed = names;
        choices.replaceChildren(...names.map((name) => createButton(name, { kind: "quiet", title: t("look.it_is_find", { name }), onPress: () => onMaterial(name) })));
      }
      for (const choice of elementsIn(choices, "button")) {
        const isOn = choice.textContent === material;
        choice.classList.toggle("is-on", isOn);
        choice.setAttribute("aria-pressed", String(isOn));
      }
    },
  };
}
