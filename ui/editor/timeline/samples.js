// @ts-check
// The clip's own sound, sample by sample, where the view is so near that its outline does not suffice; and drawing of it.

import { SAMPLE_RATE_HZ } from "../audio/units.js";
/** @import { Lane, Scale, Store } from "../state/types.d.ts" */

/** @typedef {{start_s: number, values: Float32Array}} Signal samples at 48 kHz from a time on */

const CHUNK_S = 2;
const MOST_CHUNKS = 40;
const AGAIN_MS = 2000;
const DOT_PX = 5; // samples this far apart are drawn as dots

/** Pixels per second from which the samples are drawn, not the outline of 400 values a second. */
export const NEAR_PX_PER_S = 900;

/**
 * ``redraw()`` is called whenever samples arrive.
 * @param {Store} store
 * @param {() => void} redraw
 */
export function createSamples(store, redraw) {
  /** @type {Map<string, Signal | null>} */
  const chunks = new Map(); // null while it is fetched; the least recently used first

  /**
   * Available samples of a span of the clip's sound; the others are fetched.
   * @param {number} start_s
   * @param {number} end_s
   * @returns {Signal[]}
   */
  function within(start_s, end_s) {
    const clip = store.view?.project?.clip;
    if (!clip?.has_audio) return [];
    const found = [];
    const last = Math.floor(Math.min(end_s, clip.duration_s - 1e-6) / CHUNK_S);
    for (let k = Math.max(0, Math.floor(start_s / CHUNK_S)); k <= last; k++) {
      const name = `${clip.digest}|${clip.audio_track}|${k}`;
      const chunk = chunks.get(name);
      if (chunk) {
        chunks.delete(name);
        chunks.set(name, chunk);
        found.push(chunk);
      } else if (chunk === undefined) load(name, k * CHUNK_S, Math.min((k + 1) * CHUNK_S, clip.duration_s));
    }
    return found;
  }

  /**
   * @param {string} name
   * @param {number} start_s
   * @param {number} end_s
   */
  async function load(name, start_s, end_s) {
    chunks.set(name, null);
    try {
      const track = name.split("|").slice(0, 2).join("-");
      const answer = await fetch(`${store.address("samples")}?start_s=${start_s}&end_s=${end_s}&v=${encodeURIComponent(track)}`);
      if (!answer.ok) throw new Error(String(answer.status));
      chunks.set(name, { start_s, values: new Float32Array(await answer.arrayBuffer()) });
      for (const oldest of chunks.keys()) {
        if (chunks.size <= MOST_CHUNKS) break;
        chunks.delete(oldest);
      }
    } catch {
      setTimeout(() => chunks.get(name) === null && chunks.delete(name) && redraw(), AGAIN_MS);
    }
    redraw();
  }

  return { within };
}

/**
 * A signal within a lane: its lowest and highest sample in every pixel, or, nearer, a line through the samples.
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {Lane} lane
 * @param {Signal} signal
 * @param {string} color
 */
export function drawSignal(context, scale, lane, { start_s, values }, color, gain = 1) {
  const middle = lane.top + lane.height / 2;
  const half = lane.height / 2 - 4;
  /** @param {number} value */
  const y = (value) => middle - Math.max(-1, Math.min(1, value * gain)) * half;
  /** @param {number} n */
  const x = (n) => scale.x(start_s + n / SAMPLE_RATE_HZ);
  const first = Math.max(0, Math.floor((scale.start_s - start_s) * SAMPLE_RATE_HZ) - 1);
  const last = Math.min(values.length - 1, Math.ceil((scale.end_s - start_s) * SAMPLE_RATE_HZ) + 1);
  if (last <= first) return;
  const step_px = scale.px_per_s / SAMPLE_RATE_HZ;
  context.strokeStyle = context.fillStyle = color;
  context.lineWidth = 1.2;
  context.beginPath();
  if (step_px >= 1) {
    for (let n = first; n <= last; n++) context.lineTo(x(n), y(values[n]));
    context.stroke();
    if (step_px >= DOT_PX) for (let n = first; n <= last; n++) context.fillRect(x(n) - 1.5, y(values[n]) - 1.5, 3, 3);
    return;
  }
  for (let column = Math.floor(x(first)); column <= x(last); column++) {
    const from = Math.max(first, Math.floor((scale.time(column) - start_s) * SAMPLE_RATE_HZ));
    const to = Math.min(last, Math.max(from, Math.ceil((scale.time(column + 1) - start_s) * SAMPLE_RATE_HZ)));
    let low = Infinity;
    let high = -Infinity;
    for (let n = from; n <= to; n++) {
      low = Math.min(low, values[n]);
      high = Math.max(high, values[n]);
    }
    if (low <= high) context.rect(column, y(high) - 0.4, 1, Math.max(0.8, y(low) - y(high) + 0.8));
  }
  context.fill();
}
