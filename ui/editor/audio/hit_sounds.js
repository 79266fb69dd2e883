// @ts-check
// What each hit sounds like and where in the mix: its sampled sound, or the analytic prior while that is not ready.

import { requireProject } from "../state/project.js";
import { roomOf } from "./buffers.js";
import { leadOf, listStrikes } from "./parts.js";
import { placeInMix } from "./strip.js";
import { dbToGain } from "./units.js";
/** @import { Buffers } from "./buffers.js" */
/** @import { Place } from "./strip.js" */
/** @import { Hit, Store } from "../state/types.d.ts" */

/**
 * @typedef {object} HitSound
 * @property {string} key
 * @property {string | null} room key of the room that is added
 * @property {number} level_db of the sound, apart from its place
 * @property {Place} place
 * @property {number} lead samples of it that precede the hit
 */

/**
 * Gain and pan of the direct sound and of the room, which has none.
 * @param {Pick<HitSound, "level_db" | "place">} sound
 */
export const levelsOf = ({ level_db, place }) => [{ gain: dbToGain(level_db + place.gain_db), pan: place.pan }, { gain: dbToGain(place.room_db), pan: 0 }];

/**
 * @param {Store} store
 * @param {Buffers} buffers
 * @param {object} host
 * @param {(key: string) => string} host.heardKey
 * @param {() => void} host.loaded what was missing has come
 */
export function createHitSounds(store, buffers, { heardKey, loaded }) {
  /** @param {Hit} hit */
  const ownSound = (hit) => store.view?.project?.sounds.find(({ id }) => id === hit.sound_id);
  /** @param {Hit} hit */
  const placeOf = (hit) => placeInMix(ownSound(hit), hit, store.view?.project?.sounds);
  /**
   * Keys of a sampled sound at its place, and of its room.
   * @param {string} key
   * @param {Place} place
   */
  const keysOf = (key, place) => [heardKey(key), ...(place.room_db > -Infinity ? [roomOf(key)] : [])];

  /**
   * Samples by which a hit's sound begins before it.
   * @param {Hit} hit
   */
  function leadOfHit(hit) {
    const entry = store.rendered.get(hit.id);
    const sound = entry ? null : ownSound(hit);
    return entry ? entry.lead : sound?.parts.length ? leadOf(listStrikes(requireProject(store).sounds, sound)) : 0;
  }

  /**
   * Keys of what a hit needs once it is sampled.
   * @param {Hit} hit
   */
  function sampledKeys(hit) {
    const key = store.rendered.get(hit.id)?.key;
    return key === undefined ? [] : keysOf(key, placeOf(hit));
  }

  /**
   * The sound of a hit; null while it is fetched.
   * @param {Hit} hit
   * @returns {HitSound | null}
   */
  function soundOf(hit) {
    const entry = store.rendered.get(hit.id);
    const place = placeOf(hit);
    if (entry) {
      const keys = keysOf(entry.key, place);
      const missing = keys.filter((key) => !buffers.peek(key));
      if (missing.length) Promise.all(missing.map(buffers.load)).then(loaded, () => {});
      return missing.length ? null : { key: keys[0], room: keys[1] ?? null, level_db: 0, place, lead: entry.lead };
    }
    const sound = ownSound(hit);
    if (!sound || hit.stroke) return null; // a scrape is heard once it is rendered
    const velocity_db = Math.round(hit.velocity_db); // a finer step is level enough, and few priors serve many hits
    return { key: buffers.prior(requireProject(store).sounds, sound, hit.offsets, velocity_db), room: null, level_db: hit.velocity_db - velocity_db, place, lead: leadOfHit(hit) };
  }

  /**
   * The buffers of a hit with their levels, as far as they are here.
   * @param {HitSound} sound
   * @param {number} fraction of a sample
   */
  function partsOf(sound, fraction) {
    const [direct, room] = levelsOf(sound);
    const wanted = [{ ...direct, buffer: buffers.placed(sound.key, fraction, sound.place.shape) }];
    if (sound.room) wanted.push({ ...room, buffer: buffers.placed(sound.room, fraction, sound.place.roomShape) });
    return wanted.flatMap(({ buffer, ...level }) => (buffer ? [{ ...level, buffer }] : []));
  }

  return {
    placeOf, leadOf: leadOfHit, sampledKeys, soundOf, partsOf,
    /**
     * A take of a hit where the hit lies, without width; its room is that of the hit's own sound, which differs by chance alone.
     * @param {Hit} hit
     * @param {string} key
     * @returns {HitSound}
     */
    takeOf(hit, key) {
      const place = placeOf(hit);
      const own = store.rendered.get(hit.id)?.key;
      return { key, room: own && place.room_db > -Infinity ? roomOf(own) : null, level_db: 0, place, lead: leadOfHit(hit) };
    },
    /**
     * The buffers of a hit at the start of a sample, fetched where they are not here; none for a scrape that is not rendered.
     * @param {Hit} hit
     */
    async loadParts(hit) {
      await Promise.all(sampledKeys(hit).map(buffers.load));
      const sound = soundOf(hit);
      return sound ? partsOf(sound, 0) : [];
    },
  };
}
