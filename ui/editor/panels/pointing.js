// @ts-check
// Pointing at something in the picture: the next click on it says where, or by keys a cross that the arrows move and
// Enter; Escape leaves it.

import { clamp } from "../audio/units.js";
import { make } from "../widgets/controls.js";

/** @typedef {{x: number, y: number, time_s: number}} PicturePoint shares of the picture's width and height, and the time of the picture on show */

const STEP = 0.01; // share of the picture that an arrow key moves the cross
const LARGE_STEP = 0.1;
/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Where in the picture an event lies, as shares of its width and height; null beside it.
 * @param {{clientX: number, clientY: number}} event
 * @param {{videoWidth: number, videoHeight: number, getBoundingClientRect: () => {left: number, top: number, width: number, height: number}}} video
 */
export function locateInPicture({ clientX, clientY }, video) {
  const { left, top, width, height } = video.getBoundingClientRect();
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight); // the picture is fitted whole
  if (!Number.isFinite(scale) || scale <= 0) return null;
  const x = 0.5 + (clientX - left - width / 2) / (scale * video.videoWidth);
  const y = 0.5 + (clientY - top - height / 2) / (scale * video.videoHeight);
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x, y } : null;
}

/**
 * Where a place in the picture lies in the element that shows it, in pixels; undoes ``locateInPicture``.
 * @param {{x: number, y: number}} place shares of the picture's width and height
 * @param {{videoWidth: number, videoHeight: number, clientWidth: number, clientHeight: number}} video
 */
export function placeOverPicture({ x, y }, { videoWidth, videoHeight, clientWidth, clientHeight }) {
  const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight);
  return { x: clientWidth / 2 + (x - 0.5) * scale * videoWidth, y: clientHeight / 2 + (y - 0.5) * scale * videoHeight };
}

/**
 * @param {HTMLElement} stage that holds the picture
 * @param {HTMLVideoElement} video
 * @param {() => number} time_s of the picture on show
 */
export function createPointing(stage, video, time_s) {
  /** @type {((point: PicturePoint | null) => void) | null} */
  let waiting = null;
  let at = { x: 0.5, y: 0.5 };
  const cross = make("div", "st-cross", { hidden: true });
  stage.append(cross);

  /** @param {{x: number, y: number}} place */
  function moveCross(place) {
    at = { x: clamp(place.x, 0, 1), y: clamp(place.y, 0, 1) };
    const { x, y } = placeOverPicture(at, video);
    cross.style.transform = `translate(${x}px, ${y}px)`;
  }

  /** @param {PicturePoint | null} point */
  function finish(point) {
    const picked = waiting;
    waiting = null;
    cross.hidden = true;
    stage.classList.remove("is-pointing");
    picked?.(point);
  }

  /** @param {MouseEvent} event */
  function click(event) {
    const point = waiting && locateInPicture(event, video);
    if (waiting) event.stopImmediatePropagation(); // it neither plays nor pauses
    if (point) finish({ ...point, time_s: time_s() });
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!waiting) return;
    const way = cross.hidden ? undefined : WAYS[event.key];
    const isDone = !cross.hidden && event.key === "Enter";
    if (event.key !== "Escape" && !way && !isDone) return;
    event.stopPropagation();
    event.preventDefault();
    const step = event.shiftKey ? LARGE_STEP : STEP;
    if (way) moveCross({ x: at.x + step * way[0], y: at.y + step * way[1] });
    else finish(isDone ? { ...at, time_s: time_s() } : null);
  }

  stage.addEventListener("click", click, true);
  window.addEventListener("keydown", onKey, true);
  return {
    /**
     * Wait for a click; ``picked`` is given the point, or null where nobody points any more. Returns what stops waiting.
     * @param {(point: PicturePoint | null) => void} picked
     */
    pick(picked) {
      if (waiting) finish(null);
      waiting = picked;
      stage.classList.add("is-pointing");
      cross.hidden = !stage.matches(".by-keys *") || !video.videoWidth; // with the mouse, the arrows step on by frames
      if (!cross.hidden) moveCross({ x: 0.5, y: 0.5 });
      return () => waiting === picked && finish(null);
    },
    dispose() {
      finish(null);
      stage.removeEventListener("click", click, true);
      window.removeEventListener("keydown", onKey, true);
    },
  };
}
