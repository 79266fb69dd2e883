// @ts-check
// Versions of one passage, played in step: which of them is heard can be changed while they sound.

import { dbToGain, SAMPLE_RATE_HZ } from "./units.js";
/** @import { Output } from "./engine.js" */
/** @import { Version } from "../state/protocol.d.ts" */

const FADE_S = 0.01;
const MOST_KEPT = 9;

/**
 * @param {{open: () => Output, resume: () => Promise<void>}} host
 */
export function createVersions({ open, resume }) {
  /** @type {Map<string, Promise<AudioBuffer>>} */
  const kept = new Map(); // by key, the oldest first
  /** @type {{name: string, source: AudioBufferSourceNode, gain: GainNode, level: number}[]} */
  let playing = [];
  let run = 0;

  /** @param {string} key */
  function load(key) {
    const known = kept.get(key);
    if (known) return known;
    const work = fetchStereo(key);
    kept.set(key, work);
    work.catch(() => kept.delete(key));
    for (const oldest of kept.keys()) if (kept.size > MOST_KEPT) kept.delete(oldest);
    return work;
  }

  function stop() {
    run++;
    for (const { source, gain } of playing) {
      gain.gain.cancelScheduledValues(0);
      gain.gain.setTargetAtTime(0, gain.context.currentTime, FADE_S / 3);
      source.stop(gain.context.currentTime + 4 * FADE_S);
    }
    playing = [];
  }

  /**
   * Play all versions from their start, one of them audible.
   * @param {readonly Version[]} versions
   * @param {string} heard by name
   * @param {boolean} loop
   * @param {() => void} ended
   */
  async function play(versions, heard, loop, ended) {
    stop();
    const own = run;
    const { context, master } = open();
    const [buffers] = await Promise.all([Promise.all(versions.map(({ key }) => load(key))), resume()]);
    if (own !== run) return;
    const start_s = context.currentTime + FADE_S;
    const voices = versions.map(({ name, gain_db }, i) => {
      const level = dbToGain(gain_db);
      const gain = new GainNode(context, { gain: name === heard ? level : 0 });
      const source = new AudioBufferSourceNode(context, { buffer: buffers[i], loop });
      source.connect(gain).connect(master);
      source.start(start_s);
      return { name, source, gain, level };
    });
    playing = voices;
    voices[0].source.onended = () => {
      for (const { gain } of voices) gain.disconnect();
      if (own !== run) return;
      playing = [];
      ended();
    };
  }

  /**
   * Make another version the audible one, in the same place.
   * @param {string} heard
   */
  function hear(heard) {
    for (const { name, gain, level } of playing) gain.gain.setTargetAtTime(name === heard ? level : 0, gain.context.currentTime, FADE_S / 3);
  }

  return {
    play, hear, stop,
    get isPlaying() { return playing.length > 0; },
    /** The version that is audible; null while none plays. */
    get heard() { return playing.find(({ gain, level }) => gain.gain.value > level / 2)?.name ?? null; },
  };
}

/** @param {string} key */
async function fetchStereo(key) {
  const answer = await fetch(`/struck/sound/${encodeURIComponent(key)}`);
  if (!answer.ok) throw new Error(`version ${key} is not there (${answer.status})`);
  const interleaved = new Float32Array(await answer.arrayBuffer());
  const buffer = new AudioBuffer({ length: Math.max(1, interleaved.length / 2), numberOfChannels: 2, sampleRate: SAMPLE_RATE_HZ });
  for (const channel of [0, 1]) buffer.copyToChannel(interleaved.filter((_, i) => i % 2 === channel), channel);
  return buffer;
}
