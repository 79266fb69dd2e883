// @ts-check
// Silence costs nothing: after some seconds without sound the audio context sleeps, and wakes with the next sound.

const LOOK_MS = 1000;
const QUIET_LOOKS = 5;

/**
 * @param {object} host
 * @param {() => Promise<void>} host.resume the context
 * @param {() => void} host.suspend
 * @param {() => boolean} host.isNeeded although nothing may be heard just now
 */
export function createRest({ resume, suspend, isNeeded }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer; // runs while awake
  let quiet = 0; // looks since something was heard
  /** @type {Set<(isAwake: boolean) => void>} */
  const watchers = new Set();

  function tell() {
    for (const react of watchers) react(timer !== undefined);
  }

  function look() {
    quiet = isNeeded() ? 0 : quiet + 1;
    timer = quiet < QUIET_LOOKS ? setTimeout(look, LOOK_MS) : undefined;
    if (timer !== undefined) return;
    suspend();
    tell();
  }

  return {
    /** Something is about to sound. */
    async wake() {
      quiet = 0;
      if (timer === undefined) {
        timer = setTimeout(look, LOOK_MS);
        tell();
      }
      await resume();
    },
    /** Something sounds. */
    heard() {
      quiet = 0;
    },
    get isAwake() { return timer !== undefined; },
    /**
     * Be told, now and whenever it changes, whether anything may sound; returns what ends it.
     * @param {(isAwake: boolean) => void} react
     */
    watch(react) {
      watchers.add(react);
      react(timer !== undefined);
      return () => void watchers.delete(react);
    },
    dispose: () => clearTimeout(timer),
  };
}
