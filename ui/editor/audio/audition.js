// @ts-check
// Auditions: one sound at a time, apart from playback.

import { createPanner, FADE_S } from "./panner.js";
import { dbToGain } from "./units.js";
/** @import { Output } from "./engine.js" */
/** @import { Shaped } from "../state/types.d.ts" */

/**
 * @param {object} host
 * @param {() => Output} host.open
 * @param {() => Promise<void>} host.resume
 * @param {(key: string) => Promise<AudioBuffer>} host.load
 * @param {() => number} host.width
 */
export function createAudition({ open, resume, load, width }) {
  /** @type {{source: AudioBufferSourceNode, panner: ReturnType<typeof createPanner>} | null} */
  let audition = null;

  function stop() {
    audition?.panner.release();
    audition?.source.stop(open().context.currentTime + 4 * FADE_S);
    audition = null;
  }

  /** @param {AudioBuffer} buffer */
  function playBuffer(buffer, gain_db = 0, pan = 0) {
    stop();
    const { context, preview, previews } = open();
    preview.stop();
    const panner = createPanner(context, previews, dbToGain(gain_db), pan, null, width());
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(panner.input);
    source.onended = () => panner.disconnect();
    source.start();
    audition = { source, panner };
  }

  /** @param {string} key */
  async function playKey(key, gain_db = 0, pan = 0) {
    open();
    const [buffer] = await Promise.all([load(key), resume()]);
    playBuffer(buffer, gain_db, pan);
  }

  /** @param {Shaped} sound */
  function previewModes(sound, velocity_db = 0) {
    resume().catch(() => {});
    stop();
    open().preview.play(sound, velocity_db);
  }

  return { playBuffer, playKey, previewModes };
}
