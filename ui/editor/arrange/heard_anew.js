// @ts-check
// A hit that a sheet has changed is played once it is rendered anew.

/** @import { AudioEngine, Player, Store } from "../state/types.d.ts" */

/**
 * ``isOpen()`` tells whether the sheet still is; while the clip plays, the hit is heard in it.
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 * @param {() => boolean} isOpen
 */
export function createHeardAnew(store, audio, player, isOpen) {
  /** @type {{id: string, key: string | undefined} | null} */
  let awaited = null;
  const cleanup = store.on("rendered", () => {
    const key = awaited && store.rendered.get(awaited.id)?.key;
    if (!awaited || !key || key === awaited.key) return;
    const { id } = awaited;
    awaited = null;
    if (isOpen() && !player.playing) audio.auditionHit(id)?.catch(() => {});
  });
  return {
    /**
     * Wait for another sound of a hit than it has now; of none where there is no hit.
     * @param {string | undefined} id
     */
    wait(id) {
      awaited = id === undefined ? null : { id, key: store.rendered.get(id)?.key };
    },
    dispose: cleanup,
  };
}
