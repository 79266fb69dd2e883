// @ts-check
// The picture and its transport. Struck time is 0 at the first displayed frame.
//
// The cursor is where the playhead stands: set by hand while paused, following what is heard while playing.

import { translate } from "../texts/server.js";
import { t } from "../texts/t.js";
import { icon } from "../widgets/icons.js";
import { createMeterView } from "../widgets/meter_view.js";
import { clamp } from "../audio/units.js";
import { formatPace } from "../widgets/format.js";
import { formatTimecode, frameRate, parseTime } from "../timeline/timecode.js";
import { createEntry, createSegments, make } from "../widgets/controls.js";
import { keyed, setKeyed } from "../widgets/key_titles.js";
import { createLoop } from "./loop.js";
import { createPointing } from "./pointing.js";
import { createScope } from "../widgets/scope.js";
/** @import { AudioEngine, Store } from "../state/types.d.ts" */

/** @import { Listen } from "../audio/engine.js" */
/** @import { IconName } from "../widgets/icons.js" */
// A picture is shown from its own time on, so seek just past it; also less than the 1 ms by which
// the audio engine lets a hit lie before the point where playback begins.
const PAST_FRAME_S = 0.0008;
const NEAR_S = 0.003;
const SEEK_WAIT_MS = 1500;
const SHORTEST_STEP_S = 0.04; // heard at a step; a shorter frame is too short to tell anything
/** @type {[Listen, string, string][]} */
const LISTEN = [["struck", "Struck", t("player.hear_what_struck")], ["clip", t("common.clip"), t("player.hear_the_clips")], ["both", t("player.both"), t("player.hear_both_together")]];

/**
 * @param {IconName} name
 * @param {import("../actions/table.js").ActionId} action
 * @param {string} label
 * @param {() => void} onclick
 */
const button = (name, action, label, onclick, extra = "") => make("button", `st-button is-icon ${extra}`, { type: "button", ...keyed(action, label), "aria-label": label, onclick }, icon(name));

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {AudioEngine} audio
 */
