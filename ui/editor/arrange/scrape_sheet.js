// @ts-check
// The sheet of a scrape or rub: its speed drawn over time, its length, its fastest speed and the grain of the surface.

import { recall, remember } from "../state/remembered.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { createButton, createSlider, make, newGesture } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { parsePlain, soundColor } from "../widgets/format.js";
import { pointIn } from "../widgets/page_scale.js";
import { inOrder } from "./copies.js";
import { createHeardAnew } from "./heard_anew.js";
import { drawSpeeds, FRESH, GRAIN_NAMES, nameGrain, SHAPES, shapeSpeeds } from "./scrape_shapes.js";
import { createSheet } from "./sheet.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { ShapeName } from "./scrape_shapes.js" */
/** @import { StrokeState } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Hit, Player, Store } from "../state/types.d.ts" */

const REMEMBERED = "struck.scrape";
const [WIDTH_PX, HEIGHT_PX] = [304, 84];

/** @returns {StrokeState} */
function recallStroke() {
  try {
    const kept = JSON.parse(recall(REMEMBERED) ?? "null");
    const isFine = kept && [kept.length_s, kept.top_speed_m_per_s, kept.grain_mm, ...kept.speeds].every(Number.isFinite) && kept.speeds.length > 1;
    return isFine ? kept : FRESH;
  } catch {
    return FRESH;
  }
}

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 * @param {Arranging} arranging
 */
