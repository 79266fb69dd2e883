// @ts-check
// Hits that wait until the user says what is struck, since the picture does not tell.

/** @import { Project } from "./types.d.ts" */

/**
 * How many hits wait for that; 0 while any other hit is still to be sampled.
 * @param {Project} project
 * @param {ReadonlyMap<string, unknown>} rendered by hit
 */
export function countUnrecognised(project, rendered) {
  const ids = new Set(project.sounds.filter((sound) => sound.is_unrecognised).map((sound) => sound.id));
  const missing = project.hits.filter((hit) => !rendered.has(hit.id));
  return missing.every((hit) => ids.has(hit.sound_id)) ? missing.length : 0;
}
