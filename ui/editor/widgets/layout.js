// @ts-check
// The page's regions and the splitters between them; their sizes are remembered.

import { clamp } from "../audio/units.js";
import { recall, remember } from "../state/remembered.js";
import { t } from "../texts/t.js";
import { make } from "./controls.js";
import { watchDrags } from "./drag.js";
import { pointOf, scaleToPage } from "./page_scale.js";

const REMEMBERED = "struck.layout";
const STEP_PX = 16;
const LOW_PX = 530; // heights of the inspector below which its panels lie closer
const LOWER_PX = 450;

/** @typedef {"inspector" | "timeline"} Resizable */

/** @returns {Partial<Record<Resizable, number>>} */
function recallSizes() {
  try {
    return JSON.parse(recall(REMEMBERED) ?? "{}") ?? {};
  } catch {
    return {}; // nonsense: the sizes of the style sheet
  }
}

/**
 * Build the regions inside ``app``: {top, picture, inspector, timeline, footer, dispose()}.
 * @param {HTMLElement} app
 */
export function createLayout(app) {
  const sizes = recallSizes();
  const top = make("header", "st-top");
  const picture = make("section", "st-picture", { "aria-label": t("common.picture") });
  const inspector = make("section", "st-inspector", { "aria-label": t("common.inspector") });
  const timeline = make("section", "st-timeline", { "aria-label": t("common.timeline") });
  const footer = make("div", "st-footer");
  const across = make("div", "st-splitter is-across", { role: "separator", tabIndex: 0, "aria-orientation": "vertical", "aria-label": t("layout.width_of_the"), title: t("layout.drag_to_resize") });
  const down = make("div", "st-splitter is-down", { role: "separator", tabIndex: 0, "aria-orientation": "horizontal", "aria-label": t("layout.height_of_the"), title: t("layout.drag_to_resize") });
  app.append(top, picture, across, inspector, down, timeline, footer);

  const bounds = {
    inspector: () => ({ least: 440, most: Math.max(440, app.clientWidth - 420) }),
    timeline: () => ({ least: 220, most: Math.max(220, app.clientHeight - 400) }),
  };

  /**
   * @param {Resizable} name
   * @param {number} size
   */
  function bound(name, size) {
    const { least, most } = bounds[name]();
    return clamp(size, least, most);
  }

  function apply() {
    for (const name of /** @type {const} */ (["inspector", "timeline"])) {
      const size = sizes[name];
      if (size) app.style.setProperty(`--${name}-size`, `${bound(name, size)}px`);
      else app.style.removeProperty(`--${name}-size`);
    }
    app.classList.toggle("is-low", inspector.clientHeight < LOW_PX);
    app.classList.toggle("is-lower", inspector.clientHeight < LOWER_PX);
    tellSize(across, "inspector", inspector.offsetWidth);
    tellSize(down, "timeline", timeline.offsetHeight);
  }

  /**
   * Tell screen readers where a splitter stands.
   * @param {HTMLElement} handle
   * @param {Resizable} name
   * @param {number} size
   */
  function tellSize(handle, name, size) {
    const { least, most } = bounds[name]();
    for (const [value, px] of Object.entries({ valuemin: least, valuemax: most, valuenow: size })) handle.setAttribute(`aria-${value}`, String(Math.round(px)));
  }

  const keep = () => remember(REMEMBERED, JSON.stringify(sizes));

  /**
   * @param {HTMLElement} handle
   * @param {Resizable} name
   * @param {HTMLElement} region
   * @param {(event: PointerEvent) => number} measure
   */
  function resizable(handle, name, region, measure) {
    /** @param {number} size */
    const set = (size) => {
      sizes[name] = bound(name, size);
      apply();
    };
    watchDrags(handle, (event) => {
      if (event.button !== 0) return null;
      const start = measure(event);
      const size = name === "inspector" ? region.offsetWidth : region.offsetHeight;
      event.preventDefault();
      return { move: (moved) => set(size + start - measure(moved)), end: keep };
    });
    handle.addEventListener("dblclick", () => {
      delete sizes[name];
      apply();
      keep();
    });
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: 1, ArrowUp: 1, ArrowRight: -1, ArrowDown: -1 }[event.key];
      if (!step) return;
      set((name === "inspector" ? region.offsetWidth : region.offsetHeight) + step * STEP_PX);
      keep();
      event.preventDefault();
      event.stopPropagation();
    });
  }
  resizable(across, "inspector", inspector, (event) => pointOf(event).x);
  resizable(down, "timeline", timeline, (event) => pointOf(event).y);

  const fit = () => {
    scaleToPage(app);
    apply();
  };
  const observer = new ResizeObserver(apply);
  observer.observe(app);
  window.addEventListener("resize", fit);
  fit();
  return { top, picture, inspector, timeline, footer, dispose() {
    observer.disconnect();
    window.removeEventListener("resize", fit);
  } };
}
