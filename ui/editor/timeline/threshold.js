// @ts-check
// The threshold's handle at the right of the onsets lane: dragging it chooses hits anew at once.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { createKeyRun, make, newGesture } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { thresholdScale } from "./shapes.js";
import { boxOf, pointOf } from "../widgets/page_scale.js";
/** @import { Lane, Project, Store } from "../state/types.d.ts" */

const SEND_MS = 60;
const KEY_STEP = 0.01;

/**
 * ``host``: {lane(), changed()}; ``value`` is the threshold as shown.
 * @param {Store} store
 * @param {{lane: () => Lane, changed: () => void}} host
 */
export function createThreshold(store, host) {
  /** @type {string | null} */
  let gesture = null;
  let sentAt_ms = 0;
  /** @type {ReturnType<typeof setTimeout> | 0} */
  let sendTimer = 0;
  let isHot = false;
  let isDragging = false;
  const run = createKeyRun();

  const label = make("span", "st-threshold-value");
  const element = make("div", "st-threshold", { tabIndex: 0, role: "slider", "aria-label": t("threshold.threshold"), "aria-orientation": "vertical", "aria-valuemin": "0", "aria-valuemax": "1", title: t("threshold.threshold_hits_are") }, make("i"), label);

  const current = () => store.view?.project?.detection.threshold ?? 0.5;

  function send() {
    clearTimeout(sendTimer);
    sendTimer = 0;
    sentAt_ms = performance.now();
    store.edit({ kind: "set_threshold", threshold: current() }, gesture);
  }

  /** @param {number} value */
  function set(value) {
    store.hold({ kind: "set_threshold", threshold: clamp(Math.round(value * 1000) / 1000, 0, 1) });
    if (performance.now() - sentAt_ms >= SEND_MS) send();
    else sendTimer ||= setTimeout(send, SEND_MS);
    show();
    host.changed();
  }

  /** Send a pending value at once. */
  function release() {
    if (sendTimer) send();
  }

  function show() {
    const value = current();
    label.textContent = value.toFixed(2);
    element.setAttribute("aria-valuenow", value.toFixed(2));
    element.classList.toggle("is-held", isDragging);
  }

  watchDrags(element, (event) => {
    if (event.button !== 0) return null;
    element.focus({ preventScroll: true }); // so that arrow keys carry on where the drag ended
    event.preventDefault();
    gesture = newGesture();
    isDragging = true;
    const { top } = boxOf(/** @type {HTMLElement} */ (element.parentElement));
    const grip = pointOf(event).y - top - thresholdScale(host.lane()).y(current());
    return {
      move: (moved) => set(thresholdScale(host.lane()).threshold(pointOf(moved).y - top - grip)),
      end() {
        isDragging = false;
        release();
        show();
      },
    };
  });
  element.addEventListener("pointerenter", () => {
    isHot = true;
    host.changed();
  });
  element.addEventListener("pointerleave", () => {
    isHot = false;
    host.changed();
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowUp: KEY_STEP, ArrowRight: KEY_STEP, ArrowDown: -KEY_STEP, ArrowLeft: -KEY_STEP, PageUp: 0.1, PageDown: -0.1 }[event.key];
    if (!step) return;
    gesture = run.at(event.timeStamp);
    set(current() + step);
    release();
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    element,
    get value() { return current(); },
    get isHot() { return isHot || isDragging; },
    /** @param {Project | null} project */
    place(project) {
      element.hidden = !project || !store.media?.curve;
      if (element.hidden) return;
      element.style.top = `${Math.round(thresholdScale(host.lane()).y(current())) - 12}px`;
      show();
    },
    dispose() {
      clearTimeout(sendTimer);
    },
  };
}
