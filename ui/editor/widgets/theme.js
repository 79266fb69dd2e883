// @ts-check
// Dark and light: the theme that the user chose or the system has, and its colours for what is drawn on canvases.

import { recall, remember } from "../state/remembered.js";
import { createScope } from "./scope.js";

/** @typedef {"system" | "dark" | "light"} ThemeChoice */

const REMEMBERED = "struck.theme";
/** Names of the style sheet's colours that canvases use, as ``--lane-other`` is ``laneOther`` here. */
const NAMES = /** @type {const} */ ([
  "ground", "lane", "laneOther", "laneLine", "beyond", "tick", "tickStrong", "ink", "quiet", "faint", "action", "actionFill", "selectedLine", "hover", "curve", "clip", "line",
  "spectrum", "spectrumQuiet", "plot", "grid", "gridStrong", "measured", "plotFill", "noise", "noiseLine", "muted", "bright", "coral", "good", "violet", "blue", "teal",
]);

export const MONO = 'ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace';
export const SANS = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

/** The colours of the theme in force, "#rrggbb" or "#rrggbbaa". @type {Record<typeof NAMES[number], string>} */
export const COLORS = /** @type {any} */ (Object.fromEntries(NAMES.map((name) => [name, ""])));

/** @type {Set<() => void>} */
const watchers = new Set();
/** @type {() => void} */
let apply = () => {};

/** @returns {ThemeChoice} */
export function themeChoice() {
  const kept = recall(REMEMBERED);
  return kept === "dark" || kept === "light" ? kept : "system";
}

/** @param {ThemeChoice} choice */
export function chooseTheme(choice) {
  remember(REMEMBERED, choice);
  apply();
}

/**
 * Be told when the theme changes, after its colours have; returns what ends it.
 * @param {() => void} react
 */
export function watchTheme(react) {
  watchers.add(react);
  return () => void watchers.delete(react);
}

/**
 * Give the page the theme; the style sheets are there by then.
 * @param {HTMLElement} app
 */
export function createTheme(app) {
  const system = matchMedia("(prefers-color-scheme: light)");
  apply = () => {
    const choice = themeChoice();
    app.classList.toggle("is-light", choice === "light" || (choice === "system" && system.matches));
    const style = getComputedStyle(app);
    for (const name of NAMES) COLORS[name] = style.getPropertyValue(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`).trim();
    for (const react of watchers) react();
  };
  const scope = createScope();
  system.addEventListener("change", apply);
  scope.add(() => system.removeEventListener("change", apply));
  scope.listen(window, "storage", (event) => event.key === REMEMBERED && apply()); // chosen in another tab
  apply();
  return { dispose: scope.dispose };
}
