// @ts-check
// Direction of a sound among the loudspeakers of 5.1, seen from above: a circle to turn by pointer or arrow keys.

import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { pointIn } from "../widgets/page_scale.js";

const SPEAKERS_DEG = [0, -30, 30, -110, 110];
const SVG = "http://www.w3.org/2000/svg";
const RADIUS = 34;

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function draw(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/**
 * Place of a direction on a circle of some radius.
 * @param {number} direction_deg
 * @param {number} radius
 */
export function placeOnCircle(direction_deg, radius) {
  const angle = (direction_deg * Math.PI) / 180;
  return { x: radius * Math.sin(angle), y: -radius * Math.cos(angle) };
}

/**
 * Direction of a point from the centre, -180 to 180 degrees, 0 above.
 * @param {number} x
 * @param {number} y
 */
export const directionOf = (x, y) => Math.round((Math.atan2(x, -y) * 180) / Math.PI);

/** @param {{begin: () => void, hold: (direction_deg: number) => void, commit: (direction_deg: number) => void, cancel: () => void}} edit */
export function createDirection({ begin, hold, commit, cancel }) {
  let turning = false;
  let shown = 0;
  const svg = draw("svg", { viewBox: "-44 -44 88 88", "aria-hidden": "true" });
  svg.append(draw("circle", { r: RADIUS, class: "mix-circle" }));
  for (const speaker_deg of SPEAKERS_DEG) {
    const { x, y } = placeOnCircle(speaker_deg, RADIUS);
    svg.append(draw("rect", { x: x - 3, y: y - 3, width: 6, height: 6, rx: 1, class: "mix-speaker" }));
  }
  svg.append(draw("circle", { r: 2.5, class: "mix-listener" }));
  const line = draw("line", { x1: 0, y1: 0, class: "mix-ray" });
  const knob = draw("circle", { r: 6, class: "mix-source" });
  svg.append(line, knob);
  const element = make("div", "mix-direction", { title: t("direction.turn_to_place") });
  element.append(svg);

  /** @param {PointerEvent} event */
  function turn(event) {
    const { x, y } = pointIn(element, event);
    return directionOf(x - element.offsetWidth / 2, y - element.offsetHeight / 2);
  }
  watchDrags(element, (event) => {
    if (event.button !== 0) return null;
    const before_deg = shown;
    const move = (/** @type {PointerEvent} */ moved) => {
      paint(turn(moved));
      hold(shown);
    };
    turning = true;
    begin();
    move(event);
    return {
      move,
      end() {
        turning = false;
        commit(shown);
      },
      cancel() {
        turning = false;
        paint(before_deg);
        cancel();
      },
    };
  });
  element.addEventListener("dblclick", () => {
    begin();
    commit(0);
  });

  /** @param {number} direction_deg */
  function paint(direction_deg) {
    shown = direction_deg;
    const { x, y } = placeOnCircle(direction_deg, RADIUS);
    for (const [target, ends] of /** @type {[Element, Record<string, number>][]} */ ([[line, { x2: x, y2: y }], [knob, { cx: x, cy: y }]])) {
      for (const [name, value] of Object.entries(ends)) target.setAttribute(name, value.toFixed(2));
    }
  }
  paint(0);

  return {
    element,
    /** @param {number} direction_deg */
    set(direction_deg) {
      if (!turning) paint(direction_deg);
    },
  };
}
