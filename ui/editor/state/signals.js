// @ts-check
// Selector-based subscription: a listener is called only when a value that it selects has changed.

/**
 * Watchers of one state. Selected values are compared by identity, so unchanged parts of the state keep theirs.
 */
export function createWatchers() {
  /** @type {Set<{select: () => unknown[], react: () => unknown, last: unknown[]}>} */
  const watchers = new Set();

  return {
    /**
     * Call ``react`` after each ``notify`` that finds one of the selected values changed; returns what ends it.
     * @param {() => unknown[]} select
     * @param {() => unknown} react
     */
    watch(select, react) {
      const watcher = { select, react, last: select() };
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    notify() {
      for (const watcher of [...watchers]) {
        const now = watcher.select();
        if (now.length === watcher.last.length && now.every((value, i) => Object.is(value, watcher.last[i]))) continue;
        watcher.last = now;
        try {
          watcher.react();
        } catch (error) {
          console.error("Struck: a change was not handled", error); // one broken listener must not silence the rest
        }
      }
    },
    clear: () => watchers.clear(),
  };
}

/**
 * ``next`` with every part that equals the same part of ``previous`` replaced by it; elements of arrays are matched by
 * their ``id``, else by their place.
 * @template T
 * @param {unknown} previous
 * @param {T} next
 * @returns {T}
 */
export function shareUnchanged(previous, next) {
  if (Object.is(previous, next) || typeof previous !== "object" || typeof next !== "object" || !previous || !next) return next;
  if (Array.isArray(next)) return /** @type {T} */ (Array.isArray(previous) ? shareArray(previous, next) : next);
  if (Array.isArray(previous)) return next;
  const [old, fresh] = [/** @type {Record<string, unknown>} */ (previous), /** @type {Record<string, unknown>} */ (next)];
  const names = Object.keys(fresh);
  /** @type {Record<string, unknown> | null} */
  let result = null; // made where a part of it is replaced
  let isSame = names.length === Object.keys(old).length;
  for (const name of names) {
    const part = shareUnchanged(old[name], fresh[name]);
    if (!Object.is(part, fresh[name])) {
      result ??= { ...fresh };
      result[name] = part;
    }
    isSame &&= Object.is(part, old[name]) && name in old;
  }
  return /** @type {T} */ (isSame ? old : result ?? fresh);
}

/**
 * @param {any[]} previous
 * @param {any[]} next
 */
function shareArray(previous, next) {
  /** @type {Map<unknown, unknown> | null} */
  let byId = null; // made where an element is not in the place that it had
  const result = next.map((item, i) => {
    if (item?.id === undefined || item.id === previous[i]?.id) return shareUnchanged(previous[i], item);
    byId ??= new Map(previous.filter((one) => one?.id !== undefined).map((one) => [one.id, one]));
    return shareUnchanged(byId.get(item.id), item);
  });
  return result.length === previous.length && result.every((item, i) => Object.is(item, previous[i])) ? previous : result;
}