export function createScrapeSheet(app, store, audio, player, arranging) {
  let fresh = recallStroke();
  const heard = createHeardAnew(store, audio, player, () => sheet.isOpen);

  const scrapes = () => inOrder(arranging.chosen().filter((hit) => hit.stroke));
  const strikes = () => arranging.chosen().filter((hit) => !hit.stroke);
  const shown = () => scrapes()[0]?.stroke ?? fresh;

  const words = make("p", "ins-quiet arr-words");
  const canvas = make("canvas", "arr-speeds", { width: 2 * WIDTH_PX, height: 2 * HEIGHT_PX, role: "img" });
  const shapes = make("div", "ins-segments", { role: "group", "aria-label": t("scrape_sheet.speed_over_time") }, ...Object.entries(SHAPES).map(([name, { title, help }]) => make("button", "ins-segment", { type: "button", textContent: title, title: help, onclick: () => change({ speeds: shapeSpeeds(/** @type {ShapeName} */ (name), shown().length_s) }) })));
  /**
   * @param {"length_s" | "top_speed_m_per_s" | "grain_mm"} name
   * @param {{label: string, help: string, min: number, max: number, unit: string, format: (value: number) => string}} look
   */
  const slider = (name, { label, help, min, max, unit, format }) => createSlider({
    label, help, min, max, scale: "log", format, read: (text) => parsePlain(GRAIN_NAMES.reduce((rest, word) => rest.replace(word, ""), text).trim(), [unit]),
    onInput: (value) => hold({ [name]: value }), onCommit: (value) => change({ [name]: value }),
  });
  const sliders = {
    length_s: slider("length_s", { label: t("scrape_sheet.length"), help: t("scrape_sheet.from_the_start"), min: 0.05, max: 20, unit: "s", format: (v) => `${v.toFixed(2)} s` }),
    top_speed_m_per_s: slider("top_speed_m_per_s", { label: t("scrape_sheet.top_speed"), help: t("scrape_sheet.speed_at_the"), min: 0.02, max: 4, unit: "m/s", format: (v) => `${v.toFixed(2)} m/s` }),
    grain_mm: slider("grain_mm", { label: t("scrape_sheet.grain"), help: t("scrape_sheet.roughness_the_distance"), min: 0.03, max: 15, unit: "mm", format: (v) => `${v < 1 ? v.toFixed(2) : v.toFixed(1)} mm  ${nameGrain(v)}` }),
  };
  const follow = createButton(t("scrape_sheet.from_picture"), { title: t("scrape_sheet.take_the_speed"), onPress: followPicture });
  const strike = createButton(t("common.strike"), { title: t("scrape_sheet.make_it_a"), onPress: () => store.edit({ kind: "clear_strokes", ids: scrapes().map(({ id }) => id) }, newGesture()) });
  const apply = createButton(t("scrape_sheet.scrape"), { title: t("scrape_sheet.apply_help"), onPress: makeScrape });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("scrape_sheet.scrape_or_rub"),
    content: [words, shapes, canvas, ...Object.values(sliders).map(({ element }) => element), make("div", "ins-row", {}, follow, make("span", "st-space"), strike, apply)],
    apply, onShow: show, onEnter: makeScrape,
  });

  // --- what is changed ----------------------------------------------------------------------------

  /**
   * The edit that gives every chosen scrape new values.
   * @param {Partial<StrokeState>} values
   * @returns {import("../state/protocol.d.ts").SetEachHit}
   */
  const editOf = (values) => ({ kind: "set_each_hit", values: Object.fromEntries(scrapes().map(({ id, stroke }) => [id, { stroke: { .../** @type {StrokeState} */ (stroke), ...values } }])) });

  /** @param {Partial<StrokeState>} values */
  function hold(values) {
    if (scrapes().length) store.hold(editOf(values));
    else fresh = { ...fresh, ...values };
    show();
  }

  /** @param {Partial<StrokeState>} values */
  function change(values) {
    fresh = { ...shown(), ...values };
    remember(REMEMBERED, JSON.stringify(fresh));
    const [first] = scrapes();
    if (first) {
      heard.wait(first.id);
      store.edit(editOf(values), newGesture());
    }
    show();
  }

  function makeScrape() {
    const hits = strikes();
    if (scrapes().length && !hits.length) {
      audio.auditionHit(scrapes()[0].id)?.catch(() => {});
      return;
    }
    if (hits.length) {
      heard.wait(hits[0].id);
      store.edit({ kind: "set_hits", ids: hits.map(({ id }) => id), values: { stroke: shown() } }, newGesture());
      return;
    }
    const { clip } = requireProject(store);
    if (player.time_s > clip.duration_s) return;
    arranging.add({ edit: { kind: "add_hits", hits: [{ time_s: player.time_s, sound_id: store.selection.soundId, stroke: fresh }], how: "add" }, left: 0 });
  }

  function followPicture() {
    const ids = scrapes().map(({ id }) => id);
    if (!ids.length) return;
    heard.wait(ids[0]);
    store.send({ type: "follow_picture", hits: ids });
  }

  watchDrags(canvas, (event) => {
    if (event.button !== 0) return null;
    const place = (/** @type {MouseEvent} */ moved) => {
      const { x, y } = pointIn(canvas, moved);
      return { x: x / WIDTH_PX, y: 1 - (y - 2) / (HEIGHT_PX - 4) };
    };
    const before = shown().speeds;
    let last = place(event);
    let speeds = drawSpeeds(before, last, last);
    hold({ speeds });
    event.preventDefault();
    return {
      move(moved) {
        const next = place(moved);
        speeds = drawSpeeds(speeds, last, next);
        last = next;
        hold({ speeds });
      },
      end: () => change({ speeds }),
      cancel() {
        hold({ speeds: before });
        store.hold(null);
      },
    };
  });

  // --- as it is shown -----------------------------------------------------------------------------

  function show() {
    const hits = strikes();
    const own = scrapes();
    const stroke = shown();
    words.textContent = own.length ? own.length > 1 ? t("scrape_sheet.draw_its_speed", { count: own.length }) : t("scrape_sheet.draw_its_speed_over") : t("scrape_sheet.noise_at_the");
    for (const [name, { set }] of Object.entries(sliders)) set(stroke[/** @type {keyof typeof sliders} */ (name)]);
    follow.hidden = strike.hidden = !own.length;
    apply.textContent = own.length && !hits.length ? t("scrape_sheet.hear") : hits.length > 1 ? t("scrape_sheet.scrape_with_hits", { count: hits.length }) : hits.length ? t("scrape_sheet.scrape_with_this") : t("scrape_sheet.scrape_at_the");
    canvas.setAttribute("aria-label", t("scrape_sheet.speed_over_s", { length_s: stroke.length_s.toFixed(2), top_speed_m_per_s: stroke.top_speed_m_per_s.toFixed(2) }));
    draw(stroke, own[0] ?? hits[0]);
  }

  /**
   * @param {StrokeState} stroke
   * @param {Hit | undefined} hit
   */
  function draw({ speeds }, hit) {
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const style = getComputedStyle(canvas);
    const color = hit ? soundColor(requireProject(store), hit.sound_id) : style.getPropertyValue("--action");
    pen.setTransform(2, 0, 0, 2, 0, 0);
    pen.clearRect(0, 0, WIDTH_PX, HEIGHT_PX);
    pen.beginPath();
    pen.moveTo(0, HEIGHT_PX);
    speeds.forEach((speed, i) => pen.lineTo((WIDTH_PX * i) / (speeds.length - 1), HEIGHT_PX - 2 - speed * (HEIGHT_PX - 4)));
    pen.lineTo(WIDTH_PX, HEIGHT_PX);
    pen.fillStyle = pen.strokeStyle = color;
    pen.globalAlpha = 0.25;
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 1.5;
    pen.stroke();
  }

  const cleanups = [heard.dispose, store.watch(() => [store.view?.project?.hits], () => sheet.isOpen && show())];

  return {
    open: sheet.open,
    dispose() {
      sheet.dispose();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
