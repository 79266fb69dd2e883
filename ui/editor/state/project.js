// @ts-check
// The document on show.

/** @import { Project, Store } from "./types.d.ts" */

/**
 * The project on show; an error while no clip is open.
 * @param {Pick<Store, "view">} store
 * @returns {Project}
 */
export function requireProject(store) {
  const project = store.view?.project;
  if (!project) throw new Error("no clip is open");
  return project;
}
