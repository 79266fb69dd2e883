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
  let run = 0; // of the latest audition: an older one whose sound is still fetched gives up

  function stop() {
    run++;
    audition?.release();
    audition = null;
  }

  /**
   * Play a sound once it is fetched, unless another one has been asked for by then.
   * @param {Promise<Part[]>} fetched
   */
  async function play(fetched) {
    const own = ++run;
    const [parts] = await Promise.all([fetched, resume()]);
    if (own === run && parts.length) playParts(parts);
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
    await play(load(key).then((buffer) => [{ buffer, gain: dbToGain(gain_db), pan }]));
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

  return { play, playKey, previewModes };
}
