// @ts-check
// The clock of playback: which time of the clip leaves the loudspeaker at a time of the audio context.
//
// The <video> is the master. Once it moves, clip time and context time are anchored to each other, and anchored anew
// when they drift apart.

import { SAMPLE_RATE_HZ } from "./units.js";

const MOST_DRIFT_S = 0.02;
const JUMP_S = 0.25; // a difference that is no drift

/**
 * A time rounded to a sample.
 * @param {number} time_s
 */
export const onGrid = (time_s) => Math.round(time_s * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ;

/**
 * Context time of the samples that leave the loudspeaker now.
 * @param {BaseAudioContext} context
 */
export function heard_s(context) {
  const latency_s = context instanceof AudioContext ? context.outputLatency || 0 : 0;
  const stamp = context instanceof AudioContext ? context.getOutputTimestamp?.() : undefined;
  if (stamp?.performanceTime && stamp.contextTime !== undefined && stamp.performanceTime > 0) {
    const time_s = stamp.contextTime + (performance.now() - stamp.performanceTime) / 1000;
    if (Math.abs(context.currentTime - time_s) < 0.5) return time_s;
  }
  return context.currentTime - latency_s;
}

/**
 * ``offset_s()`` is the media time of the clip's first frame.
 * @param {() => number} offset_s
 */
export function createClock(offset_s) {
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let anchored = false;
  let from_s = 0;
  let anchor = { context_s: 0, clip_s: 0, rate: 1 };
  /** @type {number[]} */
  let drifts = [];

  /** The video, if it has a picture to follow. */
  const picture = () => (video && video.readyState >= 1 && !video.error ? video : null);
  /** @param {HTMLVideoElement} element */
  const timeOf_s = (element) => element.currentTime - offset_s();
  /** @param {number} context_s */
  const clipTime_s = (context_s) => anchor.clip_s + (context_s - anchor.context_s) * anchor.rate;
  /** @param {number} clip_s */
  const contextTime_s = (clip_s) => anchor.context_s + (clip_s - anchor.clip_s) / anchor.rate;

  /**
   * @param {number} clip_s
   * @param {number} context_s
   */
  function anchorTo(clip_s, context_s) {
    anchor = { context_s: onGrid(context_s), clip_s: onGrid(clip_s), rate: video?.playbackRate || 1 };
    anchored = true;
    drifts = [];
  }

  return {
    clipTime_s, contextTime_s,
    get anchored() { return anchored; },
    get hasPicture() { return picture() !== null; },
    /** Clip time at which playback began, or is paused. */
    get from_s() { return from_s; },
    get rate() { return anchor.rate; },
    /** Time of the displayed picture, also while the video is not ready; without a picture, the playback position. */
    get video_s() { return video ? timeOf_s(video) : from_s; },

    /** @param {HTMLVideoElement} element */
    attach(element) { video = element; },

    /**
     * Clip time of the audio output now.
     * @param {BaseAudioContext | null} context
     */
    now_s(context) {
      if (anchored && context) return clipTime_s(heard_s(context));
      const shown = picture();
      return shown ? timeOf_s(shown) : from_s;
    },

    /**
     * Begin to wait for the picture at a time.
     * @param {number} at_s
     */
    waitAt(at_s) {
      from_s = at_s;
      anchored = false;
    },

    /** Discard the offset of the two clocks until the picture moves again. */
    release() { anchored = false; },

    /**
     * Anchor once the picture moves (at once where there is none).
     * @param {BaseAudioContext} context
     */
    tryAnchor(context) {
      const shown = picture();
      if (!shown) {
        anchorTo(from_s, Math.max(heard_s(context), context.currentTime + 0.02));
        return;
      }
      if (shown.paused || shown.seeking) return;
      const time_s = timeOf_s(shown);
      if (time_s >= from_s - 0.05 && time_s <= from_s + 1e-4) return;
      if (time_s < from_s - 0.05) from_s = time_s;
      anchorTo(timeOf_s(shown), heard_s(context));
    },

    /**
     * Follow a picture that has drifted; returns whether the clock was anchored again.
     * @param {BaseAudioContext} context
     * @returns {"drift" | "jump" | null}
     */
    correctDrift(context) {
      const shown = picture();
      if (!shown || shown.paused || shown.seeking) return null;
      drifts.push(timeOf_s(shown) - clipTime_s(heard_s(context)));
      if (drifts.length < 3) return null;
      drifts = drifts.slice(-3);
      const drift_s = [...drifts].sort((a, b) => a - b)[1];
      if (Math.abs(drift_s) <= MOST_DRIFT_S) return null;
      anchorTo(clipTime_s(heard_s(context)) + drift_s, heard_s(context));
      return Math.abs(drift_s) > JUMP_S ? "jump" : "drift";
    },
  };
}
