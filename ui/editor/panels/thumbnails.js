// @ts-check
// Small pictures of the sounds found, drawn from each sound by the server once its row comes into view.

import { t } from "../texts/t.js";
import { recall, remember } from "../state/remembered.js";
import { elementsIn, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Candidate, Store } from "../state/types.d.ts" */

const REMEMBERED = "struck.find.pictures";
const WAIT_MS = 200; // rows that are scrolled past are not asked for
const MOST_ASKED = 24, MOST_KEPT = 400;

/**
 * @param {Store} store
 * @param {HTMLElement} list whose rows have the candidate's id and a slot
 * @param {() => void} onChoice the rows are to be made anew
 */
export function createThumbnails(store, list, onChoice) {
  let isAllowed = false;
  let isOn = recall(REMEMBERED) !== "off";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Set<string>} ids that the server is drawing */
  const asked = new Set();
  /** @type {Set<string>} */
  const inView = new Set();
  /** @type {Map<string, string>} */
  const pictures = new Map(); // id -> address; "" where there is none to be had

  const box = make("input", "", { type: "checkbox", checked: isOn, onchange: () => {
    isOn = box.checked;
    remember(REMEMBERED, isOn ? "on" : "off");
    if (!isOn && asked.size) store.send({ type: "picture_candidates", ids: [] });
    asked.clear();
    onChoice();
  } });
  const choice = make("label", "ins-check", { title: t("find.pictures_help"), hidden: true }, box, t("find.pictures"));

  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const id = /** @type {HTMLElement} */ (target).dataset.id ?? "";
      if (isIntersecting) inView.add(id);
      else inView.delete(id);
    }
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  }, { root: list });

  function ask() {
    const ids = [...inView].filter((id) => !pictures.has(id)).slice(0, MOST_ASKED);
    if (ids.every((id) => asked.has(id))) return;
    asked.clear(); // a request takes the place of the one before
    for (const id of ids) asked.add(id);
    store.send({ type: "picture_candidates", ids });
  }

  /** @param {string} src */
  const draw = (src) => make("img", "find-thumbnail", { src, alt: t("find.a_guess_from"), title: t("find.a_guess_from"), draggable: false });

  const scope = createScope();
  scope.add(store.on("candidates_pictured", (message) => {
    for (const [id, src] of message.pictures) {
      asked.delete(id);
      pictures.delete(id);
      pictures.set(id, src);
      if (src) elementsIn(list, `[data-id="${id}"] .find-thumbnail`)[0]?.replaceWith(draw(src));
    }
    for (const id of pictures.keys()) {
      if (pictures.size <= MOST_KEPT) break;
      pictures.delete(id); // the oldest first
    }
  }));
  for (const ended of /** @type {const} */ (["search_results", "connection"])) scope.add(store.on(ended, () => asked.clear()));
  scope.add(() => observer.disconnect());
  scope.add(() => clearTimeout(timer));

  return {
    choice,
    /**
     * Whether the server can draw.
     * @param {boolean} can
     */
    allow(can) {
      isAllowed = can;
      choice.hidden = !can;
    },
    /**
     * What a row shows before the name: the picture, or the place for it.
     * @param {Candidate} candidate
     */
    slot({ id }) {
      if (!isAllowed || !isOn) return [];
      const src = pictures.get(id);
      return [src ? draw(src) : make("span", "find-thumbnail")];
    },
    /** The rows are new: follow which are in view. */
    watch() {
      observer.disconnect();
      inView.clear();
      if (isAllowed && isOn) for (const line of elementsIn(list, ".find-row")) observer.observe(line);
    },
    dispose: scope.dispose,
  };
}
