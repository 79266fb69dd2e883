// @ts-check
// Hits as they are played: heard at once from sound that is in memory already, and clicks to play along with.

import { requireProject } from "../state/project.js";
import { heard_s } from "./clock.js";
import { leadOf, listStrikes } from "./parts.js";
import { placeInMix } from "./strip.js";
import { dbToGain, SAMPLE_RATE_HZ } from "./units.js";
import { createVoice } from "./voice.js";
/** @import { Buffers } from "./buffers.js" */
/** @import { Output } from "./engine.js" */
/** @import { Voice } from "./voice.js" */
/** @import { Shape } from "./strip.js" */
/** @import { Hit, Sound, Store } from "../state/types.d.ts" */

const MOST_VOICES = 32;
const MOST_READY = 4; // sampled hits of a sound that are kept at hand
const ALIKE_DB = 3; // of several hits about as hard as the played one, each is heard in turn
const CLICK_S = 0.03;

/**
 * @param {object} host
 * @param {() => Output} host.open
 * @param {() => Promise<void>} host.resume
 * @param {Buffers} host.buffers
 * @param {() => number} host.width
 * @param {(key: string) => string} host.heardKey
 * @param {Store} store
 */
export function createLive({ open, resume, buffers, width, heardKey }, store) {
  /** @type {Set<Voice>} */
  const voices = new Set(); // the oldest first
  /** @type {Map<string, string>} */
  const lastHits = new Map(); // the hit whose sound was heard last, by sound

  /**
   * Sampled hits of a sound without offsets of their own, or any where there is none, nearest in velocity first.
   * @param {string} soundId
   * @param {number} velocity_db
   */
  function sampledHits(soundId, velocity_db) {
    const hits = (store.view?.project?.hits ?? []).filter((hit) => hit.sound_id === soundId && !hit.stroke && store.rendered.has(hit.id));
    const plain = hits.filter(({ offsets }) => offsets.pitch_cents === 0 && offsets.decay_ratio === 1 && offsets.residual_db === 0);
    return (plain.length ? plain : hits).sort((a, b) => Math.abs(a.velocity_db - velocity_db) - Math.abs(b.velocity_db - velocity_db));
  }

  /** @param {Hit} hit */
  const keyOf = (hit) => heardKey(store.rendered.get(hit.id)?.key ?? "");

  /**
   * The buffer of a live strike: a sampled hit in memory at another level, never the same twice in a row where two
   * have about this velocity, else the analytic prior; and the samples of it that precede the hit.
   * @param {Sound} sound
   * @param {number} velocity_db
   * @param {number} usual_db
   * @param {Shape} shape
   */
  function bufferOf(sound, velocity_db, usual_db, shape) {
    const ready = sampledHits(sound.id, velocity_db).filter((hit) => buffers.peek(keyOf(hit)));
    const nearest_db = ready.length ? Math.abs(ready[0].velocity_db - velocity_db) : 0;
    const alike = ready.filter((hit) => Math.abs(hit.velocity_db - velocity_db) <= nearest_db + ALIKE_DB).slice(0, MOST_READY);
    const hit = alike[(alike.findIndex(({ id }) => id === lastHits.get(sound.id)) + 1) % alike.length];
    if (hit) {
      lastHits.set(sound.id, hit.id);
      return { buffer: buffers.placed(keyOf(hit), 0, shape), gain_db: velocity_db - hit.velocity_db, lead: store.rendered.get(hit.id)?.lead ?? 0 };
    }
    const prior_db = Math.round(usual_db);
    const { sounds } = requireProject(store);
    return { buffer: buffers.placed(buffers.prior(sounds, sound, null, prior_db), 0, shape), gain_db: velocity_db - prior_db, lead: leadOf(listStrikes(sounds, sound)) };
  }

  /**
   * Strike a sound now, apart from the document.
   * @param {string} soundId
   * @param {number} velocity_db
   * @param {number} usual_db velocity at which its prior was made ready
   */
  function strike(soundId, velocity_db, usual_db) {
    const sound = store.view?.project?.sounds.find(({ id }) => id === soundId);
    if (!sound) return;
    resume().catch(() => {});
    const { context, previews } = open();
    const place = placeInMix(sound, { gain_db: 0, pan: 0 }, requireProject(store).sounds);
    const { buffer, gain_db, lead } = bufferOf(sound, velocity_db, usual_db, place.shape);
    if (!buffer) return;
    const [oldest] = voices;
    if (voices.size >= MOST_VOICES) end(oldest);
    const part = { buffer, gain: dbToGain(gain_db + place.gain_db), pan: place.pan };
    // What precedes a hit cannot be heard at the press; the attack is, without a fade.
    const voice = createVoice(context, previews, [part], { width: width(), skip_s: lead / SAMPLE_RATE_HZ, fade_s: 0, onEnd: () => voices.delete(voice) });
    voices.add(voice);
  }

  /** @param {Voice} voice */
  function end(voice) {
    voices.delete(voice);
    voice.release();
  }

  /**
   * Load the buffers that a strike of each sound needs.
   * @param {{sound: Sound, usual_db: number}[]} sounds
   */
  function prepare(sounds) {
    for (const { sound, usual_db } of sounds) {
      const sampled = sampledHits(sound.id, usual_db).slice(0, MOST_READY);
      for (const hit of sampled) buffers.load(keyOf(hit)).catch(() => {});
      if (!sampled.length) buffers.prior(requireProject(store).sounds, sound, null, Math.round(usual_db));
    }
  }

  /**
   * A click that leaves the loudspeaker some time from now; when that is, as performance.now() counts.
   * @param {number} delay_s
   * @param {boolean} isStrong
   */
  function click(delay_s, isStrong) {
    const { context, previews } = open();
    const buffer = new AudioBuffer({ length: Math.round(CLICK_S * SAMPLE_RATE_HZ), sampleRate: SAMPLE_RATE_HZ });
    const samples = buffer.getChannelData(0);
    const hz = isStrong ? 1760 : 1175;
    for (let n = 0; n < samples.length; n++) samples[n] = 0.4 * Math.sin((2 * Math.PI * hz * n) / SAMPLE_RATE_HZ) * Math.exp(-n / (0.005 * SAMPLE_RATE_HZ));
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(previews);
    const start_s = context.currentTime + delay_s;
    source.start(start_s);
    return { heard_ms: performance.now() + 1000 * (start_s - heard_s(context)), stop: () => source.stop() };
  }

  return {
    strike, prepare, click,
    silence() {
      for (const voice of [...voices]) end(voice);
    },
    /** Output latency in seconds, as reported by the browser. */
    outputLatency_s() {
      const { context } = open();
      return Math.max(0, context.currentTime - heard_s(context));
    },
  };
}
