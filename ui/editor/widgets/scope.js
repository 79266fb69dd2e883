// @ts-check
// A scope of disposal: what a part of the page listens to and holds, ended together when the part goes.

/** @typedef {HTMLElementEventMap & WindowEventMap & DocumentEventMap} Events */

/** A disposal scope: functions to call at its end. */
export function createScope() {
  /** @type {(() => unknown)[]} */
  let cleanups = [];
  return {
    /**
     * Call something at the end of the scope.
     * @param {() => unknown} cleanup
     */
    add(cleanup) {
      cleanups.push(cleanup);
    },

    /**
     * Listen to events of a target until the end of the scope.
     * @template {keyof Events} Name
     * @param {EventTarget} target
     * @param {Name} name
     * @param {(event: Events[Name]) => unknown} react
     * @param {AddEventListenerOptions | boolean} [options]
     */
    listen(target, name, react, options) {
      const listener = /** @type {EventListener} */ (react);
      target.addEventListener(name, listener, options);
      cleanups.push(() => target.removeEventListener(name, listener, options));
    },

    /** End the scope, the last first; what is added later belongs to a new one. */
    dispose() {
      const ended = cleanups.reverse();
      cleanups = [];
      for (const cleanup of ended) cleanup();
    },
  };
}
