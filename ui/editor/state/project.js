// @ts-check
// The document on show.

/** @import { Hit, Project, Store } from "./types.d.ts" */

/**
 * The displayed project; an error while no clip is open.
 * @param {Pick<Store, "view">} store
 * @returns {Project}
 */
export function requireProject(store) {
  const project = store.view?.project;
  if (!project) throw new Error("no clip is open");
  return project;
}

/**
 * A hit's sound and time as a name. The server keeps both as they are sent, so it finds a hit before its id is known.
 * @param {{sound_id: string, time_s: number}} hit
 */
export const placeName = ({ sound_id, time_s }) => `${sound_id}@${time_s}`;

/**
 * The velocity in dB of a hit that is added: the median of those there are, 0 without any.
 * @param {readonly Pick<Hit, "velocity_db">[]} hits
 */
export const usualVelocity = (hits) => (hits.length ? hits.map((hit) => hit.velocity_db).sort((a, b) => a - b)[hits.length >> 1] : 0);
