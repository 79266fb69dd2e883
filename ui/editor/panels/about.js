// @ts-check
// What Struck is made of: its licence, where its weights and data come from, the packages it uses.

import { t } from "../texts/t.js";
import { createSegments, elementsIn, focusedElement, make } from "../widgets/controls.js";
/** @import { Store } from "../state/types.d.ts" */

/** @typedef {{licence: string, notice: string, cards: {kind: string, name: string, text: string}[], packages: {name: string, version: string, licence: string}[]}} Parts */
/** @typedef {"code" | "weights" | "data" | "packages"} Part */

/** @type {[Part, string][]} */
const PARTS = [["code", t("about.code")], ["weights", t("about.weights")], ["data", t("about.data")], ["packages", t("about.packages")]];

/**
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createAbout(app, store) {
  /** @type {Parts | null} */
  let parts = null;
  /** @type {Part} */
  let part = "code";
  /** @type {HTMLElement | null} */
  let returnTo = null;

  const close = make("button", "st-close st-sheet-close", { type: "button", textContent: "×", title: t("common.close_esc"), "aria-label": t("common.close"), onclick: () => setOpen(false) });
  const title = make("h2", "", { textContent: t("about.about_struck") });
  const choice = createSegments({ label: t("about.show"), choices: PARTS, onChoose: (value) => {
    part = value;
    show();
  } });
  choice.element.classList.add("st-segments");
  const text = make("div", "st-about-text", { tabIndex: 0 });
  const sheet = make("div", "st-about", { role: "dialog", "aria-modal": "true", "aria-label": t("about.about_struck") }, close, title, choice.element, text);
  const page = make("div", "st-scrim", { hidden: true }, sheet);
  app.append(page);

  function show() {
    choice.set(part);
    if (!parts) {
      text.textContent = t("about.reading");
      return;
    }
    if (part === "packages") {
      text.replaceChildren(make("table", "", {}, ...parts.packages.map(({ name, version, licence }) =>
        make("tr", "", {}, make("td", "", { textContent: name }), make("td", "", { textContent: version }), make("td", "", { textContent: licence })))));
      return;
    }
    const cards = parts.cards.filter(({ kind }) => kind === part);
    const shown = part === "code" ? [{ name: t("about.struck", { version: store.welcome?.version ?? "", licence: parts.licence }), text: parts.notice }] : cards;
    text.replaceChildren(...shown.flatMap((card) => [make("h3", "", { textContent: card.name }), make("pre", "", { textContent: card.text })]));
    text.scrollTop = 0;
  }

  async function read() {
    try {
      const answer = await fetch("/struck/about");
      if (!answer.ok) throw new Error(String(answer.status));
      parts = await answer.json();
    } catch {
      text.textContent = t("about.this_could_not");
      return;
    }
    show();
  }

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    if (page.hidden !== isOpen) return;
    page.hidden = !isOpen;
    if (isOpen) {
      returnTo = focusedElement();
      show();
      if (!parts) read();
      close.focus({ preventScroll: true });
    } else if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }

  page.addEventListener("pointerdown", (event) => event.target === page && setOpen(false));
  page.addEventListener("keydown", (event) => {
    if (page.hidden) return;
    event.stopPropagation();
    if (event.key === "Escape") setOpen(false);
    if (event.key !== "Tab") return;
    const stops = elementsIn(sheet, "button, [tabindex]");
    const at = stops.findIndex((stop) => stop === focusedElement());
    stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length].focus();
    event.preventDefault();
  });
  return { open: () => setOpen(true) };
}
