// @ts-check
// Speeds along a scrape: some usual strokes, and a curve drawn by hand.

import { t } from "../texts/t.js";
/** @import { StrokeState } from "../state/protocol.d.ts" */

/** @typedef {"stroke" | "rub" | "even" | "slow"} ShapeName */

export const POINTS = 65;
const RUB_S = 0.28; // of one way of a rub

/** @type {Record<ShapeName, {title: string, help: string, speed: (part: number, length_s: number) => number}>} */
export const SHAPES = {
  stroke: { title: t("scrape_shapes.stroke"), help: t("scrape_shapes.stroke_help"), speed: (part) => Math.sin(Math.PI * part) },
  rub: { title: t("scrape_shapes.rub"), help: t("scrape_shapes.rub_help"), speed: (part, length_s) => Math.abs(Math.sin(Math.PI * part * Math.max(2, Math.round(length_s / RUB_S)))) },
  even: { title: t("scrape_shapes.even"), help: t("scrape_shapes.even_help"), speed: () => 1 },
  slow: { title: t("scrape_shapes.slowing"), help: t("scrape_shapes.slowing_help"), speed: (part) => 1 - part },
};

/** @type {StrokeState} */
export const FRESH = { length_s: 0.8, speeds: shapeSpeeds("stroke", 0.8), top_speed_m_per_s: 0.6, grain_mm: 0.3 };

/**
 * The speeds of a usual stroke, 0 to 1.
 * @param {ShapeName} name
 * @param {number} length_s
 */
export function shapeSpeeds(name, length_s) {
  return Array.from({ length: POINTS }, (_, i) => Math.round(1e4 * SHAPES[name].speed(i / (POINTS - 1), length_s)) / 1e4);
}

/**
 * Speeds with a line drawn from one point to another; x and y from 0 to 1.
 * @param {readonly number[]} speeds
 * @param {{x: number, y: number}} from
 * @param {{x: number, y: number}} to
 */
export function drawSpeeds(speeds, from, to) {
  const drawn = resample(speeds);
  const [a, b] = from.x <= to.x ? [from, to] : [to, from];
  const [first, last] = [a, b].map(({ x }) => Math.round(Math.min(1, Math.max(0, x)) * (POINTS - 1)));
  for (let i = first; i <= last; i++) {
    const part = last > first ? (i - first) / (last - first) : 1;
    const y = last > first ? a.y + part * (b.y - a.y) : to.y;
    drawn[i] = Math.round(1e4 * Math.min(1, Math.max(0, y))) / 1e4;
  }
  return drawn;
}

/** @param {readonly number[]} speeds */
function resample(speeds) {
  if (speeds.length === POINTS) return [...speeds];
  return Array.from({ length: POINTS }, (_, i) => {
    const place = (i / (POINTS - 1)) * (speeds.length - 1);
    const k = Math.min(speeds.length - 1, Math.floor(place));
    return speeds[k] + (place - k) * ((speeds[k + 1] ?? speeds[k]) - speeds[k]);
  });
}

const GRAINS_MM = [0.06, 0.15, 0.5, 1.5, 5];
export const GRAIN_NAMES = [t("scrape_shapes.polished"), t("scrape_shapes.fine"), t("scrape_shapes.sandpaper"), t("scrape_shapes.rough"), t("scrape_shapes.ribbed"), t("scrape_shapes.coarse")];

/**
 * How a surface of some grain feels.
 * @param {number} grain_mm
 */
export function nameGrain(grain_mm) {
  return GRAIN_NAMES[GRAINS_MM.filter((most) => grain_mm >= most).length];
}
