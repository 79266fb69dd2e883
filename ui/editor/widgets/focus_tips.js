// @ts-check
// The help of a control, which the browser shows under the pointer, beside the control that was reached by keyboard too.

import { make } from "./controls.js";
import { boxOf, pageSize } from "./page_scale.js";
import { createScope } from "./scope.js";

const GAP_PX = 6;
const WAIT_MS = 500; // a control that is only passed shows none

/** @param {HTMLElement} app */
export function createFocusTips(app) {
  const tip = make("div", "st-focus-tip", { hidden: true, "aria-hidden": "true" }); // readers say the title itself
  app.append(tip);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {HTMLElement} control */
  function show(control) {
    const words = control.title || control.closest("[title]")?.getAttribute("title");
    if (!words || !control.isConnected || document.activeElement !== control) return;
    tip.textContent = words;
    tip.hidden = false;
    const box = boxOf(control);
    const page = pageSize();
    const above = box.bottom + GAP_PX + tip.offsetHeight > page.height;
    tip.style.left = `${Math.max(8, Math.min(page.width - tip.offsetWidth - 8, box.left))}px`;
    tip.style.top = `${above ? box.top - GAP_PX - tip.offsetHeight : box.bottom + GAP_PX}px`;
  }

  function hide() {
    clearTimeout(timer);
    tip.hidden = true;
  }

  const scope = createScope();
  scope.listen(app, "focusin", (event) => {
    hide();
    const control = /** @type {HTMLElement} */ (event.target);
    if (app.classList.contains("by-keys")) timer = setTimeout(() => show(control), WAIT_MS);
  });
  scope.listen(app, "focusout", hide);
  scope.listen(app, "pointerdown", hide, true);
  scope.listen(app, "keydown", (event) => event.key === "Escape" && hide(), true);
  scope.add(hide);
  return { dispose: scope.dispose };
}
