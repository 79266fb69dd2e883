// @ts-check
// The tour: three steps over the picture when the first project is open; once it is left it comes only when asked for.

import { keyText } from "../actions/bindings.js";
import { recall, remember } from "../state/remembered.js";
import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Store } from "../state/types.d.ts" */

const REMEMBERED = "struck.tour";
const BUSY = new Set(["opening", "detecting", "analysing"]);
/** @type {{region: string, title: string, words: () => string}[]} */
const STEPS = [
  { region: ".st-timeline", title: t("tour.every_hit_of"), words: () => t("tour.each_hit_that", { play: keyText("play") }) },
  { region: ".st-inspector", title: t("tour.what_is_struck"), words: () => t("tour.this_is_the") },
  { region: ".st-top", title: t("tour.all_the_rest"), words: () => t("tour.export_writes_the", { palette: keyText("palette"), help: keyText("help") }) },
];

/**
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createTour(app, store) {
  let at = 0;
  const count = make("span", "st-label");
  const title = make("h2", "", { id: "tour-title" });
  const words = make("p", "", { id: "tour-words" });
  const skip = make("button", "st-button", { type: "button", textContent: t("tour.skip_the_tour"), title: t("tour.it_does_not"), onclick: leave });
  const next = make("button", "st-button is-main", { type: "button", title: t("tour.next_help"), onclick: () => (at + 1 < STEPS.length ? show(at + 1) : leave()) });
  const element = make("div", "st-tour", { role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-words", hidden: true }, count, title, words, make("div", "st-tour-foot", {}, skip, next));
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    event.stopPropagation();
  });
  app.append(element);

  /** @param {number} step */
  function show(step) {
    at = step;
    element.hidden = false;
    element.dataset.step = String(at);
    count.textContent = t("tour.of", { at: at + 1, count: STEPS.length });
    title.textContent = STEPS[at].title;
    words.textContent = STEPS[at].words();
    next.textContent = at + 1 < STEPS.length ? t("tour.next") : t("tour.done");
    point(STEPS[at].region);
  }

  /** @param {string | null} region */
  function point(region) {
    for (const { region: other } of STEPS) app.querySelector(other)?.classList.toggle("is-toured", other === region);
  }

  function leave() {
    const hadFocus = element.contains(document.activeElement);
    element.hidden = true;
    point(null);
    remember(REMEMBERED, "left");
    if (hadFocus) /** @type {HTMLElement | null} */ (app.querySelector("canvas.st-lanes"))?.focus({ preventScroll: true });
  }

  function offer() {
    const isReady = store.view?.project?.hits.length && !BUSY.has(store.status.phase);
    if (isReady && element.hidden && recall(REMEMBERED) === null) show(0);
  }

  const scope = createScope();
  scope.add(store.watch(() => [store.view?.project?.clip.digest, Boolean(store.view?.project?.hits.length)], offer));
  scope.add(store.on("status", offer));
  return {
    open() {
      show(0);
      next.focus({ preventScroll: true });
    },
    dispose: scope.dispose,
  };
}
