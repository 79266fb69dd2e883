// @ts-check
// Picture it: pictures of what a sound may be struck from, drawn on request.

import { t } from "../texts/t.js";
import { createButton, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Sound, Store } from "../state/types.d.ts" */

const COUNT = 4;

/**
 * @param {Store} store
 * @param {() => Sound | null | undefined} currentSound
 * @param {() => void} openStoryboard
 */
export function createPictureIt(store, currentSound, openStoryboard) {
  let seed = 0;
  let isDrawing = false;
  let drawnFor = ""; // the sound of the pictures on show

  const draw = createButton(t("find.picture_it"), { title: t("find.draw_what_may"), onPress: () => {
    const sound = currentSound();
    if (!sound) return;
    seed = drawnFor === sound.id ? seed + COUNT : 0;
    drawnFor = sound.id;
    isDrawing = store.send({ type: "picture_sound", sound_id: sound.id, seed });
    words.textContent = isDrawing ? t("find.drawing", { share: "" }) : "";
    pictures.replaceChildren();
    show();
  } });
  const stop = createButton(t("common.stop"), { title: t("find.stop_drawing"), onPress: () => store.send({ type: "stop_picturing" }) });
  const board = createButton(t("storyboard.storyboard_of"), { title: t("storyboard.storyboard_of_help"), onPress: openStoryboard });
  const words = make("span", "ins-quiet find-drawn-words", { role: "status" });
  const pictures = make("div", "find-drawn");
  const element = make("div", "ins-row find-picture", {}, draw, stop, words, pictures, make("span", "st-space"), board);

  /** Show the pictures, if they are of the current sound. */
  function show() {
    stop.hidden = !isDrawing;
    draw.disabled = isDrawing;
    pictures.hidden = words.hidden = currentSound()?.id !== drawnFor;
  }

  function end() {
    if (!isDrawing) return;
    isDrawing = false;
    words.textContent = "";
    show();
  }

  const scope = createScope();
  scope.add(store.on("picturing_progress", ({ fraction }) => {
    isDrawing = true; // also after an error of something else, and when the connection is back
    show();
    words.textContent = t("find.drawing", { share: `${Math.round(100 * fraction)} %` });
  }));
  scope.add(store.on("sound_pictured", (message) => {
    isDrawing = false;
    drawnFor = message.sound_id;
    words.textContent = "";
    pictures.replaceChildren(...message.pictures.map((src, index) => make("img", "find-drawing", { src, alt: t("find.drawing_of_what", { number: index + 1 }), title: t("find.a_guess_from") })));
    show();
  }));
  scope.add(store.on("picturing_stopped", end));
  scope.add(store.on("error", end)); // all that tells of a request that is refused
  scope.add(store.on("connection", (state) => void (state === "lost" && end()))); // how it ended may be told to no page
  show();
  /** @param {boolean} can whether the server can draw */
  const allow = (can) => (draw.hidden = !can);
  return { element, show, allow, dispose: scope.dispose };
}
