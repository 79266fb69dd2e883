// @ts-check
// Sounds by key: fetched once, kept in a bounded memory, delayed by a fraction of a sample, and drawn as peaks.

import { leadOf, listStrikes, sumStrikes } from "./parts.js";
import { synthesizeWhole, applyHitOffsets } from "./prior.js";
import { applyFilters, PLAIN } from "./strip.js";
import { SAMPLE_RATE_HZ } from "./units.js";
/** @import { Shape } from "./strip.js" */
/** @import { Strike } from "./parts.js" */
/** @import { Samples, Sound, HitOffsets } from "../state/types.d.ts" */

const MEMORY_BYTES = 256 * 2 ** 20;
const FRACTIONS = 64; // a hit's place between two samples, to 0.3 microseconds
const DELAY_TAPS = 32;
const MOST_PEAKS = 4000;
export const DELAY_LEAD = DELAY_TAPS / 2 - 1; // samples by which a fractionally delayed buffer must start earlier

/** @param {number} x */
function besselI0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; k < 60 && term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * The engine's windowed sinc [DELAY_TAPS]: delays by DELAY_LEAD + fraction samples.
 * @param {number} fraction
 */
export function delayKernel(fraction) {
  const kernel = new Float64Array(DELAY_TAPS);
  let total = 0;
  for (let i = 0; i < DELAY_TAPS; i++) {
    const offset = i - DELAY_LEAD - fraction;
    const window = besselI0(8 * Math.sqrt(Math.max(0, 1 - (offset / (DELAY_TAPS / 2)) ** 2))) / besselI0(8);
    kernel[i] = window * (offset === 0 ? 1 : Math.sin(Math.PI * offset) / (Math.PI * offset));
    total += kernel[i];
  }
  return kernel.map((value) => value / total);
}

/**
 * @param {Float32Array} samples
 * @param {number} fraction
 */
function delayed(samples, fraction) {
  const kernel = delayKernel(fraction);
  const out = new Float32Array(samples.length + DELAY_TAPS - 1);
  for (let n = 0; n < out.length; n++) {
    let sum = 0;
    for (let k = Math.max(0, n - samples.length + 1); k < DELAY_TAPS && k <= n; k++) sum += kernel[k] * samples[n - k];
    out[n] = sum;
  }
  return out;
}

/**
 * First sample and fraction (k / FRACTIONS, rounded) of a time.
 * @param {number} time_s
 */
export function placeOf(time_s) {
  const position = Math.round(time_s * SAMPLE_RATE_HZ * FRACTIONS) / FRACTIONS;
  const first = Math.floor(position);
  return { first, fraction: position - first };
}

/**
 * Smallest and largest sample of each of ``columns`` equal parts, in pairs: Float32Array [2 * columns].
 * @param {Float32Array} samples
 * @param {number} columns
 */
export function peakPairs(samples, columns) {
  const pairs = new Float32Array(2 * columns);
  for (let column = 0; column < columns; column++) {
    const start = Math.floor((column * samples.length) / columns);
    const end = Math.max(start + 1, Math.floor(((column + 1) * samples.length) / columns));
    let low = Infinity;
    let high = -Infinity;
    for (let i = start; i < end && i < samples.length; i++) {
      if (samples[i] < low) low = samples[i];
      if (samples[i] > high) high = samples[i];
    }
    pairs[2 * column] = low === Infinity ? 0 : low;
    pairs[2 * column + 1] = high === -Infinity ? 0 : high;
  }
  return pairs;
}

const WIDE = "side:";
const ROOM = "room:";

/**
 * The key of a sound with its side, as a buffer of two channels: mid and side.
 * @param {string} key
 */
export const withSide = (key) => `${WIDE}${key}`;

/**
 * The key of the room that a strip adds to a sound: a buffer of middle and side.
 * @param {string} key
 */
export const roomOf = (key) => `${ROOM}${key}`;

