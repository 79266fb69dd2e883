// @ts-check
// The size of the editor on the page: larger on large displays, so that the same hand and eye can use it.
//
// Everything inside is laid out and drawn in the editor's own pixels; a pixel of the page is `pageScale()` times as small.

const PLAIN_WIDTH_PX = 1920;
const PLAIN_HEIGHT_PX = 1080;
const STEP = 0.05;
const MOST = 3;

let factor = 1;

/**
 * How many times as large as usual the editor is on a page of a size.
 * @param {number} width_px
 * @param {number} height_px
 */
export function scaleFor(width_px, height_px) {
  const fits = Math.min(width_px / PLAIN_WIDTH_PX, height_px / PLAIN_HEIGHT_PX);
  return Math.min(MOST, Math.max(1, Math.floor(fits / STEP + 1e-6) * STEP));
}

/** Pixels of the page in a pixel of the editor. */
export const pageScale = () => factor;

/**
 * Scale the element that holds the editor to its page.
 * @param {HTMLElement} app
 */
export function scaleToPage(app) {
  const room = app.parentElement === document.body ? { width: innerWidth, height: innerHeight } : { width: app.parentElement?.clientWidth ?? innerWidth, height: app.parentElement?.clientHeight ?? innerHeight };
  factor = scaleFor(room.width, room.height);
  const isPlain = factor === 1;
  Object.assign(app.style, { width: isPlain ? "" : `${room.width / factor}px`, height: isPlain ? "" : `${room.height / factor}px`, transform: isPlain ? "" : `scale(${factor})` });
}

/**
 * An element's box in pixels of the editor.
 * @param {Element} element
 */
export function boxOf(element) {
  const { left, top, right, bottom, width, height } = element.getBoundingClientRect();
  return { left: left / factor, top: top / factor, right: right / factor, bottom: bottom / factor, width: width / factor, height: height / factor };
}

/**
 * Where an event happened, in pixels of the editor.
 * @param {MouseEvent} event
 */
export const pointOf = (event) => ({ x: event.clientX / factor, y: event.clientY / factor });

/**
 * Where an event happened within an element, in pixels of the editor.
 * @param {Element} element
 * @param {MouseEvent} event
 */
export function pointIn(element, event) {
  const box = element.getBoundingClientRect();
  return { x: (event.clientX - box.left) / factor, y: (event.clientY - box.top) / factor };
}

/**
 * Whether an element has a place on the page; hidden with what it is in, it has neither size nor place.
 * @param {Element} element
 */
export const isOnShow = (element) => element.getClientRects().length > 0;

/** Size of the page in pixels of the editor. */
export const pageSize = () => ({ width: innerWidth / factor, height: innerHeight / factor });

/**
 * Position on the page of a point within an element.
 * @param {Element} element
 * @param {{x: number, y: number}} at in pixels of the editor
 */
export function pagePlace(element, at) {
  const box = element.getBoundingClientRect();
  return { x: box.left + scrollX + at.x * factor, y: box.top + scrollY + at.y * factor };
}
