// @ts-check
// Messages that come and go: errors stay until read, notes leave by themselves; a strip says when the server is away.

import { t } from "../texts/t.js";
import { make } from "./controls.js";
import { createScope } from "./scope.js";
/** @import { Store } from "../state/types.d.ts" */

const NOTE_MS = 5000;
const ERROR_MS = 14000;
const MOST = 4;
const LOST_AFTER_MS = 800;

/**
 * The stack of messages, and the strip.
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createToasts(app, store) {
  const strip = make("div", "st-lost", { role: "status", hidden: true, textContent: t("toasts.the_connection_to") });
  const stack = make("div", "st-toast-stack");
  app.append(make("div", "st-toasts", { role: "region", "aria-label": t("toasts.messages") }, strip, stack));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {string | null} */
  let digest = null;

  /**
   * @param {string} message
   * @param {"note" | "error"} [kind]
   */
  function show(message, kind = "note") {
    const same = [...stack.children].find((toast) => toast instanceof HTMLElement && toast.dataset.text === message);
    same?.remove();
    const text = make("p", "st-toast-text", { textContent: sentence(message) });
    /** @type {HTMLElement} */
    const toast = make("div", `st-toast is-${kind}`, { role: kind === "error" ? "alert" : "status" }, make("i", "st-toast-mark"), text,
      make("button", "st-close", { type: "button", textContent: "×", title: t("toasts.dismiss"), "aria-label": t("toasts.dismiss_this_message"), onclick: () => toast.remove() }));
    toast.dataset.text = message;
    stack.append(toast);
    while (stack.children.length > MOST) stack.firstElementChild?.remove();
    let leave = setTimeout(() => toast.remove(), kind === "error" ? ERROR_MS : NOTE_MS);
    toast.addEventListener("pointerenter", () => clearTimeout(leave));
    toast.addEventListener("pointerleave", () => {
      leave = setTimeout(() => toast.remove(), NOTE_MS);
    });
    return toast;
  }

  const scope = createScope();
  scope.add(store.on("error", ({ message }) => show(message, "error")));
  scope.add(store.on("note", ({ message }) => show(message)));
  /** @param {Event} event of a field whose text does not fit */
  const onRefused = (event) => void (event instanceof CustomEvent && show(event.detail, "error"));
  app.addEventListener("refused", onRefused);
  scope.add(() => app.removeEventListener("refused", onRefused));
  scope.add(store.watch(() => [store.view?.project?.clip.digest], () => {
    const shown = store.view?.project?.clip.digest;
    if (shown && shown !== digest) stack.replaceChildren(); // what went wrong before another clip came is of no use
    digest = shown ?? digest;
  }));
  scope.add(store.on("connection", (state) => {
    clearTimeout(timer);
    if (state === "open") strip.hidden = true;
    else if (state === "lost") timer = setTimeout(() => (strip.hidden = false), LOST_AFTER_MS);
  }));
  scope.add(() => clearTimeout(timer));

  return { show, dispose: scope.dispose };
}

/**
 * A message as a sentence: a capital at its start, a full stop at its end.
 * @param {string} message
 */
function sentence(message) {
  const text = String(message ?? "").trim();
  const opensWithWord = /^(the|a|an|no|nothing|this|these|that|cannot|preset|checkpoint|demo|edit|message|paths|source|timecode) /.test(text); // a file keeps its own first letter
  const whole = opensWithWord ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}
