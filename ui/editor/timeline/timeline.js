// @ts-check
// The timeline: ruler, filmstrip, onset curve, hits, what Struck plays, the clip's own sound.

import { clamp } from "../audio/units.js";
import { requireProject, usualVelocity } from "../state/project.js";
import { translate } from "../texts/server.js";
import { t } from "../texts/t.js";
import { openCanvas } from "../widgets/canvas.js";
import { make, newGesture, setChanged } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
import { createBackdrop } from "./backdrop.js";
import { createPointer } from "./drag.js";
import { drawGroups } from "./groups.js";
import { createFilm } from "./film.js";
import { createHeads } from "./heads.js";
import { drawGrounds, drawHits, drawLasso, drawProgress, drawSpan, drawThreshold, drawWords } from "./lanes.js";
import { hitMenuRows } from "./hit_menu.js";
import { openMenuAt } from "./menu.js";
import { createScrollBar } from "./scroll.js";
import { drawRuler } from "./ruler.js";
import { drawStrokes } from "./strokes.js";
import { createScale, layLanes, velocityScale } from "./scale.js";
import { createSamples, drawSignal, NEAR_PX_PER_S } from "./samples.js";
import { createShapes, drawCurve, drawWaveform, seenVelocity, thresholdScale } from "./shapes.js";
import { createRenderedLane } from "./rendered_lane.js";
import { createThreshold } from "./threshold.js";
import { boxOf, pagePlace } from "../widgets/page_scale.js";
import { COLORS, watchTheme } from "../widgets/theme.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { AudioEngine, Hit, Player, Project, Span, Store } from "../state/types.d.ts" */

const PULSE_MS = 1100;
const PAGE_AT = 0.92; // while playing, the view turns over when the playhead is this far across
const PAGE_TO = 0.08;
const OPAQUE = { alpha: false }; // what lies over nothing need not be blended with it
const TIP_ABOVE_PX = 20; // over the edge of the lane above, so that it hides no neighbour

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 * @param {{chooseMaterial: () => void, enlarge: () => void, arranging: Arranging, quantize: () => void, makePattern: () => void, showTakes: () => void, compare: () => void, scrape: () => void, layers: () => void, parts: () => void}} host
 */
