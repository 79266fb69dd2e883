// @ts-check
// Recording of a take: what a played hit and the passing playhead do to the document, as edits of one gesture.

import { clamp } from "../audio/units.js";
import { placeName } from "../state/project.js";
/** @import { EditMessage } from "../state/protocol.d.ts" */
/** @import { Hit } from "../state/types.d.ts" */

/** @typedef {"overdub" | "replace"} RecordMode whether the older hits of a sound that is played stay */
/** @typedef {"off" | "preroll" | "recording"} Phase */
/** @typedef {Pick<Hit, "id" | "time_s" | "sound_id">} Placed */

/** A hit meant this much before the take begins is a first one that came early, and belongs to it. */
export const EARLY_S = 0.15;

/**
 * A recorder, off. ``newGesture`` names takes: the edits of one take are one entry of the history.
 * @param {() => string} newGesture
 */
export function createTake(newGesture) {
  /** @type {Phase} */
  let phase = "off";
  /** @type {RecordMode} */
  let mode = "overdub";
  let start_s = 0;
  let duration_s = 0;
  let reached_s = 0;
  let gesture = "";
  /** @type {Set<string>} */
  let struck = new Set(); // sounds that were played in this take
  /** @type {Set<string>} */
  let own = new Set(); // hits of this take, by sound and time: their ids are the server's to give
  /** @type {Set<string>} */
  let gone = new Set(); // ids that were taken away already

  /** @param {number} at_s */
  function beginTake(at_s) {
    gesture = newGesture();
    start_s = reached_s = at_s;
    struck = new Set();
    own = new Set();
    gone = new Set();
  }

  /**
   * The older hits of the sounds that were played, as far as the playhead has come.
   * @param {readonly Placed[]} hits
   * @returns {EditMessage[]}
   */
  function takeAway(hits) {
    if (mode === "overdub") return [];
    const ids = hits.filter((hit) => isReplaced(hit) && hit.time_s >= start_s && hit.time_s <= reached_s).map((hit) => hit.id);
    for (const id of ids) gone.add(id);
    return ids.length ? [{ kind: "delete_hits", ids }] : [];
  }

  /**
   * Whether a hit is taken away once the playhead passes it: it should not be heard any more.
   * @param {Placed} hit
   */
  const isReplaced = (hit) => phase === "recording" && mode === "replace" && struck.has(hit.sound_id) && !own.has(placeName(hit)) && !gone.has(hit.id);

  return {
    get phase() { return phase; },
    get gesture() { return gesture; },
    get start_s() { return start_s; },
    /**
     * How many of the hits this take recorded; the last one counts until the next begins.
     * @param {readonly Placed[]} hits
     */
    countIn: (hits) => hits.filter((hit) => own.has(placeName(hit))).length,
    isReplaced,

    /**
     * Begin to record once the playhead reaches a time.
     * @param {{start_s: number, from_s: number, mode: RecordMode, duration_s: number}} wish ``from_s`` is where the playhead is,
     *   before 0 while clicks count in, and ``duration_s`` the clip's length
     */
    begin(wish) {
      ({ mode, duration_s } = wish);
      phase = wish.from_s < wish.start_s ? "preroll" : "recording";
      beginTake(wish.start_s);
    },

    /**
     * The playhead has come to a time.
     * @param {number} time_s
     * @param {readonly Placed[]} hits
     */
    reach(time_s, hits) {
      if (phase === "preroll" && time_s >= start_s) phase = "recording";
      if (phase !== "recording") return [];
      reached_s = Math.max(reached_s, time_s);
      return takeAway(hits);
    },

    /**
     * A hit was played; during pre-roll it is heard only.
     * @param {{time_s: number, sound_id: string, velocity_db: number}} meant
     * @param {readonly Placed[]} hits
     * @returns {EditMessage[]}
     */
    strike(meant, hits) {
      if (phase === "off" || meant.time_s < start_s - EARLY_S) return [];
      const hit = { ...meant, time_s: clamp(meant.time_s, 0, duration_s) };
      if (phase === "preroll") phase = "recording"; // the playhead is a step behind
      struck.add(hit.sound_id);
      own.add(placeName(hit));
      return [{ kind: "play_hit", ...hit }, ...takeAway(hits)];
    },

    /**
     * The range begins anew: what follows is a take of its own.
     * @param {number} end_s where the range ends
     * @param {number} again_s where it begins
     * @param {readonly Placed[]} hits
     */
    goRound(end_s, again_s, hits) {
      if (phase !== "recording") return { gesture, edits: [] };
      reached_s = end_s;
      const ended = { gesture, edits: takeAway(hits) };
      beginTake(again_s);
      return ended;
    },

    end() {
      phase = "off";
      struck = new Set();
    },
  };
}
