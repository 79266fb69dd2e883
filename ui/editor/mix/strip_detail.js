// @ts-check
// The strip of the chosen sound: distance, room, filters, direction and LFE.

import { MOST_M, NEUTRAL_STRIP, SEND_OFF_DB } from "../audio/strip.js";
import { t } from "../texts/t.js";
import { soundColor } from "../widgets/format.js";
import { createButton, createSlider, make, newGesture } from "../widgets/controls.js";
import { createDirection } from "./direction.js";
import { createStripEdit } from "./strips.js";
import { formatCutoff, formatDirection, formatMetres, formatSend, HIGHEST_HZ, isOff, LOWEST_HZ, parseCutoff, parseDirection, parseMetres, parseSend } from "./units.js";
/** @import { StripValues } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/** @param {[string, number | boolean]} value of a strip, which is no switch */
const isShaping = ([name]) => name !== "mute" && name !== "solo";

/**
 * @param {Store} store
 * @param {() => string | null} chosen id of the sound
 */
export function createStripDetail(store, chosen) {
  const edit = createStripEdit(store, chosen);
  /**
   * A slider on one value of the strip.
   * @param {(value: number) => StripValues} values
   * @param {Omit<Parameters<typeof createSlider>[0], "onStart" | "onInput" | "onCommit">} settings
   */
  const field = (values, settings) => createSlider({ ...settings, onStart: edit.begin, onInput: (v) => edit.hold(values(v)), onCommit: (v) => edit.commit(values(v)) });
  const distance = field((distance_m) => ({ distance_m }), {
    label: t("common.distance"), help: t("strip_detail.from_the_listener"),
    min: 1, max: MOST_M, scale: "log", neutral: 1, format: formatMetres, read: parseMetres,
  });
  const room = field((room_db) => ({ room_db }), {
    label: t("common.room"), help: t("strip_detail.more_of_the"),
    min: SEND_OFF_DB, max: 24, neutral: SEND_OFF_DB, format: formatSend, read: parseSend,
  });
  const high = field((v) => ({ high_pass_hz: isOff(v, LOWEST_HZ) ? 0 : v }), {
    label: t("strip_detail.high_pass"), help: t("strip_detail.takes_away_what_is"),
    min: LOWEST_HZ, max: HIGHEST_HZ, scale: "log", neutral: LOWEST_HZ, format: formatCutoff(LOWEST_HZ), read: parseCutoff(LOWEST_HZ),
  });
  const low = field((v) => ({ low_pass_hz: isOff(v, HIGHEST_HZ) ? 0 : v }), {
    label: t("strip_detail.low_pass"), help: t("strip_detail.takes_away_what"),
    min: LOWEST_HZ, max: HIGHEST_HZ, scale: "log", neutral: HIGHEST_HZ, format: formatCutoff(HIGHEST_HZ), read: parseCutoff(HIGHEST_HZ),
  });
  const direction = field((surround_deg) => ({ surround_deg }), {
    label: t("strip_detail.direction"), help: t("strip_detail.in_5_1_around"),
    min: -180, max: 180, step: 1, neutral: 0, format: formatDirection, read: parseDirection,
  });
  const lfe = field((lfe_db) => ({ lfe_db }), {
    label: "LFE", help: t("strip_detail.in_5_1"),
    min: SEND_OFF_DB, max: 12, neutral: SEND_OFF_DB, format: formatSend, read: parseSend,
  });
  const dial = createDirection({
    begin: () => edit.begin(newGesture()),
    hold: (surround_deg) => edit.hold({ surround_deg }),
    commit: (surround_deg) => edit.commit({ surround_deg }),
    cancel: () => store.hold(null),
  });
  const name = make("span", "mix-detail-name");
  const reset = createButton(t("common.reset"), { kind: "quiet", title: t("strip_detail.everything_of_this"), onPress: () => {
    edit.commit(Object.fromEntries(Object.entries(NEUTRAL_STRIP).filter(isShaping)), newGesture());
  } });
  const element = make("section", "mix-detail", { "aria-label": t("strip_detail.strip_of_the") },
    make("div", "mix-detail-head", {}, make("i", "ins-dot"), name, reset),
    make("div", "mix-detail-body", {}, make("div", "mix-detail-sliders", {}, distance.element, room.element, direction.element, high.element, low.element, lfe.element), dial.element));

  function show() {
    const project = store.view?.project;
    const sound = project?.sounds.find(({ id }) => id === chosen());
    element.hidden = !sound;
    if (!project || !sound) return;
    const { strip } = sound;
    element.style.setProperty("--sound", soundColor(project, sound.id));
    name.textContent = sound.name;
    reset.hidden = Object.entries(NEUTRAL_STRIP).filter(isShaping).every(([key, value]) => strip[/** @type {keyof typeof strip} */ (key)] === value);
    distance.set(strip.distance_m);
    room.set(strip.room_db);
    high.set(strip.high_pass_hz || LOWEST_HZ);
    low.set(strip.low_pass_hz || HIGHEST_HZ);
    direction.set(strip.surround_deg);
    lfe.set(strip.lfe_db);
    dial.set(strip.surround_deg);
  }

  return { element, show };
}