/** @param {Samples[]} channels */
function toBuffer(...channels) {
  const length = Math.max(1, ...channels.map((samples) => samples.length));
  const buffer = new AudioBuffer({ length, numberOfChannels: channels.length, sampleRate: SAMPLE_RATE_HZ });
  channels.forEach((samples, channel) => buffer.copyToChannel(samples, channel));
  return buffer;
}

/** @param {AudioBuffer} buffer */
const channelsOf = (buffer) => Array.from({ length: buffer.numberOfChannels }, (_, channel) => buffer.getChannelData(channel));

/** @typedef {ReturnType<typeof createBuffers>} Buffers */
/** @typedef {{key: string, samples: Samples, lead: number}} Rest of a strike beside its sound's own modes and noise */

/**
 * A store of AudioBuffers; ``fetchSound(key)`` gives Float32Array samples or throws, ``fetchSide(key)`` their side,
 * ``fetchRoom(key)`` middle and side of their room, one after the other.
 */
export function createBuffers(fetchSound = fetchFromServer, fetchSide = fetchSideFromServer, fetchRoom = fetchRoomFromServer) {
  /** @type {Map<string, AudioBuffer>} */
  const kept = new Map(); // name -> AudioBuffer, least recently used first
  /** @type {Map<string, Promise<AudioBuffer>>} */
  const loading = new Map();
  /** @type {Map<string, Float32Array>} */
  const peaks = new Map();
  let bytes = 0;

  /**
   * @param {string} name
   * @param {AudioBuffer} buffer
   */
  function keep(name, buffer) {
    bytes -= sizeOf(kept.get(name));
    kept.delete(name);
    kept.set(name, buffer);
    bytes += sizeOf(buffer);
    for (const [oldest, old] of kept) {
      if (bytes <= MEMORY_BYTES || oldest === name) break;
      kept.delete(oldest);
      bytes -= sizeOf(old);
    }
    return buffer;
  }

  /**
   * @param {string} key
   * @returns {Promise<Samples[]>}
   */
  async function fetchChannels(key) {
    if (key.startsWith(ROOM)) {
      const both = await fetchRoom(key.slice(ROOM.length));
      return [both.subarray(0, both.length / 2), both.subarray(both.length / 2)];
    }
    if (!key.startsWith(WIDE)) return [await fetchSound(key)];
    const plain = key.slice(WIDE.length);
    const [mid, side] = await Promise.all([load(plain), fetchSide(plain)]);
    return [mid.getChannelData(0), side];
  }

  /** @param {string} name */
  function peek(name) {
    const buffer = kept.get(name);
    if (buffer) {
      kept.delete(name);
      kept.set(name, buffer);
    }
    return buffer;
  }

  /**
   * The buffer of a key, fetched if it is not here.
   * @param {string} key
   */
  function load(key) {
    const ready = peek(key);
    if (ready) return Promise.resolve(ready);
    let work = loading.get(key);
    if (!work) {
      work = fetchChannels(key).then((channels) => keep(key, toBuffer(...channels)));
      loading.set(key, work);
      work.catch(() => {}).finally(() => loading.delete(key));
    }
    return work;
  }

  /** @type {Map<string, string>} */
  const shapes = new Map(); // name of the filters of each filtered buffer; only the last are kept, since a drag has many

  /**
   * The buffer of a key through filters, at a fraction of a sample, if the key is here; else undefined.
   * @param {string} key
   * @param {number} fraction
   */
  function placed(key, fraction, shape = PLAIN) {
    if (fraction === 0 && !shape.name) return peek(key);
    const name = `${key}|${fraction}${shape.name && "|"}`;
    const ready = peek(name);
    if (ready && (shapes.get(name) ?? "") === shape.name) return ready;
    const plain = peek(key);
    if (!plain) return undefined;
    if (shape.name) shapes.set(name, shape.name);
    const filters = shape.filters();
    const channels = channelsOf(plain).map((samples) => (filters.length ? applyFilters(samples, filters) : samples));
    return keep(name, toBuffer(...channels.map((samples) => (fraction ? delayed(samples, fraction) : samples))));
  }

  /** @type {WeakMap<Sound, Map<string, string>>} */
  const priors = new WeakMap(); // sound -> Map of offsets and velocity -> key, so that a changed sound has a new prior
  let priorCount = 0;

  /**
   * The key of a hit's analytic prior at a velocity, computed if it is not here: with parts, that of all its strikes, from their lead on.
   * @param {readonly Sound[]} sounds of the project
   * @param {Sound} sound
   * @param {HitOffsets | null} offsets
   */
  function prior(sounds, sound, offsets, velocity_db = 0) {
    const strikes = listStrikes(sounds, sound);
    if (strikes.length === 1 && strikes[0].sound === sound) return ownPrior(sound, offsets, velocity_db);
    return sumOf(strikes, offsets, velocity_db);
  }

  /**
   * What a strike of a sound sounds besides its own modes and noise: the prior of its parts, from ``lead`` samples before it on; null for none.
   * @param {readonly Sound[]} sounds of the project
   * @param {Sound} sound
   * @returns {Rest | null}
   */
  function rest(sounds, sound, velocity_db = 0) {
    const others = listStrikes(sounds, sound).filter((one) => one.sound !== sound);
    const key = others.length ? sumOf(others, null, velocity_db) : "";
    const samples = peek(key)?.getChannelData(0);
    return samples ? { key, samples, lead: leadOf(others) } : null;
  }

  /**
   * @param {readonly Strike[]} strikes
   * @param {HitOffsets | null} offsets
   * @param {number} velocity_db
   */
  function sumOf(strikes, offsets, velocity_db) {
    const keys = strikes.map((one) => ownPrior(one.sound, offsets, velocity_db));
    const key = strikes.map(({ offset_s, gain_db }, i) => `${keys[i]}@${offset_s}@${gain_db}`).join("+");
    const parts = keys.flatMap((name) => peek(name)?.getChannelData(0) ?? []);
    if (!peek(key) && parts.length === keys.length) keep(key, toBuffer(sumStrikes(strikes, parts)));
    return key;
  }

  /**
   * @param {Sound} sound
   * @param {HitOffsets | null} offsets
   * @param {number} velocity_db
   */
  function ownPrior(sound, offsets, velocity_db) {
    const keys = priors.get(sound) ?? new Map();
    priors.set(sound, keys);
    const name = JSON.stringify([offsets ?? null, velocity_db]);
    const key = keys.get(name) ?? `prior:${++priorCount}`;
    keys.set(name, key);
    if (!peek(key)) {
      const physics = applyHitOffsets(sound, offsets, velocity_db);
      keep(key, toBuffer(synthesizeWhole(physics, 4, 1)));
    }
    return key;
  }

  /**
   * Peaks of a key's sound in ``columns`` equal parts.
   * @param {string} key
   * @param {number} columns
   */
  async function peaksFor(key, columns) {
    const name = `${key}|${columns}`;
    let pairs = peaks.get(name);
    if (!pairs) {
      pairs = peakPairs((await load(key)).getChannelData(0), columns);
      const [oldest] = peaks.keys();
      if (peaks.size > MOST_PEAKS) peaks.delete(oldest);
      peaks.set(name, pairs);
    }
    return pairs;
  }

  return { load, peek, placed, prior, rest, peaksFor };
}

/** @param {AudioBuffer | undefined} buffer */
const sizeOf = (buffer) => (buffer ? buffer.length * buffer.numberOfChannels * 4 : 0);

/** @param {string} key */
const fetchFromServer = (key) => fetchSamples("sound", key);
/** @param {string} key */
const fetchSideFromServer = (key) => fetchSamples("side", key);
/** @param {string} key */
const fetchRoomFromServer = (key) => fetchSamples("room", key);

/**
 * @param {"sound" | "side" | "room"} what
 * @param {string} key
 */
async function fetchSamples(what, key) {
  const answer = await fetch(`/struck/${what}/${encodeURIComponent(key)}`);
  if (!answer.ok) throw new Error(`${what} ${key} is not there (${answer.status})`);
  return new Float32Array(await answer.arrayBuffer());
}
