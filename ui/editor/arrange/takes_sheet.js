// @ts-check
// The sheet of takes: a hit as it is beside others of the same strike, to hear, to keep, or to deal to many hits.

import { recall, remember } from "../state/remembered.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { createButton, make, newGesture } from "../widgets/controls.js";
import { soundColor } from "../widgets/format.js";
import { createVariation, heardVariation } from "../widgets/variation.js";
import { inOrder } from "./copies.js";
import { createSheet } from "./sheet.js";
import { dealTakes, takeSeeds } from "./takes.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { AudioEngine, Hit, Store } from "../state/types.d.ts" */

const SHOWN = 8;
const REMEMBERED = "struck.takes";
const MOST_STARS = 6;
const COLUMNS = 66;
const [WIDTH_PX, HEIGHT_PX] = [COLUMNS, 36];
const MAX_SEED = 0x7fffffff;

/** @typedef {{seed: number, key: string | null}} Take */

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Arranging} arranging
 */
export function createTakesSheet(app, store, audio, arranging) {
  /** @type {Hit | null} */
  let hit = null;
  /** @type {Take[]} */
  let takes = [];
  let page = 0;
  let chosenSeed = 0;
  /** @type {number | null} */
  let playing = null; // the seed to play once it is rendered
  let asked = "";
  let isUnsure = false; // what was asked may have been given up: another audition takes its place
  const stars = recallStars();

  const words = make("p", "ins-quiet arr-words");
  const tiles = Array.from({ length: SHOWN }, (_, place) => {
    const canvas = make("canvas", "arr-take-wave", { width: WIDTH_PX, height: HEIGHT_PX });
    const label = make("span", "arr-take-label");
    const button = make("button", "arr-take", { type: "button", onclick: () => choose(takes[place]) }, canvas, label);
    const star = make("button", "arr-take-star", { type: "button", textContent: "☆", onclick: () => toggleStar(takes[place].seed) });
    return { element: make("div", "arr-take-tile", {}, button, star), canvas, label, button, star };
  });
  const variation = createVariation({
    label: t("takes_sheet.variation_of_the"), help: t("takes_sheet.how_much_takes"),
    onCommit: (value) => hit && store.edit({ kind: "set_detail", sound_id: hit.sound_id, variation: value }, newGesture()),
  }, () => requireProject(store).render.variation);
  const more = createButton(t("takes_sheet.more"), { title: t("takes_sheet.other_takes_those"), onPress: () => turn(page + 1) });
  const deal = createButton(t("takes_sheet.deal"), { onPress: dealOut });
  const apply = createButton(t("common.keep"), { title: t("takes_sheet.give_the_hit"), onPress: keep });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("takes_sheet.takes"),
    content: [words, make("div", "arr-takes", { role: "group", "aria-label": t("takes_sheet.takes") }, ...tiles.map(({ element }) => element)), variation.element, make("div", "ins-row", {}, more, make("span", "st-space"), deal, apply)],
    apply, onShow: show, onEnter: keep, onHide: () => { isUnsure = true; },
  });

  // --- which takes --------------------------------------------------------------------------------

  /** @returns {Record<string, number[]>} starred seeds by clip and hit */
  function recallStars() {
    try {
      const kept = JSON.parse(recall(REMEMBERED) ?? "{}");
      return typeof kept === "object" && kept && Object.values(kept).every((seeds) => Array.isArray(seeds)) ? kept : {};
    } catch {
      return {};
    }
  }

  const starName = () => `${requireProject(store).clip.digest.slice(0, 12)} ${hit?.id}`;
  const starred = () => stars[starName()] ?? [];

  /** @param {number} seed */
  function toggleStar(seed) {
    const now = starred();
    stars[starName()] = now.includes(seed) ? now.filter((one) => one !== seed) : [...now, seed].slice(-MOST_STARS);
    remember(REMEMBERED, JSON.stringify(Object.fromEntries(Object.entries(stars).filter(([, seeds]) => seeds.length).slice(-200))));
    paint();
  }

  /** @param {number} next */
  function turn(next) {
    page = next;
    gather();
    if (hit && !takes.some(({ seed }) => seed === chosenSeed)) chosenSeed = hit.seed; // *Keep* takes what is on show
    paint();
    request();
  }

  function gather() {
    if (!hit) return;
    const own = hit.seed;
    const kept = starred().filter((seed) => seed !== own);
    const fresh = takeSeeds(own, page, SHOWN).filter((seed) => seed !== own && !kept.includes(seed));
    const known = new Map(takes.map((take) => [take.seed, take]));
    takes = [own, ...kept, ...fresh].slice(0, SHOWN).map((seed) => known.get(seed) ?? { seed, key: null });
  }

  /** What the keys of takes depend on besides their seeds. */
  function signature() {
    const project = requireProject(store);
    return JSON.stringify([hit?.id, hit?.velocity_db, hit?.offsets, hit?.stroke, project.sounds.find(({ id }) => id === hit?.sound_id), project.render]);
  }

  function request() {
    const missing = takes.filter(({ key }) => key === null).map(({ seed }) => seed);
    if (hit && missing.length) store.send({ type: "render_takes", hit_id: hit.id, seeds: missing });
  }

  function show() {
    const hits = inOrder(arranging.chosen());
    const first = hits[0] ?? null;
    if (first?.id !== hit?.id) {
      takes = [];
      page = 0;
    }
    const reseeded = first?.seed !== hit?.seed;
    hit = first;
    const now = hit ? signature() : "";
    if (now !== asked || reseeded) {
      asked = now;
      takes = [];
      chosenSeed = hit?.seed ?? 0;
      gather();
      request();
    } else if (isUnsure) request();
    isUnsure = false;
    paint();
  }

  // --- as it is shown -----------------------------------------------------------------------------

  function paint() {
    const count = arranging.chosen().length;
    const project = requireProject(store);
    const sound = project.sounds.find(({ id }) => id === hit?.sound_id);
    words.textContent = !hit ? t("common.select_a_hit") : count > 1
      ? t("takes_sheet.takes_of_the", { count })
      : sound && heardVariation(project, sound) < 0.005 ? t("takes_sheet.press_one_to_hear") : t("takes_sheet.press_one_to");
    tiles.forEach(({ element, canvas, label, button, star }, place) => {
      const take = takes[place];
      element.hidden = !hit || !take;
      if (!take) return;
      const isStarred = starred().includes(take.seed);
      label.textContent = place ? String(place + 1) : t("takes_sheet.now");
      button.classList.toggle("is-on", take.seed === chosenSeed);
      button.classList.toggle("is-waiting", take.key === null);
      button.setAttribute("aria-pressed", String(take.seed === chosenSeed));
      button.setAttribute("aria-label", place ? t("takes_sheet.take", { place: place + 1 }) : t("takes_sheet.the_hit_as"));
      star.textContent = isStarred ? "★" : "☆";
      star.setAttribute("aria-pressed", String(isStarred));
      star.setAttribute("aria-label", t("takes_sheet.star_take", { place: place + 1 }));
      draw(canvas, take);
    });
    variation.element.hidden = !sound;
    if (sound) variation.set(sound.variation);
    more.disabled = !hit;
    deal.hidden = count < 2;
    deal.textContent = t("takes_sheet.deal_to_hits", { count });
    apply.disabled = !hit || chosenSeed === hit.seed;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Take} take
   */
  async function draw(canvas, { key, seed }) {
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const color = hit ? soundColor(requireProject(store), hit.sound_id) : "";
    const peaks = key === null ? null : await audio.peaksFor(key, COLUMNS).catch(() => null);
    if (!takes.some((take) => take.seed === seed && take.key === key)) return;
    pen.clearRect(0, 0, WIDTH_PX, HEIGHT_PX);
    pen.fillStyle = color;
    const loudest = peaks ? Math.max(1e-6, ...peaks.map(Math.abs)) : 1;
    for (let column = 0; column < COLUMNS; column++) {
      const [low, high] = peaks ? [peaks[2 * column], peaks[2 * column + 1]] : [0, 0];
      const top = (HEIGHT_PX / 2) * (1 - high / loudest);
      pen.fillRect(column, top, 1, Math.max(1, (HEIGHT_PX / 2) * ((high - low) / loudest)));
    }
  }

  // --- what is done -------------------------------------------------------------------------------

  /** @param {Take} take */
  function choose(take) {
    chosenSeed = take.seed;
    playing = take.seed;
    if (take.key !== null) play(take.key);
    paint();
  }

  /** @param {string} key */
  function play(key) {
    playing = null;
    if (hit) audio.auditionTake(hit, key).catch(() => {});
  }

  function keep() {
    if (!hit || chosenSeed === hit.seed) return;
    store.edit({ kind: "set_hits", ids: [hit.id], values: { seed: chosenSeed } }, newGesture());
    sheet.close();
  }

  function dealOut() {
    const hits = inOrder(arranging.chosen());
    if (hits.length < 2) return;
    const pool = starred().length > 1 ? starred() : takes.map(({ seed }) => seed);
    const dealt = dealTakes(hits.length, pool, (hits[0].seed + page) & MAX_SEED);
    store.edit({ kind: "set_each_hit", values: Object.fromEntries(hits.map(({ id }, k) => [id, { seed: dealt[k] }])) }, newGesture());
    sheet.close();
  }

  sheet.element.addEventListener("keydown", ({ key }) => {
    const take = takes[Number(key) - 1];
    if (hit && take) choose(take);
  });
  const cleanups = [
    store.on("take", (message) => {
      if (message.hit_id !== hit?.id) return;
      for (const take of takes) if (take.seed === message.seed) take.key = message.key;
      if (playing === message.seed) play(message.key);
      paint();
    }),
    store.on("error", () => { isUnsure = true; }),
    store.on("connection", (state) => state === "open" && sheet.isOpen && request()),
    store.watch(() => [store.view?.project?.sounds, store.view?.project?.hits, store.view?.project?.render], () => sheet.isOpen && show()),
  ];

  return {
    open: sheet.open,
    dispose() {
      sheet.dispose();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
