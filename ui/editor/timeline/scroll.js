// @ts-check
// The bar at the foot of the timeline: which part of the clip is in sight, while that is not all of it.

import { make } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { boxOf, pointOf } from "../widgets/page_scale.js";
/** @import { Scale } from "../state/types.d.ts" */

const SHORTEST_PX = 28;

/**
 * @param {Scale} scale
 * @param {() => void} scrolled
 */
export function createScrollBar(scale, scrolled) {
  const thumb = make("i", "st-scroll-thumb");
  const element = make("div", "st-scroll", { hidden: true, "aria-hidden": "true" }, thumb);
  let isDragging = false;

  const seen_s = () => scale.width / scale.px_per_s;

  function show() {
    element.hidden = scale.isFit;
    if (scale.isFit) return;
    const width = Math.max(SHORTEST_PX, Math.min(1, seen_s() / scale.duration_s) * scale.width);
    const part = Math.min(1, Math.max(0, scale.start_s / Math.max(1e-9, scale.duration_s - seen_s())));
    thumb.style.width = `${width}px`;
    thumb.style.transform = `translateX(${part * (scale.width - width)}px)`;
  }

  watchDrags(element, (event) => {
    if (event.button !== 0) return null;
    isDragging = true;
    const box = boxOf(element);
    const pressed = pointOf(event);
    const free = Math.max(1, scale.width - thumb.offsetWidth);
    const perPx_s = Math.max(0, scale.duration_s - seen_s()) / free;
    const thumbAt = boxOf(thumb);
    const isOnThumb = pressed.x >= thumbAt.left && pressed.x <= thumbAt.right;
    const grip = isOnThumb ? pressed.x - thumbAt.left : thumbAt.width / 2;
    /** @param {PointerEvent} moved */
    const move = (moved) => {
      scale.scrollTo((pointOf(moved).x - box.left - grip) * perPx_s);
      scrolled();
    };
    move(event);
    event.preventDefault();
    return { move, end: () => (isDragging = false) };
  });

  return { element, show, get isDragging() { return isDragging; } };
}