export function createTimeline(root, store, audio, player, { chooseMaterial, enlarge, arranging, quantize, makePattern, showTakes, compare, scrape, layers, parts }) {
  const scale = createScale();
  let lanes = layLanes(300, true);
  let [width, height] = [0, 300];
  let isMeasured = false; // sizes and heads, taken anew after a resize or a change of the document: reading them costs a layout
  let wanted = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pulsing;
  /** @type {string | null} */
  let digest = null;
  /** @type {Pick<Project, "clip" | "detection"> | null} */
  let followed = null;
  let closeMenu = () => {};
  /** @type {Set<() => void>} */
  const drawn = new Set(); // called after each drawing

  // --- elements -----------------------------------------------------------------------------------

  const canvas = make("canvas", "st-lanes", { tabIndex: 0, role: "application", "aria-label": t("timeline.timeline_arrow_keys") });
  const playhead = make("div", "st-playhead", {}, make("i"));
  const tip = make("div", "st-tip", { hidden: true });
  const heads = createHeads(store, { chooseMaterial, enlarge, arranging, changed: remeasure });
  const threshold = createThreshold(store, { lane: () => lanes.onsets, changed: remeasure });
  const scrollBar = createScrollBar(scale, () => {
    scrolled();
    redraw();
  });
  const field = make("div", "st-field", {}, canvas, playhead, threshold.element, tip, scrollBar.element);
  root.append(heads.element, field);

  const backdrop = createBackdrop(drawBackdrop, OPAQUE);
  const film = createFilm(store, renew);
  const shapes = createShapes(store, renew);
  const samples = createSamples(store, renew);
  const rendered = createRenderedLane(store, audio, redraw);
  const pointer = createPointer({ canvas, scale, lanes: () => lanes, redraw, scrolled, tip: showTip, isLocked, addHitAt, along: arranging.moving, menu: openHitMenu, spanMenu: openSpanMenu }, store, audio, player);

  const project = () => store.view?.project ?? null;

  // --- drawing ------------------------------------------------------------------------------------

  function redraw() {
    wanted ||= requestAnimationFrame(draw);
  }

  /** Draw what lies behind the hits anew too. */
  function renew() {
    backdrop.forget();
    redraw();
  }

  function remeasure() {
    isMeasured = false;
    renew();
  }

  function measure() {
    ({ width, height } = boxOf(field));
    scale.setWidth(width);
    const shown = project();
    lanes = layLanes(height, shown ? shown.clip.has_audio : true);
    heads.place(lanes, shown);
    threshold.place(shown);
    isMeasured = width > 0;
  }

  function draw() {
    wanted = 0;
    if (!isMeasured) measure();
    if (!isMeasured) return;
    const context = openCanvas(canvas, width, height, OPAQUE);
    scrollBar.show();
    placePlayhead();
    const shown = project();
    const { phase, message } = store.status;
    backdrop.put(context, width, height, [scale.start_s, scale.px_per_s, phase, shapes.curve ? "" : message]);
    if (!shown) return;
    const pending = shown.hits.some((hit) => !store.rendered.has(hit.id) && !hit.mute);
    const isBusy = ["sampling", "analysing", "detecting", "opening"].includes(phase);
    const pulse = pending && isBusy ? 0.5 + 0.5 * Math.sin((2 * Math.PI * performance.now()) / PULSE_MS) : 0.3;
    drawThresholdLine(context);
    rendered.draw(context, scale, lanes.struck, shown, heads.mode, pulse);
    drawHitsLane(context, shown, pulse);
    if (pointer.span && lanes.clip) drawSpan(context, scale, lanes.clip, pointer.span);
    if (pointer.lasso) drawLasso(context, pointer.lasso);
    clearTimeout(pulsing);
    if (pending && isBusy) pulsing = setTimeout(redraw, 50);
    for (const react of drawn) react();
  }

  /** @param {CanvasRenderingContext2D} context */
  function drawBackdrop(context) {
    const shown = project();
    drawGrounds(context, scale, lanes, height);
    if (!shown) return;
    drawRuler(context, scale, lanes.ruler, shown.clip);
    drawFilm(context, shown);
    drawOnsets(context);
    drawClip(context, shown);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Project} shown
   */
  function drawFilm(context, shown) {
    if (!film.draw(context, scale, lanes.picture, shown.clip, store.media?.filmstrip)) drawWords(context, scale, lanes.picture, t("timeline.loading_the_pictures"), COLORS.faint);
  }

  /** @param {CanvasRenderingContext2D} context */
  function drawOnsets(context) {
    const lane = lanes.onsets;
    const { phase, message } = store.status;
    if (shapes.curve) drawCurve(context, scale, lane, shapes.curve, COLORS.curve);
    else drawWords(context, scale, lane, phase === "detecting" ? translate(message) || t("common.looking_for_hits") : ["error", "cancelled"].includes(phase) ? t("timeline.no_onset_curve") : t("timeline.the_onset_curve"));
  }

  /** @param {CanvasRenderingContext2D} context */
  function drawThresholdLine(context) {
    const { phase, done, total } = store.status;
    if (phase === "detecting" && total) drawProgress(context, scale, lanes.onsets, done / total);
    if (shapes.curve) drawThreshold(context, scale, thresholdScale(lanes.onsets).y(threshold.value), threshold.isHot);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Project} shown
   * @param {number} pulse
   */
  function drawHitsLane(context, shown, pulse) {
    drawStrokes(context, scale, lanes.hits, shown, store.selection.hits);
    drawHits(context, scale, lanes.hits, shown, { selected: store.selection.hits, hovered: pointer.hovered, isFresh: (id) => store.rendered.has(id), pulse });
    drawGroups(context, scale, lanes.hits, shown.hits, store.selection.hits);
    if (shown.hits.length) return;
    const isLooking = ["opening", "detecting"].includes(store.status.phase);
    const remedy = shapes.curve ? t("timeline.no_hits_found") : t("timeline.no_hits_yet");
    drawWords(context, scale, lanes.hits, isLooking ? t("timeline.hits_appear_here") : remedy);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Project} shown
   */
  function drawClip(context, shown) {
    if (!lanes.clip) return;
    const near = scale.px_per_s > NEAR_PX_PER_S ? samples.within(scale.start_s, scale.end_s) : [];
    if (near.length) for (const signal of near) drawSignal(context, scale, lanes.clip, signal, COLORS.clip);
    else if (shapes.waveform) drawWaveform(context, scale, lanes.clip, shapes.waveform, COLORS.clip);
    else if (shown.clip.has_audio) drawWords(context, scale, lanes.clip, shapes.isWaveformMissing ? t("timeline.the_clips_sound") : t("common.reading_the_clips"), COLORS.faint);
  }

  function placePlayhead() {
    const x = scale.x(player.time_s);
    setChanged(playhead, { hidden: !project() || x < -8 || x > scale.width + 8 });
    playhead.style.transform = `translateX(${Math.round(x * 2) / 2}px)`;
  }

  /** @param {string | null} text */
  function showTip(text, x = 0) {
    setChanged(tip, { hidden: !text });
    if (!text) return;
    setChanged(tip, { textContent: text });
    const isBefore = x > scale.width / 2; // where there is room, without asking for its width, which costs a layout
    tip.style.transform = `translate(${Math.round(isBefore ? x - 14 : x + 14)}px, ${lanes.hits.top - TIP_ABOVE_PX}px)${isBefore ? " translateX(-100%)" : ""}`;
  }

  // --- moving about -------------------------------------------------------------------------------

  function scrolled() {
    scrollBar.show();
    placePlayhead();
  }

  function fit() {
    scale.fit();
    scrolled();
    redraw();
  }

  /**
   * Bring a time into view.
   * @param {number} time_s
   */
  function reveal(time_s) {
    const x = scale.x(time_s);
    if (x >= 20 && x <= scale.width - 20) return;
    scale.scrollTo(time_s - scale.width / 2 / scale.px_per_s);
    scrolled();
    redraw();
  }

  function followPlayhead() {
    if (player.playing && !scale.isFit && !pointer.isDragging && !scrollBar.isDragging) {
      const x = scale.x(player.time_s);
      if (x > scale.width * PAGE_AT || x < 0) {
        scale.scrollTo(player.time_s - (scale.width * PAGE_TO) / scale.px_per_s);
        scrollBar.show();
        redraw();
      }
    }
    placePlayhead();
  }

  // --- hits ---------------------------------------------------------------------------------------

  /** Hits that are still being found are not in the document yet. */
  function isLocked() {
    return store.status.phase === "detecting" && !store.view?.undo && store.rendered.size === 0;
  }

  /**
   * @param {number} time_s
   * @param {number | null} [velocity_db] if it is left out what is seen there, or else the usual one
   */
  function addHitAt(time_s, velocity_db = null) {
    const shown = project();
    if (!shown || isLocked()) return;
    const hits = shown.hits;
    const at_s = clamp(time_s, 0, shown.clip.duration_s);
    arranging.chooseLater({ count: 1, at_s });
    store.edit({ kind: "add_hit", time_s: at_s, velocity_db: velocity_db ?? seenVelocity(shapes.curve, at_s) ?? usualVelocity(hits) }, newGesture());
  }

  /**
   * @param {Hit} hit
   * @param {number} page_x
   * @param {number} page_y
   */
  function openHitMenu(hit, page_x, page_y) {
    closeMenu();
    closeMenu = openMenuAt(root.closest(".st-app") ?? root, page_x, page_y, t("common.hit"), hitMenuRows(store, audio, { arranging, quantize, makePattern, showTakes, compare, scrape, layers, parts }, hit));
  }

  /**
   * What can be done with a marked span of the clip's own sound.
   * @param {Span} span
   * @param {number} page_x
   * @param {number} page_y
   */
  function openSpanMenu({ start_s, end_s }, page_x, page_y) {
    const { sounds } = requireProject(store);
    const chosen = sounds.find(({ id }) => id === store.selection.soundId) ?? sounds[0];
    /** @param {string | null} sound_id */
    const measureSpan = (sound_id) => {
      pointer.clearSpan();
      store.send({ type: "measure_span", start_s, end_s, sound_id });
    };
    closeMenu();
    closeMenu = openMenuAt(root.closest(".st-app") ?? root, page_x, page_y, t("timeline.span"), [
      ...(chosen ? [{ text: t("timeline.take_its_sound", { name: chosen.name }), color: heads.colorOf(chosen.id), choose: () => measureSpan(chosen.id) }] : []),
      { text: t("timeline.take_it_as"), choose: () => measureSpan(null) },
      { text: t("timeline.unmark"), key: "Esc", choose: pointer.clearSpan },
    ]);
  }

  // --- following ----------------------------------------------------------------------------------

  function followView() {
    const shown = project();
    const clip = shown?.clip ?? null;
    if (clip && clip.digest !== digest) {
      scale.setClip(clip);
      scale.fit();
      pointer.cancel();
    }
    digest = clip?.digest ?? null;
    film.setClip(clip);
    if (shown?.clip !== followed?.clip) backdrop.forget();
    if (shown?.clip !== followed?.clip || shown?.detection !== followed?.detection) isMeasured = false;
    else {
      heads.showLag(shown);
      heads.showAsked(shown);
    }
    followed = shown;
    pointer.refresh();
    redraw();
  }

  const scope = createScope();
  scope.add(watchTheme(renew));
  scope.add(store.watch(() => {
    const shown = store.view?.project;
    return [shown?.clip, shown?.hits, shown?.sounds, shown?.detection];
  }, followView));
  scope.add(store.on("time", followPlayhead));
  for (const name of /** @type {const} */ (["rendered", "selection", "status"])) scope.add(store.on(name, redraw));
  scope.add(store.on("media", remeasure)); // a lag is offered beside the hits
  scope.listen(window, "resize", remeasure); // the page may be zoomed without a change of sizes
  const observer = new ResizeObserver(remeasure);
  observer.observe(field);
  for (const part of [film, shapes, rendered, threshold, heads]) scope.add(part.dispose);
  scope.add(() => {
    closeMenu();
    cancelAnimationFrame(wanted);
    clearTimeout(pulsing);
    observer.disconnect();
  });
  followView();

  return {
    fit, reveal, addHitAt, scale, field,
    clipSamples: samples.within,
    /** The view was zoomed or scrolled from outside. */
    moved() {
      scrolled();
      redraw();
    },
    /**
     * Call a function after each redraw, so after every change of view or content; returns a function that ends it.
     * @param {() => void} react
     */
    watchDraw(react) {
      drawn.add(react);
      return () => void drawn.delete(react);
    },
    cancelDrag: pointer.cancel,
    /**
     * Page position of a hit's head; scrolls there if it is out of sight.
     * @param {{hit: string}} what
     */
    locate({ hit: id }) {
      const hit = requireProject(store).hits.find((h) => h.id === id);
      if (!hit) throw new Error(`there is no hit ${id}`);
      reveal(hit.time_s);
      measure();
      return pagePlace(canvas, { x: scale.x(hit.time_s), y: velocityScale(lanes.hits).y(hit.velocity_db) });
    },
    dispose: scope.dispose,
  };
}
