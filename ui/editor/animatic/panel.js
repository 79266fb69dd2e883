// @ts-check
// Make an animatic: a still (the clip's frame, or a picture) becomes a short film that is struck at the hits.

import { t } from "../texts/t.js";
import { describeError, upload } from "../state/upload.js";
import { requireProject } from "../state/project.js";
import { createButton, createSegments, createSlider, make } from "../widgets/controls.js";
import { createFileLink } from "../widgets/file_link.js";
import { parsePlain } from "../widgets/format.js";
import { createMaking } from "../widgets/making.js";
import { boxOf } from "../widgets/page_scale.js";
import { createPanel } from "../widgets/panel.js";
/** @import { AnimaticMade, MakeAnimatic } from "../state/protocol.d.ts" */
/** @typedef {NonNullable<MakeAnimatic["striker"]>} Striker */
/** @import { Player, Store } from "../state/types.d.ts" */

const PREVIEW_PX = 216;
const [GUIDANCE, MOST_GUIDANCE] = [1.5, 4];
const ANSWER_STEP_S = 0.02; // a span of the filmstrip whose middle is the frame on show
const PICTURES = ".png,.jpg,.jpeg,.webp,.tif,.tiff";
/** @type {[Striker, string][]} */
const STRIKERS = [["stick", t("animatic.stick")], ["mallet", t("animatic.mallet")], ["hammer", t("animatic.hammer")], ["none", t("animatic.none")]];

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {Player} player
 * @param {{show: (message: string, kind: "note" | "error") => void}} toasts
 */
