// @ts-check
// Bulk shapes of the clip: the onset curve and the waveform, fetched when the server offers them.

import { clamp } from "../audio/units.js";
import { fillColumns, pixelColumns } from "./columns.js";
import { createScope } from "../widgets/scope.js";
import { createExtremes } from "./extremes.js";
/** @import { BulkArray } from "../state/protocol.d.ts" */
/** @import { Curve, Lane, Scale, Shape, Store } from "../state/types.d.ts" */

const LINE_PX = 1.4;
const SOFTEST_DB = -24; // of a hit with a velocity of 0
const PAUSES_MS = [500, 2000, 6000, 15000]; // before a shape that could not be fetched is asked for again

/**
 * ``redraw()`` is called whenever a shape arrives.
 * @param {Store} store
 * @param {() => void} redraw
 */
export function createShapes(store, redraw) {
  /** @type {{curve: Curve | null, waveform: Shape<Int8Array> | null}} */
  const shapes = { curve: null, waveform: null };
  /** @type {{curve: string | null, waveform: string | null}} */
  const addresses = { curve: null, waveform: null };
  let isWaveformMissing = false;
  let failures = 0; // since the last success
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  /**
   * @template {"curve" | "waveform"} Name
   * @param {Name} name
   * @param {(bytes: ArrayBuffer, offered: BulkArray) => NonNullable<typeof shapes[Name]>} read
   */
  async function follow(name, read) {
    const offered = store.media?.[name] ?? null;
    if ((offered?.url ?? null) === addresses[name]) return;
    addresses[name] = offered?.url ?? null;
    if (name === "waveform") isWaveformMissing = false;
    if (!offered) {
      shapes[name] = null;
      redraw();
      return;
    }
    try {
      const answer = await fetch(offered.url);
      if (!answer.ok) throw new Error(String(answer.status));
      const shape = read(await answer.arrayBuffer(), offered);
      if (addresses[name] !== offered.url) return;
      shapes[name] = shape;
      failures = 0;
    } catch {
      if (addresses[name] === offered.url) {
        addresses[name] = null; // so that it is asked for again
        if (name === "waveform") isWaveformMissing = true;
        if (!again && failures < PAUSES_MS.length) again = setTimeout(look, PAUSES_MS[failures++]); // both may fail at once
      }
    }
    redraw();
  }

  function look() {
    clearTimeout(again);
    again = undefined;
    follow("curve", (bytes, { rate_hz, count }) => ({
      ...curveOf(new Float32Array(bytes, 0, count), rate_hz),
      velocity: bytes.byteLength > 4 * count ? new Float32Array(bytes, 4 * count) : null,
    }));
    follow("waveform", (bytes, { rate_hz }) => waveformOf(new Int8Array(bytes), rate_hz));
  }

  const scope = createScope();
  scope.add(store.on("media", look));
  scope.add(store.on("connection", (state) => {
    if (state !== "open") return;
    failures = 0;
    look();
  }));
  scope.add(() => clearTimeout(again));
  look();
  return {
    get curve() { return shapes.curve; },
    get waveform() { return shapes.waveform; },
    /** Whether the clip's sound could not be read. */
    get isWaveformMissing() { return isWaveformMissing; },
    dispose: scope.dispose,
  };
}

/**
 * @param {Float32Array} values
 * @param {number} rate_hz
 * @returns {Shape<Float32Array>}
 */
export const curveOf = (values, rate_hz) => ({ values, rate_hz, extremes: createExtremes(values.length, (k) => values[k], (k) => values[k]) });

/**
 * The velocity in dB that a hit at a time has by what is seen there, as the hits have that were found; null where
 * nothing was looked at.
 * @param {Pick<Curve, "velocity" | "rate_hz"> | null} curve
 * @param {number} time_s
 */
export function seenVelocity(curve, time_s) {
  if (!curve?.velocity?.length) return null;
  const shown = curve.velocity[clamp(Math.round(time_s * curve.rate_hz), 0, curve.velocity.length - 1)];
  return SOFTEST_DB - SOFTEST_DB * shown;
}

/**
 * @param {Int8Array} values pairs of the lowest and the highest
 * @param {number} rate_hz of the pairs
 * @returns {Shape<Int8Array>}
 */
export const waveformOf = (values, rate_hz) => ({ values, rate_hz, extremes: createExtremes(values.length / 2, (k) => values[2 * k], (k) => values[2 * k + 1]) });

/**
 * The onset curve's largest value in every pixel, drawn as a filled line.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Shape<Float32Array>} curve
 * @param {string} color
 */
export function drawCurve(context, scale, lane, curve, color) {
  const { values, rate_hz, extremes } = curve;
  const bottom = lane.top + lane.height - 6;
  const span = lane.height - 14;
  const columns = pixelColumns(Math.max(0, scale.x(0)), Math.min(scale.width, scale.x(scale.duration_s)));
  const heights = columns.map(({ x, width }) => {
    const position = Math.max(0, scale.time(x) * rate_hz);
    const end = scale.time(x + width) * rate_hz;
    const k = Math.floor(position);
    const part = position - k;
    const value = end - position > 1 ? extremes(k, Math.min(values.length, Math.ceil(end)))[1] : (values[k] ?? 0) * (1 - part) + (values[k + 1] ?? values[k] ?? 0) * part;
    return clamp(value, 0, 1) * span;
  });
  context.fillStyle = `${color}26`;
  fillColumns(context, columns.map((column, i) => ({ ...column, y: bottom - heights[i], height: heights[i] })));
  context.fillStyle = color;
  fillColumns(context, columns.map((column, i) => {
    // The line stands as high as it goes on the way half to the columns beside it.
    const reached = [heights[i], (heights[i] + heights[Math.max(0, i - 1)]) / 2, (heights[i] + heights[Math.min(heights.length - 1, i + 1)]) / 2];
    const [low, high] = [Math.min(...reached), Math.max(...reached)];
    return { ...column, y: bottom - high - LINE_PX / 2, height: high - low + LINE_PX };
  }));
}

/**
 * Height of a threshold in the onsets lane, and the threshold at a height.
 * @param {Lane} lane
 */
export function thresholdScale(lane) {
  const bottom = lane.top + lane.height - 6;
  const span = lane.height - 14;
  return {
    /** @param {number} threshold */
    y: (threshold) => bottom - Math.min(1, Math.max(0, threshold)) * span,
    /** @param {number} y */
    threshold: (y) => Math.min(1, Math.max(0, (bottom - y) / span)),
  };
}

/**
 * The clip's sound: its lowest and highest sample in every pixel.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Shape<Int8Array>} waveform
 * @param {string} color
 */
export function drawWaveform(context, scale, lane, waveform, color) {
  const { values, rate_hz, extremes } = waveform;
  const count = values.length / 2;
  const middle = lane.top + lane.height / 2;
  const half = lane.height / 2 - 4;
  context.fillStyle = color;
  fillColumns(context, pixelColumns(Math.max(0, scale.x(0)), Math.min(scale.width, scale.x(scale.duration_s))).map((column) => {
    const from = clamp(Math.floor(scale.time(column.x) * rate_hz), 0, count - 1);
    const to = Math.min(count, Math.max(from + 1, Math.ceil(scale.time(column.x + column.width) * rate_hz)));
    const [low, high] = extremes(from, to);
    return { ...column, y: middle - (high / 127) * half - 0.5, height: ((high - low) / 127) * half + 1 };
  }));
}
