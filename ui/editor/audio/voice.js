// @ts-check
// A hit that sounds: its direct sound and the room of its strip, started together.

import { createPanner, FADE_S } from "./panner.js";

/** @typedef {{gain: number, pan: number}} Level */
/** @typedef {Level & {buffer: AudioBuffer}} Part */
/** @typedef {ReturnType<typeof createVoice>} Voice */

/**
 * @param {BaseAudioContext} context
 * @param {AudioNode} destination
 * @param {Part[]} parts
 * @param {object} options
 * @param {number} options.width of the side, 0 to 1
 * @param {number} [options.start_s] in context time; now where it is left out
 * @param {number} [options.skip_s] of the sound
 * @param {number} [options.fade_s] in which it fades in; by default only where something is skipped
 * @param {() => void} [options.onEnd]
 */
export function createVoice(context, destination, parts, { width, start_s = context.currentTime, skip_s = 0, fade_s = skip_s > 0 ? FADE_S : 0, onEnd }) {
  let sounding = parts.length;
  const playing = parts.map(({ buffer, gain, pan }) => {
    const panner = createPanner(context, destination, gain, pan, fade_s > 0 ? start_s : null, width, fade_s);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(panner.input);
    source.onended = () => {
      panner.disconnect();
      if (--sounding === 0) onEnd?.();
    };
    source.start(start_s, skip_s);
    return { source, panner };
  });
  return {
    start_s,
    /**
     * New levels of the parts; those that are not given stay.
     * @param {Level[]} levels
     * @param {number} nextWidth
     */
    set(levels, nextWidth) {
      levels.slice(0, playing.length).forEach(({ gain, pan }, i) => playing[i].panner.set(gain, pan, nextWidth));
    },
    /** Fade out. */
    release() {
      for (const { source, panner } of playing) {
        panner.release();
        source.stop(context.currentTime + 4 * FADE_S);
      }
    },
    /** End what has not begun. */
    stop() {
      for (const { source } of playing) source.stop();
    },
  };
}
