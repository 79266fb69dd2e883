// @ts-check
// Sound under the hand: a short grain of what lies at the playhead while it is dragged or stepped.

import { createPanner } from "./panner.js";
import { isHeard } from "./strip.js";
import { dbToGain, SAMPLE_RATE_HZ } from "./units.js";
/** @import { Buffers } from "./buffers.js" */
/** @import { Listen, Output } from "./engine.js" */
/** @import { Hit, Store } from "../state/types.d.ts" */
/** @import { Signal } from "../timeline/samples.js" */

const FADE_S = 0.006;
const LEAD_S = 0.004; // before the attack of a hit that is passed
const LONGEST_RING_S = 2; // what rings longer is left out of a grain
const LEAST_APART_MS = 25; // grains of a fast drag
export const GRAIN_S = 0.08;

/**
 * Where a grain begins: at the first attack that the playhead passed, in either direction, else where it stands.
 * @param {readonly number[]} hits_s times of the hits that can be heard
 * @param {number} from_s
 * @param {number} to_s
 */
export function grainStart(hits_s, from_s, to_s) {
  const passed = hits_s.filter((time_s) => (from_s < to_s ? time_s > from_s && time_s <= to_s : time_s >= to_s && time_s < from_s));
  return passed.length ? Math.max(0, Math.min(...passed) - LEAD_S) : to_s;
}

/**
 * @param {object} host
 * @param {() => Output} host.open
 * @param {() => Promise<void>} host.resume
 * @param {Buffers} host.buffers
 * @param {() => number} host.width
 * @param {() => Listen} host.listen
 * @param {(hit: Hit) => import("./hit_sounds.js").HitSound | null} host.soundOf
 * @param {(hit: Hit) => number} host.leadOf
 * @param {Store} store
 */
export function createScrub({ open, resume, buffers, width, listen, soundOf, leadOf }, store) {
  /** @type {(start_s: number, end_s: number) => Signal[]} */
  let clipSamples = () => [];
  let last_ms = -Infinity;
  /** @type {GainNode | null} */
  let grain = null;

  /** Fade out the current grain. */
  function stop() {
    if (!grain) return;
    const { context } = open();
    grain.gain.cancelScheduledValues(context.currentTime);
    grain.gain.setTargetAtTime(0, context.currentTime, FADE_S / 3);
    grain = null;
  }

  /**
   * @param {AudioNode} bus
   * @param {number} at_s
   * @param {number} length_s
   */
  function addHits(bus, at_s, length_s) {
    const { context } = open();
    const project = store.view?.project;
    for (const hit of project?.hits ?? []) {
      if (!project || !isHeard(project, hit) || hit.time_s - leadOf(hit) / SAMPLE_RATE_HZ > at_s + length_s || hit.time_s < at_s - LONGEST_RING_S) continue;
      const sound = soundOf(hit);
      const buffer = sound && buffers.placed(sound.key, 0, sound.place.shape);
      if (!sound || !buffer) continue;
      const start_s = hit.time_s - sound.lead / SAMPLE_RATE_HZ;
      if (start_s + buffer.duration <= at_s) continue;
      const panner = createPanner(context, bus, dbToGain(sound.level_db + sound.place.gain_db), sound.place.pan, null, width());
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(panner.input);
      source.onended = () => panner.disconnect();
      source.start(context.currentTime + Math.max(0, start_s - at_s), Math.max(0, at_s - start_s));
      source.stop(context.currentTime + length_s);
    }
  }

  /**
   * @param {AudioNode} bus
   * @param {number} at_s
   * @param {number} length_s
   */
  function addClip(bus, at_s, length_s) {
    const { context } = open();
    const mix = store.view?.project?.mix;
    const level = new GainNode(context, { gain: dbToGain((mix?.clip_gain_db ?? 0) - (mix?.gain_db ?? 0)) }); // the bus has the level of the hits
    level.connect(bus);
    for (const { start_s, values } of clipSamples(at_s, at_s + length_s)) {
      const first = Math.max(0, Math.round((at_s - start_s) * SAMPLE_RATE_HZ));
      const end = Math.min(values.length, Math.round((at_s + length_s - start_s) * SAMPLE_RATE_HZ));
      if (end <= first) continue;
      const buffer = new AudioBuffer({ length: end - first, sampleRate: SAMPLE_RATE_HZ });
      buffer.copyToChannel(new Float32Array(values.subarray(first, end)), 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(level);
      source.start(context.currentTime + Math.max(0, start_s - at_s));
    }
  }

  return {
    stop,
    /**
     * Play a grain at the playhead.
     * @param {number} from_s where it was
     * @param {number} to_s
     */
    sound(from_s, to_s, length_s = GRAIN_S) {
      const now_ms = performance.now();
      if (now_ms - last_ms < LEAST_APART_MS) return;
      last_ms = now_ms;
      resume().catch(() => {});
      stop();
      const { context, previews } = open();
      const project = store.view?.project;
      const heard = listen() === "clip" || !project ? [] : project.hits.filter((hit) => isHeard(project, hit)).map((hit) => hit.time_s);
      const at_s = grainStart(heard, from_s, to_s);
      const bus = new GainNode(context, { channelCount: 2, channelCountMode: "explicit", gain: 0 });
      const now = context.currentTime;
      bus.gain.setValueAtTime(0, now);
      bus.gain.linearRampToValueAtTime(1, now + (at_s === to_s ? FADE_S : LEAD_S / 2));
      bus.gain.setValueAtTime(1, now + length_s - 2 * FADE_S);
      bus.gain.linearRampToValueAtTime(0, now + length_s);
      bus.connect(previews);
      grain = bus;
      if (listen() !== "clip") addHits(bus, at_s, length_s);
      if (listen() !== "struck") addClip(bus, at_s, length_s);
      setTimeout(() => bus.disconnect(), 1000 * length_s + 200);
    },
    /** @param {(start_s: number, end_s: number) => Signal[]} within samples of the clip's sound that are at hand */
    setClipSamples(within) { clipSamples = within; },
  };
}