export function createAnimaticPanel(app, store, player, toasts) {
  /** @type {{x: number, y: number} | null} where it is struck; null: it is found */
  let place = null;
  /** @type {{path: string, url: string} | null} a picture instead of the clip's frame */
  let picture = null;
  let time_s = 0;
  let guidance = GUIDANCE;
  /** @type {Striker} */
  let striker = "stick";
  /** @type {AnimaticMade | null} */
  let made = null;
  let choices = 0; // of stills so far: a picture that arrives after another choice is not shown

  const still = make("img", "anim-still", { alt: t("animatic.still"), draggable: false, onclick: point, onload: paint });
  const mark = make("i", "anim-mark", { hidden: true });
  const frame = make("div", "anim-frame", {}, still, mark);
  const where = make("p", "ins-quiet");
  const find = createButton(t("animatic.find_the_place"), { title: t("animatic.find_help"), onPress: () => setPlace(null) });
  const now = createButton(t("animatic.current_frame"), { title: t("animatic.current_frame_help"), onPress: takeFrame });
  /** @type {HTMLInputElement} */
  const picker = make("input", "", { type: "file", accept: PICTURES, hidden: true, "aria-label": t("animatic.picture_to_animate"), onchange: () => {
    if (picker.files?.[0]) takePicture(picker.files[0]);
    picker.value = "";
  } });
  const choose = createButton(t("animatic.a_picture"), { title: t("animatic.a_picture_help"), onPress: () => picker.click() });
  const strikers = createSegments({ label: t("animatic.what_comes_down"), choices: STRIKERS, onChoose: (value) => {
    striker = value;
    strikers.set(striker);
  } });
  const follow = createSlider({
    label: t("animatic.guidance"), help: t("animatic.guidance_help"), min: 0, max: MOST_GUIDANCE, step: 0.1, neutral: GUIDANCE,
    format: (value) => value.toFixed(1), read: (text) => parsePlain(text, []), onCommit: (value) => {
      guidance = value;
      follow.set(guidance);
    },
  });
  const words = make("p", "anim-words", { role: "status" });
  const go = createButton(t("animatic.make"), { title: t("animatic.make_help"), onPress: start });
  go.classList.add("is-main");
  const stop = createButton(t("common.cancel"), { title: t("animatic.stop_making_it"), onPress: () => store.send({ type: "stop_animatic" }) });
  const file = make("div", "");
  const making = createMaking(() => panel.element, go, stop, paint);
  const panel = createPanel(app, store, {
    title: t("animatic.make_an_animatic"), className: "is-at-the-right anim-panel", content: [
      frame, make("div", "ins-row", {}, where, make("span", "st-space"), find), make("div", "ins-row", {}, now, choose, picker), strikers.element, follow.element, words, make("div", "ins-row", {}, make("span", "st-space"), stop, go), file,
    ],
    first: () => go, onOpen: takeFrame, onClose: () => {
      if (making.isMaking) store.send({ type: "stop_animatic" });
      forgetPicture();
    },
  });

  // --- the still and its place --------------------------------------------------------------------

  function takeFrame() {
    forgetPicture();
    time_s = player.time_s;
    const first_s = Math.max(0, time_s - ANSWER_STEP_S / 2);
    still.src = `${store.address("filmstrip")}?start_s=${first_s}&end_s=${first_s + ANSWER_STEP_S}&count=1&height=${PREVIEW_PX}&v=${requireProject(store).clip.digest.slice(0, 12)}`;
    setPlace(null);
  }

  /** @param {File} given */
  async function takePicture(given) {
    const mine = ++choices;
    words.textContent = t("animatic.bringing_in", { name: given.name });
    try {
      const path = await upload(given, store.session);
      if (mine !== choices) return;
      forgetPicture();
      picture = { path, url: URL.createObjectURL(given) };
      still.src = picture.url;
      setPlace(null);
    } catch (error) {
      const message = describeError(error);
      if (message) toasts.show(message, "error");
      if (mine === choices) paint();
    }
  }

  function forgetPicture() {
    choices++;
    if (picture) URL.revokeObjectURL(picture.url);
    picture = null;
  }

  /** @param {MouseEvent} event */
  function point(event) {
    const { left, top, width, height } = boxOf(still);
    const share = (/** @type {number} */ at, /** @type {number} */ from, /** @type {number} */ size) => Math.min(1, Math.max(0, (at - from) / size));
    if (width && height) setPlace({ x: share(event.clientX, left, width), y: share(event.clientY, top, height) });
  }

  /** @param {{x: number, y: number} | null} next */
  function setPlace(next) {
    place = next;
    made = null;
    paint();
  }

  // --- as it is made ------------------------------------------------------------------------------

  function start() {
    made = null;
    words.textContent = t("animatic.waiting_for_the_sound");
    making.begin(store.send({ type: "make_animatic", image: picture?.path ?? null, time_s, at_x: place?.x ?? null, at_y: place?.y ?? null, guidance, striker, seed: 0 }));
  }

  function paint() {
    if (!panel.isOpen) return;
    const shown = place ?? (made && { x: made.at_x, y: made.at_y });
    mark.hidden = !shown || !still.clientWidth;
    if (shown) Object.assign(mark.style, { left: `${still.offsetLeft + shown.x * still.clientWidth}px`, top: `${still.offsetTop + shown.y * still.clientHeight}px` });
    where.textContent = place ? t("animatic.struck_at_the_mark") : made ? t("animatic.struck_where_found") : t("animatic.click_where");
    find.hidden = !place;
    strikers.set(striker);
    follow.set(guidance);
    if (!making.isMaking) words.textContent = made ? t("animatic.comes_down", { struck: made.struck, hits: made.hits }) : "";
    file.replaceChildren(...(made ? [createFileLink(made.url, made.name, t("animatic.get"))] : []));
  }

  const cleanups = [
    store.on("animatic_progress", ({ fraction }) => {
      if (making.isMaking) words.textContent = t("animatic.making_it", { percent: Math.round(100 * fraction) });
    }),
    store.on("animatic_made", (message) => {
      made = message;
      making.end();
    }),
    store.on("animatic_stopped", making.end),
    store.on("error", () => void (making.isMaking && panel.isOpen && making.end())), // all that tells of a request that is refused
    store.on("connection", (state) => void (state === "lost" && making.isMaking && making.end())), // how it ended may be told to no page
    store.watch(() => [store.view?.project?.clip.digest], () => {
      made = null;
      paint();
    }),
  ];
  return {
    toggle: panel.toggle,
    /**
     * Take a picture that is dropped while the dialog is open; whether it was taken.
     * @param {DragEvent} event
     */
    takeDropped(event) {
      const given = event.dataTransfer?.files[0];
      if (!panel.isOpen || !given?.type.startsWith("image/")) return false;
      takePicture(given);
      return true;
    },
    dispose() {
      forgetPicture();
      panel.dispose();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
