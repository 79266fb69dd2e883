// @ts-check
// Where a time lies on the timeline: scroll and zoom, and the lanes' heights.

import { clamp, SAMPLE_RATE_HZ } from "../audio/units.js";
import { frameRate } from "./timecode.js";
/** @import { Clip, Lane, Lanes } from "../state/types.d.ts" */

const WIDEST_SAMPLE_PX = 8; // the nearest zoom
const FIT_MARGIN_PX = 14;
const RULER_PX = 26;
const LOUDEST_DB = 6; // top of the hits lane
export const SOFTEST_DB = -36; // its bottom; softer hits stand there
const HEAD_ROOM_PX = 12;
const FOOT_ROOM_PX = 14;
const LEAST_ONSETS_PX = 38; // its head has a name and a control

/** Lanes from top to bottom and their share of the height. */
const SHARES = { picture: 60, onsets: 54, hits: 92, struck: 74, clip: 44 };
const LANES = /** @type {[keyof typeof SHARES, number][]} */ (Object.entries(SHARES));

/** Times in seconds from the clip's first frame, places in pixels from the left of the lanes. */
export function createScale() {
  const scale = {
    start_s: 0,
    px_per_s: 100,
    width: 1,
    duration_s: 1,
    rate: 25,
    isFit: true,
    /** @param {number} time_s */
    x: (time_s) => (time_s - scale.start_s) * scale.px_per_s,
    /** @param {number} x */
    time: (x) => scale.start_s + x / scale.px_per_s,
    get end_s() { return scale.start_s + scale.width / scale.px_per_s; },
    get fit_px_per_s() { return Math.max(1, scale.width - 2 * FIT_MARGIN_PX) / scale.duration_s; },

    /** @param {Pick<Clip, "duration_s" | "frame_rate">} clip */
    setClip(clip) {
      scale.duration_s = Math.max(1e-3, clip.duration_s);
      scale.rate = frameRate(clip.frame_rate);
    },

    /** @param {number} width */
    setWidth(width) {
      const middle_s = scale.start_s + scale.width / scale.px_per_s / 2;
      scale.width = Math.max(1, width);
      if (scale.isFit) scale.fit();
      else scale.scrollTo(middle_s - scale.width / scale.px_per_s / 2);
    },

    fit() {
      scale.isFit = true;
      scale.px_per_s = scale.fit_px_per_s;
      scale.start_s = -FIT_MARGIN_PX / scale.px_per_s;
    },

    /**
     * Zoom by a factor, keeping what is under x in place.
     * @param {number} factor
     * @param {number} x
     */
    zoom(factor, x) {
      const at_s = scale.time(x);
      const most = Math.max(SAMPLE_RATE_HZ * WIDEST_SAMPLE_PX, scale.fit_px_per_s);
      const next = clamp(scale.px_per_s * factor, scale.fit_px_per_s, most);
      if (next <= scale.fit_px_per_s * 1.0001) {
        scale.fit();
        return;
      }
      scale.isFit = false;
      scale.px_per_s = next;
      scale.scrollTo(at_s - x / next);
    },

    /** @param {number} start_s */
    scrollTo(start_s) {
      const margin_s = FIT_MARGIN_PX / scale.px_per_s;
      const last_s = Math.max(-margin_s, scale.duration_s + margin_s - scale.width / scale.px_per_s);
      scale.start_s = clamp(start_s, -margin_s, last_s);
    },

    /** @param {number} px */
    scrollBy(px) {
      if (!scale.isFit) scale.scrollTo(scale.start_s + px / scale.px_per_s);
    },
  };
  return scale;
}

/**
 * Top and height of every lane within a height.
 * @param {number} height
 * @param {boolean} hasSound
 * @returns {Lanes}
 */
export function layLanes(height, hasSound) {
  const lanes = hasSound ? LANES : LANES.filter(([name]) => name !== "clip");
  const total = lanes.reduce((sum, [, share]) => sum + share, 0);
  const free = Math.max(0, height - RULER_PX);
  const onsets_px = Math.min(free, Math.max(LEAST_ONSETS_PX, (free * SHARES.onsets) / total));
  /** @type {Partial<Lanes>} */
  const places = { ruler: { top: 0, height: RULER_PX } };
  let end = RULER_PX;
  for (const [name, share] of lanes) {
    const top = Math.round(end);
    end += name === "onsets" ? onsets_px : ((free - onsets_px) * share) / (total - SHARES.onsets);
    places[name] = { top, height: Math.round(end) - top };
  }
  return /** @type {Lanes} */ (places);
}

/**
 * Height of a hit's head in its lane, and the velocity at a height.
 * @param {Lane} lane
 */
export function velocityScale(lane) {
  const top = lane.top + HEAD_ROOM_PX;
  const bottom = lane.top + lane.height - FOOT_ROOM_PX;
  const span_db = LOUDEST_DB - SOFTEST_DB;
  return {
    bottom: lane.top + lane.height - 4,
    db_per_px: span_db / (bottom - top),
    /** @param {number} velocity_db */
    y: (velocity_db) => top + ((LOUDEST_DB - clamp(velocity_db, SOFTEST_DB, LOUDEST_DB)) / span_db) * (bottom - top),
    /** @param {number} y */
    velocity_db: (y) => clamp(LOUDEST_DB - ((y - top) / (bottom - top)) * span_db, SOFTEST_DB, LOUDEST_DB),
  };
}
