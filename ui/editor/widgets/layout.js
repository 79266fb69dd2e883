// The page's regions and the splitters between them; their sizes are remembered.

import { clamp } from "../audio/units.js";
import { make } from "./controls.js";

const REMEMBERED = "struck.layout";
const STEP_PX = 16;

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? {};
  } catch {
    return {}; // no storage, or nonsense in it: the sizes of the style sheet
  }
}

/**
 * Build the regions inside ``app``: {top, picture, inspector, timeline, footer, dispose()}.
 * @param {HTMLElement} app
 */
export function createLayout(app) {
  const sizes = remembered();
  const top = make("header", "st-top");
  const picture = make("section", "st-picture", { "aria-label": "Picture" });
  const inspector = make("section", "st-inspector", { "aria-label": "Inspector" });
  const timeline = make("section", "st-timeline", { "aria-label": "Timeline" });
  const footer = make("div", "st-footer");
  const across = make("div", "st-splitter is-across", { role: "separator", tabIndex: 0, "aria-orientation": "vertical", "aria-label": "Width of the inspector", title: "Drag to resize, double-click to reset" });
  const down = make("div", "st-splitter is-down", { role: "separator", tabIndex: 0, "aria-orientation": "horizontal", "aria-label": "Height of the timeline", title: "Drag to resize, double-click to reset" });
  app.append(top, picture, across, inspector, down, timeline, footer);

  const bounds = {
    inspector: () => [440, Math.max(440, app.clientWidth - 420)],
    timeline: () => [250, Math.max(250, app.clientHeight - 400)],
  };

  function apply() {
    for (const name of ["inspector", "timeline"]) {
      if (sizes[name]) app.style.setProperty(`--${name}-size`, `${clamp(sizes[name], ...bounds[name]())}px`);
      else app.style.removeProperty(`--${name}-size`);
    }
  }

  function keep() {
    try {
      localStorage.setItem(REMEMBERED, JSON.stringify(sizes));
    } catch {
      // without storage the sizes last until the page goes
    }
  }

  /**
   * @param {HTMLElement} handle
   * @param {"inspector" | "timeline"} name
   * @param {HTMLElement} region
   * @param {(event: PointerEvent) => number} measure
   */
  function resizable(handle, name, region, measure) {
    /** @param {number} size */
    const set = (size) => {
      sizes[name] = clamp(size, ...bounds[name]());
      apply();
    };
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      const start = measure(event);
      const size = name === "inspector" ? region.offsetWidth : region.offsetHeight;
      /** @param {PointerEvent} moved */
      const move = (moved) => set(size + start - measure(moved));
      const end = () => {
        handle.removeEventListener("pointermove", move);
        keep();
      };
      handle.addEventListener("pointermove", move);
      handle.addEventListener("pointerup", end, { once: true });
      handle.addEventListener("pointercancel", end, { once: true });
      event.preventDefault();
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
  resizable(across, "inspector", inspector, (event) => event.clientX);
  resizable(down, "timeline", timeline, (event) => event.clientY);

  const observer = new ResizeObserver(apply);
  observer.observe(app);
  apply();
  return { top, picture, inspector, timeline, footer, dispose: () => observer.disconnect() };
}
