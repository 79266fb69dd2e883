// @ts-check
// Small line drawings for buttons, made of SVG elements so that they take the button's colour.

const SPACE = "http://www.w3.org/2000/svg";
/** @typedef {keyof typeof PATHS} IconName */
const PATHS = {
  start: ["M4 3v10", "M13 3.5 6.5 8l6.5 4.5z*"],
  end: ["M12 3v10", "M3 3.5 9.5 8 3 12.5z*"],
  back: ["M10.5 3.5 5 8l5.5 4.5"],
  forward: ["M5.5 3.5 11 8l-5.5 4.5"],
  play: ["M4.5 2.8 13 8l-8.5 5.2z*"],
  pause: ["M4.5 3h2.6v10H4.5z*", "M8.9 3h2.6v10H8.9z*"],
  loop: ["M3 7.2V6.5A2.5 2.5 0 0 1 5.5 4H12", "M10 1.8 12.3 4 10 6.2", "M13 8.8v.7A2.5 2.5 0 0 1 10.5 12H4", "M6 14.2 3.7 12 6 9.8"],
  undo: ["M3 6h6.5a3.5 3.5 0 0 1 0 7H6", "M6 3 3 6l3 3"],
  redo: ["M13 6H6.5a3.5 3.5 0 0 0 0 7H10", "M10 3l3 3-3 3"],
  down: ["M4 6.2 8 10.2l4-4"],
  file: ["M4 2h5l3 3v9H4z", "M9 2v3h3"],
  folder: ["M2 4h4.5l1.5 2H14v7H2z"],
  dice: ["M3.5 2.5h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1z", "M5.6 5.6h.01", "M10.4 5.6h.01", "M8 8h.01", "M5.6 10.4h.01", "M10.4 10.4h.01"],
  film: ["M2 3.5h12v9H2z", "M5 3.5v9", "M11 3.5v9"],
};

/**
 * An icon of 16 × 16; a path that ends in * is filled, the others are stroked.
 * @param {IconName} name
 */
export function icon(name) {
  const svg = document.createElementNS(SPACE, "svg");
  for (const [key, value] of [["viewBox", "0 0 16 16"], ["width", "16"], ["height", "16"], ["aria-hidden", "true"], ["class", "st-icon"]]) svg.setAttribute(key, value);
  for (const drawn of PATHS[name]) {
    const path = document.createElementNS(SPACE, "path");
    path.setAttribute("d", drawn.replace("*", ""));
    path.setAttribute("fill", drawn.endsWith("*") ? "currentColor" : "none");
    if (!drawn.endsWith("*")) {
      for (const [key, value] of [["stroke", "currentColor"], ["stroke-width", "1.5"], ["stroke-linecap", "round"], ["stroke-linejoin", "round"]]) path.setAttribute(key, value);
    }
    svg.append(path);
  }
  return svg;
}
