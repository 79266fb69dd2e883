// @ts-check
// Auditions: one sound at a time, apart from playback.

import { dbToGain } from "./units.js";
import { createVoice } from "./voice.js";
/** @import { Output } from "./engine.js" */
/** @import { Part, Voice } from "./voice.js" */
/** @import { Rest } from "./buffers.js" */
/** @import { Sound } from "../state/types.d.ts" */

/**
 * @param {object} host
 * @param {() => Output} host.open
 * @param {() => Promise<void>} host.resume
 * @param {(key: string) => Promise<AudioBuffer>} host.load
 * @param {() => number} host.width
 * @param {(sound: Sound, velocity_db: number) => Rest | null} host.rest
 */
export function createAudition({ open, resume, load, width, rest }) {
  /** @type {Voice | null} */
  let audition = null;

  function stop() {
    audition?.release();
    audition = null;
  }

  /** @param {Part[]} parts */
  function playParts(parts) {
    stop();
    const { context, preview, previews } = open();
    preview.stop();
    audition = createVoice(context, previews, parts, { width: width() });
  }

  /** @param {string} key */
  async function playKey(key, gain_db = 0, pan = 0) {
    open();
    const [buffer] = await Promise.all([load(key), resume()]);
    playParts([{ buffer, gain: dbToGain(gain_db), pan }]);
  }

  /**
   * A sound as its modes and noise are changed, with its parts.
   * @param {Sound} sound
   */
  function previewModes(sound, velocity_db = 0) {
    resume().catch(() => {});
    stop();
    open().preview.play(sound, velocity_db, rest(sound, velocity_db));
  }

  return { playParts, playKey, previewModes };
}
