// @ts-check
// The filmstrip: sprites fetched for what is in sight, kept while they are near, stretched while finer ones load.

import { pageScale } from "../widgets/page_scale.js";
/** @import { Clip, Lane, Scale, Store } from "../state/types.d.ts" */

/**
 * @typedef {object} Sprite tiles in one picture, side by side
 * @property {HTMLImageElement} image
 * @property {number} start_s
 * @property {number} step_s of one tile
 * @property {number} level of the zoom
 * @property {number} count
 * @property {boolean} isReady
 */
/** @typedef {{name: string, level: number, start_s: number, step_s: number, pixels: number}} Wanted */

const TILES = 8; // tiles of one sprite
const WAIT_MS = 140;
const MOST_SPRITES = 80;
const HEIGHT_STEP_PX = 24;
const MOST_HEIGHT_PX = 240;

/**
 * ``redraw()`` is called whenever a sprite arrives.
 * @param {Store} store
 * @param {() => void} redraw
 */
export function createFilm(store, redraw) {
  /** @type {Map<string, Sprite>} */
  const sprites = new Map(); // name -> {image, start_s, step_s, level, isReady}
  /** @type {ReturnType<typeof setTimeout> | 0} */
  let timer = 0;
  /** @type {Wanted[]} */
  let wanted = [];
  /** @type {string | null} */
  let digest = null;

  /**
   * Seconds of one tile: powers of √2, so that small zooms keep their tiles.
   * @param {Scale} scale
   * @param {number} tile_px
   */
  function levelOf(scale, tile_px) {
    const finest = 1 / scale.rate;
    const exact = tile_px / scale.px_per_s;
    return Math.max(0, Math.floor(2 * Math.log2(exact / finest)));
  }
  /**
   * @param {number} level
   * @param {number} rate
   */
  const stepOf = (level, rate) => 2 ** (level / 2) / rate;

  /** @param {Clip | null} clip */
  function setClip(clip) {
    if (clip?.digest === digest) return;
    digest = clip?.digest ?? null;
    clearTimeout(timer);
    timer = 0;
    wanted = [];
    sprites.clear();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {Clip} clip
   * @param {boolean} isOffered
   */
  function draw(context, scale, lane, clip, isOffered) {
    const top = lane.top + 2;
    const height = lane.height - 4;
    const tile_px = (height * clip.width) / clip.height;
    const level = levelOf(scale, tile_px);
    const step_s = stepOf(level, scale.rate);
    const pixels = Math.min(MOST_HEIGHT_PX, Math.ceil((height * devicePixelRatio * pageScale()) / HEIGHT_STEP_PX) * HEIGHT_STEP_PX);
    const from = Math.max(0, Math.floor(scale.start_s / step_s / TILES));
    const to = Math.floor(Math.min(scale.end_s, scale.duration_s - 1e-6) / step_s / TILES);
    const missing = [];
    context.save();
    context.beginPath();
    context.rect(Math.max(0, scale.x(0)), top, scale.x(scale.duration_s) - Math.max(0, scale.x(0)), height);
    context.clip();
    for (let chunk = from; chunk <= to; chunk++) {
      const name = `${pixels}|${level}|${chunk}`;
      const sprite = sprites.get(name);
      if (sprite?.isReady) {
        sprites.delete(name);
        sprites.set(name, sprite); // the newest at the end
        drawSprite(context, scale, sprite, top, height);
      } else {
        drawStandIn(context, scale, chunk * TILES * step_s, TILES * step_s, top, height);
        if (!sprite) missing.push({ name, level, start_s: chunk * TILES * step_s, step_s, pixels });
      }
    }
    context.restore();
    const isOther = missing.map((sprite) => sprite.name).join() !== wanted.map((sprite) => sprite.name).join();
    wanted = missing;
    if (isOther || !isOffered) {
      clearTimeout(timer);
      timer = 0;
    }
    if (missing.length && isOffered) timer ||= setTimeout(fetchWanted, WAIT_MS);
    return [...sprites.values()].some((sprite) => sprite.isReady);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Sprite} sprite
   * @param {number} top
   * @param {number} height
   */
  function drawSprite(context, scale, { image, start_s, step_s, count }, top, height) {
    const source = image.naturalWidth / count;
    const width = step_s * scale.px_per_s;
    const natural = (height * source) / image.naturalHeight;
    const shown = Math.min(1, width / natural); // the middle of a tile that is wider than its span
    for (let k = 0; k < count; k++) {
      const x = scale.x(start_s + k * step_s);
      if (x > scale.width || x + width < 0) continue;
      context.drawImage(image, (k + (1 - shown) / 2) * source, 0, source * shown, image.naturalHeight, x, top, Math.max(1, Math.min(width, natural) - 1), height);
      if (width > natural + 1) { // further in than a frame: the rest of its span in the same picture, dimmed
        context.globalAlpha = 0.25;
        for (let at = natural; at < width; at += natural) {
          const part = Math.min(1, (width - at) / natural);
          context.drawImage(image, k * source, 0, source * part, image.naturalHeight, x + at, top, natural * part, height);
        }
        context.globalAlpha = 1;
      }
    }
  }

  /**
   * Available tiles of a span from another zoom.
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {number} start_s
   * @param {number} span_s
   * @param {number} top
   * @param {number} height
   */
  function drawStandIn(context, scale, start_s, span_s, top, height) {
    const ready = [...sprites.values()].filter((sprite) => sprite.isReady && sprite.start_s < start_s + span_s && sprite.start_s + sprite.step_s * sprite.count > start_s);
    if (!ready.length) return;
    const latest = ready[ready.length - 1].level;
    context.save();
    context.beginPath();
    context.rect(scale.x(start_s), top, span_s * scale.px_per_s, height);
    context.clip();
    for (const sprite of ready.filter((s) => s.level === latest)) drawSprite(context, scale, sprite, top, height);
    context.restore();
  }

  function fetchWanted() {
    timer = 0;
    const clip = store.view?.project?.clip;
    if (!clip) return;
    for (const { name, level, start_s, step_s, pixels } of wanted) {
      if (sprites.has(name)) continue;
      const count = Math.max(1, Math.min(TILES, Math.ceil((clip.duration_s - start_s) / step_s - 1e-6)));
      const image = new Image();
      const sprite = { image, start_s, step_s, level, count, isReady: false };
      sprites.set(name, sprite);
      image.onload = () => {
        sprite.isReady = true;
        redraw();
      };
      image.onerror = () => setTimeout(() => sprites.get(name) === sprite && sprites.delete(name) && redraw(), 2000);
      image.src = `${store.address("filmstrip")}?start_s=${start_s}&end_s=${start_s + count * step_s}&count=${count}&height=${pixels}&v=${clip.digest.slice(0, 12)}`;
    }
    for (const name of sprites.keys()) {
      if (sprites.size <= MOST_SPRITES) break;
      sprites.delete(name);
    }
  }

  return { draw, setClip, dispose: () => clearTimeout(timer) };
}