export function createPlayer(root, store, audio) {
  let cursor_s = 0;
  /** @type {number | null} */
  let frame_s = null; // time of the picture on show, from the browser's compositor
  let playing = false;
  let isRolling = false; // the picture was asked to play, and not yet to stand
  const loop = createLoop(store);
  let pace = 1; // seconds of the clip in one of the wall clock
  /** @type {string | null} */
  let address = null;
  let number = 0; // of the latest wish to play or pause: an older one that still waits for a seek gives up
  let isShown = false; // a picture of this clip has been on screen
  let animation = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const clip = () => store.view?.project?.clip ?? null;
  const rate = () => frameRate(clip()?.frame_rate ?? "25");
  const offset_s = () => clip()?.picture_offset_s ?? 0;
  const hasPicture = () => video.readyState >= 1 && !video.error;
  const pictureTime_s = () => video.currentTime - offset_s();

  // --- elements -----------------------------------------------------------------------------------

  const video = make("video", "st-video", { preload: "auto", playsInline: true, disablePictureInPicture: true, tabIndex: -1 });
  video.setAttribute("aria-label", t("player.the_clip"));
  const words = make("p", "st-stage-words", { role: "status" });
  const stage = make("div", "st-stage", {}, video, words);
  const playButton = button("play", "play", t("common.play"), () => toggle(), "is-main");
  const timecode = createEntry({
    label: t("player.timecode_type_one"),
    className: "st-timecode",
    /** @param {string} text */
    onEnter(text) {
      const shown = clip();
      const time_s = shown && parseTime(text, shown);
      if (time_s === null) return false;
      seek(time_s);
      return true;
    },
  });
  timecode.element.title = t("player.type_a_timecode");
  const frame = make("span", "");
  const speed = make("span", "");
  const facts = make("div", "st-frame", {}, frame, speed);
  const listen = createSegments({ label: t("player.listen_to"), choices: LISTEN, onChoose: setListen });
  listen.element.classList.add("st-segments");
  const listenLabel = make("span", "st-label", { textContent: t("player.listen_to") });
  const meter = createMeterView(audio);
  const transport = make("div", "st-transport", {},
    make("div", "st-buttons", {}, button("start", "to_start", t("common.to_the_start"), () => seek(0)), playButton, loop.button, button("end", "to_end", t("common.to_the_end"), () => seek(Infinity)),
      button("back", "frame_back", t("player.one_frame_back"), () => step(-1)), button("forward", "frame_on", t("player.one_frame_on"), () => step(1))),
    timecode.element, facts, make("span", "st-space"), listenLabel, listen.element, meter.element);
  root.append(stage, transport);
  audio.attachVideo(video);

  // --- moving -------------------------------------------------------------------------------------

  /** @param {number} time_s */
  function setCursor(time_s) {
    cursor_s = clamp(time_s, 0, clip()?.duration_s ?? 0);
    showTime();
    store.emit("time", { time_s: cursor_s, playing });
  }

  function showTime() {
    const shown = clip();
    transport.classList.toggle("is-off", !shown);
    if (!shown) {
      timecode.set("--:--:--:--", true);
      frame.textContent = speed.textContent = "";
      return;
    }
    const time_s = playing && frame_s !== null ? frame_s : cursor_s;
    timecode.set(formatTimecode(clamp(time_s, 0, shown.duration_s), shown));
    frame.textContent = t("player.frame", { time_s: Math.floor(time_s * rate() + 0.001) });
    Object.assign(speed, { title: translate(shown.uneven), textContent: `${shown.uneven ? "≈ " : ""}${rate().toFixed(rate() % 1 ? 2 : 0)} fps${pace === 1 ? "" : ` · ${formatPace(pace)}`}` });
  }

  /**
   * Move the cursor, and the picture to the frame shown there.
   * @param {number} time_s
   */
  function seek(time_s) {
    const last_s = Math.max(0, (clip()?.duration_s ?? 0) - 1 / rate());
    const to_s = clamp(time_s, 0, Number.isFinite(time_s) ? clip()?.duration_s ?? 0 : last_s);
    setCursor(to_s);
    if (hasPicture()) {
      frame_s = null;
      video.currentTime = clamp(to_s, 0, last_s) + offset_s() + PAST_FRAME_S;
    }
    if (!hasPicture() || !playing) audio.seek(to_s);
  }

  /**
   * Move the cursor by hand; while paused, the sound at the cursor is played.
   * @param {number} time_s
   */
  function scrub(time_s) {
    const from_s = cursor_s;
    seek(time_s);
    if (!playing && cursor_s !== from_s) audio.scrub.sound(from_s, cursor_s);
  }

  /** @param {number} frames */
  function step(frames) {
    if (playing) pause();
    const from_s = cursor_s;
    seek((Math.floor(cursor_s * rate() + 0.001) + frames) / rate());
    if (cursor_s !== from_s) audio.scrub.sound(cursor_s, cursor_s, Math.max(SHORTEST_STEP_S, 1 / rate()));
  }

  async function play() {
    const shown = clip();
    if (playing || !shown) return;
    const mine = ++number;
    playing = true;
    showPlaying();
    if (cursor_s >= shown.duration_s - 1.5 / rate()) setCursor(loop.start_s);
    audio.resume().catch(() => {});
    if (hasPicture()) {
      const wanted_s = cursor_s + PAST_FRAME_S;
      if (Math.abs(pictureTime_s() - wanted_s) > NEAR_S) {
        video.currentTime = wanted_s + offset_s();
        await settled();
        if (mine !== number) return;
      }
      isRolling = true;
      try {
        await Promise.resolve(video.play());
      } catch {
        if (mine === number) pause(); // the browser wants a gesture first, or the seek was overtaken
        return;
      }
      if (mine !== number) return;
      audio.play(Math.min(wanted_s, pictureTime_s()));
    } else audio.play(cursor_s);
    follow();
  }

  /** @returns {Promise<void>} */
  function settled() {
    return new Promise((done) => {
      const finish = () => {
        clearTimeout(wait);
        video.removeEventListener("seeked", finish);
        done();
      };
      const wait = setTimeout(finish, SEEK_WAIT_MS);
      video.addEventListener("seeked", finish);
    });
  }

  /** Picture and sound stand. */
  function halt() {
    number++;
    playing = isRolling = false;
    video.pause();
    audio.stop();
    cancelAnimationFrame(animation);
  }

  function pause() {
    if (!playing) return;
    halt();
    const stopped_s = hasPicture() ? Math.floor(pictureTime_s() * rate() + 0.001) / rate() : audio.now_s();
    showPlaying();
    setCursor(stopped_s);
    if (hasPicture()) video.currentTime = clamp(cursor_s, 0, Math.max(0, clip()?.duration_s ?? 0)) + offset_s() + PAST_FRAME_S;
  }

  const toggle = () => (playing ? pause() : play());

  /**
   * Speed of picture and hits; each hit's own sound is not stretched.
   * @param {number} value seconds of the clip in one of the wall clock
   */
  function setPace(value) {
    if (value === pace) return;
    const heard_s = audio.now_s();
    pace = value;
    video.playbackRate = video.defaultPlaybackRate = pace; // a new clip would bring back the default
    if (playing && !hasPicture()) audio.seek(heard_s);
    showTime();
  }

  /** The end of the clip: begin again, or stop there. */
  function atEnd() {
    if (!playing) return;
    if (loop.isOn) goRound(clip()?.duration_s ?? 0);
    else {
      pause();
      setCursor(clip()?.duration_s ?? 0);
    }
  }

  /** @param {number} end_s */
  function goRound(end_s) {
    halt();
    setCursor(loop.start_s);
    store.emit("round", { start_s: cursor_s, end_s });
    play();
  }

  function follow() {
    cancelAnimationFrame(animation);
    const tick = () => {
      if (!playing) return;
      const now_s = audio.now_s(); // once: the clock goes on between two looks, past the end of the loop
      if (!hasPicture() && now_s >= (clip()?.duration_s ?? 0)) atEnd();
      else if (loop.range && loop.isCrossed(cursor_s, now_s)) goRound(loop.range.end_s);
      else {
        if (!video.seeking) setCursor(now_s);
        animation = requestAnimationFrame(tick);
      }
    };
    animation = requestAnimationFrame(tick);
  }

  function showPlaying() {
    playButton.replaceChildren(icon(playing ? "pause" : "play"));
    const label = playing ? t("player.pause") : t("common.play");
    setKeyed(playButton, "play", label);
    playButton.setAttribute("aria-label", label);
    store.emit("playing", playing);
  }

  /** @param {Listen} choice */
  function setListen(choice) {
    audio.setListen(choice);
    listen.set(choice);
  }

  // --- the clip -----------------------------------------------------------------------------------

  function show() {
    const shown = clip();
    const next = shown?.media_url ?? null;
    if (next !== address) {
      address = next;
      if (playing && hasPicture()) pause();
      frame_s = null;
      isShown = false;
      if (next) video.src = next;
      else {
        video.removeAttribute("src");
        video.load();
      }
    }
    const silent = Boolean(shown && !shown.has_audio);
    listen.element.hidden = listenLabel.hidden = !shown || silent;
    if (silent && audio.listen !== "struck") setListen("struck");
    sayState();
    showTime();
  }

  function sayState() {
    const shown = clip();
    let text = "";
    if (!shown) text = store.status.phase === "opening" ? store.status.message : "";
    else if (video.error) text = t("player.this_browser_cannot");
    else if (!shown.media_url && store.status.phase === "opening") text = `${store.status.message || t("player.preparing_the_picture")}.`;
    else if (!shown.media_url) text = t("player.loading_the_picture");
    else if (!isShown) text = t("player.loading_the_picture");
    words.textContent = text;
    stage.classList.toggle("is-waiting", Boolean(text));
  }

  function seen() {
    isShown = true;
    sayState();
  }

  /** @type {string | null} */
  let digest = null;
  function followView() {
    const now = clip()?.digest ?? null;
    if (now !== digest) {
      digest = now;
      if (playing) pause();
      meter.reset();
      setCursor(0);
      loop.setRange(null);
    }
    show();
  }

  const scope = createScope();
  scope.add(store.watch(() => [store.view?.project?.clip, store.view?.project?.mix], followView));
  scope.add(store.on("status", sayState));
  video.addEventListener("loadeddata", seen);
  video.addEventListener("seeked", seen);
  video.addEventListener("error", sayState);
  video.addEventListener("ended", () => video.ended && atEnd()); // told late, the loop may have gone round already
  // Someone else paused the rolling picture (a media key, the system): follow it, once it seeks no more.
  const followPause = () => {
    clearTimeout(timer);
    timer = setTimeout(() => isRolling && video.paused && !video.ended && address && hasPicture() && (video.seeking ? followPause() : pause()), 120);
  };
  video.addEventListener("pause", followPause);
  video.addEventListener("loadedmetadata", () => {
    if (!playing) video.currentTime = cursor_s + offset_s() + PAST_FRAME_S;
    else { // what began without a picture goes on with it, and so does a recording
      const heard_s = audio.now_s();
      halt();
      setCursor(heard_s);
      play();
    }
  });
  const pointing = createPointing(stage, video, () => cursor_s);
  /** Wait for a click in the picture, which stands still meanwhile; see ``createPointing``. */
  const pickPoint = /** @type {typeof pointing.pick} */ ((picked) => {
    pause();
    return pointing.pick(picked);
  });
  stage.addEventListener("click", toggle);
  let frameWatch = 0;
  /**
   * @param {number} [_now]
   * @param {VideoFrameCallbackMetadata} [shownFrame]
   */
  function watchFrames(_now, shownFrame) {
    if (shownFrame) {
      frame_s = Math.max(0, shownFrame.mediaTime - offset_s());
      if (playing) showTime();
    }
    frameWatch = video.requestVideoFrameCallback?.(watchFrames);
  }
  watchFrames();
  setListen("struck");
  followView();

  return {
    play, pause, toggle, seek, scrub, step, setListen, setPace,
    setLoop: loop.set,
    setRange: loop.setRange,
    pickPoint,
    toggleLoop: () => loop.set(!loop.isOn),
    video,
    get time_s() { return cursor_s; },
    get playing() { return playing; },
    get range() { return loop.range; },
    get isLooping() { return loop.isOn; },
    get frameRate() { return rate(); },
    dispose() {
      scope.dispose();
      pause();
      pointing.dispose();
      clearTimeout(timer);
      cancelAnimationFrame(animation);
      video.cancelVideoFrameCallback?.(frameWatch);
      meter.dispose();
      video.removeAttribute("src");
      video.load();
    },
  };
}
