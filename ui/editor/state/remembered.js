// @ts-check
// Choices that outlive a reload. A page without storage forgets them when it goes.

/**
 * What was remembered under a name; null for nothing.
 * @param {string} name
 * @param {"local" | "session"} [where] for all tabs, or for this one
 */
export function recall(name, where = "local") {
  try {
    return (where === "local" ? localStorage : sessionStorage).getItem(name);
  } catch {
    return null;
  }
}

/**
 * Remember a text under a name, if the page may.
 * @param {string} name
 * @param {string} value
 * @param {"local" | "session"} [where]
 */
export function remember(name, value, where = "local") {
  try {
    (where === "local" ? localStorage : sessionStorage).setItem(name, value);
  } catch {
    // the choice lasts until the page goes
  }
}
