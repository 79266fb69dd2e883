// @ts-check
// The names of the lanes at their left, with what can be chosen for each.

import { requireProject } from "../state/project.js";
import { recall, remember } from "../state/remembered.js";
import { t } from "../texts/t.js";
import { soundColor } from "../widgets/format.js";
import { describeHeld, formatLag, offerShift } from "./lag.js";
import { shiftHits } from "./shifting.js";
import { frameRate } from "./timecode.js";
import { createSegments, createSelect, make, newGesture, setChanged } from "../widgets/controls.js";
import { keyed } from "../widgets/key_titles.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { SetSource } from "../state/protocol.d.ts" */
/** @import { Lanes, Project, Store } from "../state/types.d.ts" */

/** @typedef {"spectrum" | "wave"} LaneMode how the rendered sounds are drawn */

/** @type {[SetSource["source"], string][]} */
const SOURCES = [["both", t("heads.both")], ["audio", t("heads.sound")], ["video", t("heads.picture")]];
const REMEMBERED = "struck.lane";

/**
 * The heads of the lanes, to be placed beside them.
 * @param {Store} store
 * @param {{chooseMaterial: () => void, enlarge: () => void, arranging: Arranging, changed: () => void}} host
 */
export function createHeads(store, { chooseMaterial, enlarge, arranging, changed }) {
  /** @type {LaneMode} */
  let mode = recall(REMEMBERED) === "wave" ? "wave" : "spectrum";

  const source = createSelect({ label: t("heads.find_hits_in"), onChoose: (/** @type {SetSource["source"]} */ value) => store.edit({ kind: "set_source", source: value }, newGesture()) });
  source.element.className = "st-head-select";
  source.element.title = t("heads.where_hits_are");
  const track = createSelect({ label: t("heads.sound_track_of"), onChoose: (/** @type {string} */ value) => store.edit({ kind: "set_track", track: Number(value) }, newGesture()) });
  track.element.className = "st-head-select";
  track.element.title = t("heads.which_of_the");
  const ask = make("button", "st-head-button", { type: "button", textContent: t("common.what_is_struck"), title: t("heads.choose_a_material"), onclick: chooseMaterial });
  const ripple = make("button", "st-head-mode", { type: "button", textContent: t("heads.ripple"), ...keyed("ripple", t("heads.moving_or_deleting")), onclick: () => arranging.setRipple(!arranging.ripple) });
  const inStep = make("button", "st-head-button is-lag", { type: "button", onclick: shiftAll });
  const look = createSegments({ label: t("heads.show_as"), choices: /** @type {[LaneMode, string, string][]} */ ([["spectrum", t("heads.spec"), t("heads.show_the_rendered")], ["wave", t("heads.wave"), t("heads.show_the_rendered_hits")]]), onChoose: setMode });
  look.element.classList.add("st-head-segments");
  const large = make("button", "ins-segment", { type: "button", textContent: "⤢", ...keyed("spectrogram", t("common.the_spectrogram_in")), "aria-label": t("common.the_spectrogram_in"), onclick: enlarge });
  look.element.append(large);

  /**
   * @param {string} title
   * @param {...HTMLElement} controls
   */
  const head = (title, ...controls) => make("div", "st-head", {}, make("span", "st-head-title", { textContent: title }), ...controls);
  const heads = {
    picture: head(t("common.picture")),
    onsets: head(t("heads.onsets"), source.element),
    hits: make("div", "st-head", {}, make("span", "st-head-row", {}, make("span", "st-head-title", { textContent: t("common.hits_2") }), ripple), ask, inStep),
    struck: head("Struck", look.element),
    clip: head(t("common.clip_sound"), track.element),
  };
  const element = make("div", "st-heads", {}, ...Object.values(heads));

  function shiftAll() {
    const project = requireProject(store);
    const offer = offerShift(project, store.media.lag_s);
    if (offer) shiftHits(store, project.hits, offer.delta_s);
  }

  /** @param {Project | null} project */
  function showLag(project) {
    const offer = project && offerShift(project, store.media.lag_s);
    setChanged(inStep, { hidden: !offer });
    if (!project || !offer) return;
    const lag_s = store.media.lag_s ?? 0;
    const rate = frameRate(project.clip.frame_rate);
    const held = describeHeld(project.hits, offer.delta_s, project.clip.duration_s);
    const followed = offer.follows === "picture" ? t("heads.the_picture") : t("heads.the_clips_sound");
    const apart = t("heads.the_picture_is", { lag: formatLag(Math.abs(lag_s), rate), order: lag_s > 0 ? t("heads.later") : t("heads.earlier") });
    setChanged(inStep, {
      disabled: offer.isDone,
      textContent: offer.isDone ? t("heads.follow", { followed }) : t("heads.shift_all_ms", { shift: `${offer.delta_s < 0 ? "\u2212" : "+"}${Math.round(1000 * Math.abs(offer.delta_s))}` }),
      title: offer.isDone ? t("heads.the_hits_follow", { apart, followed }) : `${t("heads.shift_all_hits", { apart, followed })}${held && `. ${held}`}`,
    });
  }

  /**
   * The question stands out until it is answered; later it is a way to choose anew.
   * @param {Project | null} project
   */
  function showAsked(project) {
    ask.classList.toggle("is-answered", !project?.sounds.some((sound) => sound.is_default || sound.is_unrecognised));
  }

  /** @param {LaneMode} value */
  function setMode(value) {
    mode = value;
    look.set(value);
    remember(REMEMBERED, value);
    changed();
  }
  look.set(mode);

  /**
   * @param {Lanes} lanes
   * @param {Project | null} project
   */
  function place(lanes, project) {
    for (const name of /** @type {(keyof typeof heads)[]} */ (Object.keys(heads))) {
      const lane = lanes[name];
      heads[name].hidden = !lane;
      if (!lane) continue;
      heads[name].style.top = `${lane.top}px`;
      heads[name].style.height = `${lane.height}px`;
    }
    element.classList.toggle("is-off", !project);
    source.element.hidden = !project?.clip.has_audio;
    if (project) source.set(SOURCES, project.detection.source);
    const tracks = project?.clip.audio_tracks ?? [];
    track.element.hidden = tracks.length < 2;
    track.set(tracks.map((text, number) => [String(number), text]), String(project?.clip.audio_track ?? 0));
    ask.hidden = !project || project.clip.has_audio;
    showAsked(project);
    look.element.hidden = ripple.hidden = !project;
    showLag(project);
  }

  function showRipple() {
    ripple.classList.toggle("is-on", arranging.ripple);
    ripple.setAttribute("aria-pressed", String(arranging.ripple));
  }
  const cleanup = store.on("ripple", showRipple);
  showRipple();

  return {
    element, place, showLag, showAsked, dispose: cleanup,
    get mode() { return mode; },
    /** @param {string} soundId */
    colorOf: (soundId) => soundColor(requireProject(store), soundId),
  };
}
