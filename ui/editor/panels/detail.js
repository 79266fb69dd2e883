// @ts-check
// How much of a sound is kept as measured, which object the rest is taken from, and how far its hits vary.

import { requireProject } from "../state/project.js";
import { findWord, t } from "../texts/t.js";
import { parsePercent } from "../widgets/format.js";
import { createButton, createSlider, make, newGesture } from "../widgets/controls.js";
import { createVariation } from "../widgets/variation.js";
/** @import { DraftHost, Store } from "../state/types.d.ts" */
/** @import { SetDetail } from "../state/protocol.d.ts" */

const MAX_SEED = 0x7fffffff;
const AS_MEASURED = 0.995;

/** @param {number} value */
const percent = (value) => `${Math.round(100 * value)} %`;

/** @param {number} value */
function formatDetail(value) {
  if (value >= AS_MEASURED) return t("common.as_measured");
  return value < 0.005 ? t("detail.imagined") : percent(value);
}

/** @param {string} text */
function parseDetail(text) {
  if (/measured/i.test(text)) return 1;
  return findWord(text, ["detail.imagined"]) ? 0 : parsePercent(text);
}

/**
 * ``host``: {sound() -> the sound as shown, committed(soundId)}.
 * @param {Store} store
 * @param {DraftHost} host
 */
export function createDetail(store, host) {
  let isMoving = false;
  let soundId = ""; // of the sound whose slider was taken hold of
  /**
   * @param {Omit<SetDetail, "kind" | "sound_id">} values
   * @param {string} sound_id
   */
  const edit = (values, sound_id) => /** @type {SetDetail} */ ({ kind: "set_detail", sound_id, ...values });
  /**
   * @param {Omit<SetDetail, "kind" | "sound_id">} values
   * @param {string} sound_id
   */
  function send(values, sound_id, gesture = newGesture()) {
    isMoving = false;
    host.committed(sound_id);
    store.edit(edit(values, sound_id), gesture);
  }
  /** @param {"detail" | "variation"} name */
  const moves = (name) => ({
    onStart() { soundId = host.sound().id; },
    /** @param {number} value */
    onInput(value) {
      isMoving = true;
      store.hold(edit({ [name]: value }, soundId));
    },
    /**
     * @param {number} value
     * @param {string} gesture
     */
    onCommit: (value, gesture) => send({ [name]: value }, soundId, gesture),
  });
  const detail = createSlider({
    label: t("detail.detail"), min: 0, max: 1, step: 0.01, neutral: 1, format: formatDetail, read: parseDetail,
    help: t("detail.from_all_that"), ...moves("detail"),
  });
  const another = createButton(t("common.another"), { kind: "quiet", title: t("detail.take_what_detail"), onPress: () => send({ detail_seed: (host.sound().detail_seed + 1) % (MAX_SEED + 1) }, host.sound().id) });
  const variation = createVariation({ label: t("common.variation"), help: t("detail.how_much_the"), ...moves("variation") }, () => requireProject(store).render.variation);
  const element = make("div", "ins-macros ins-detail", { role: "group", "aria-label": t("detail.detail_and_variation") }, detail.element, another, variation.element);

  return {
    element,
    show() {
      const sound = host.sound();
      detail.set(sound.detail);
      another.disabled = sound.detail >= AS_MEASURED;
      variation.set(sound.variation);
    },
    get active() { return isMoving; },
  };
}
