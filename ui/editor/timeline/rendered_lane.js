// @ts-check
// The Struck lane: what each hit sounds like, at its time, as a spectrogram or as a waveform.

import { isHeard, placeInMix } from "../audio/strip.js";
import { dbToGain, SAMPLE_RATE_HZ } from "../audio/units.js";
import { soundColor } from "../widgets/format.js";
import { COLORS, MONO } from "../widgets/theme.js";
import { createExtremes } from "./extremes.js";
import { drawSignal, NEAR_PX_PER_S } from "./samples.js";
import { frequencyAxis } from "./spectrum.js";
import { createSpectrograms, HIGHEST_HZ, LOWEST_HZ, SMALL_COLUMNS } from "./spectrograms.js";
/** @import { RenderedSound } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Hit, Lane, Project, Scale, Store } from "../state/types.d.ts" */

/** @import { LaneMode } from "./heads.js" */
/** @typedef {{pairs: Float32Array, extremes: ReturnType<typeof createExtremes>}} Peaks lowest and highest of each column */

const COLUMNS_PER_S = 400;
const MOST_PEAKS = 2000;
const MOST_NEAR = 24;
const PENDING_S = 0.25; // length of the mark of a hit that is not sampled yet

/**
 * Level of a hit in the mix.
 * @param {Project} project
 * @param {Hit} hit
 */
const levelOf = (project, hit) => placeInMix(project.sounds.find(({ id }) => id === hit.sound_id), hit).gain_db + project.mix.gain_db;

/**
 * When a hit's sound begins: before the hit where a part of it does.
 * @param {Hit} hit
 * @param {RenderedSound | undefined} entry
 */
export const startOf = (hit, entry) => hit.time_s - (entry ? entry.lead / SAMPLE_RATE_HZ : 0);

/**
 * The lane of the rendered sounds.
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {() => void} redraw
 */
export function createRenderedLane(store, audio, redraw) {
  const spectrograms = createSpectrograms(audio, redraw);
  /** @type {Map<string, Peaks | null>} */
  const peaks = new Map(); // null while they are made

  /**
   * @param {string} key
   * @param {number} columns
   */
  function peaksOf(key, columns) {
    if (peaks.has(key)) return peaks.get(key);
    peaks.set(key, null);
    audio.peaksFor(key, columns).then(
      (pairs) => {
        peaks.set(key, { pairs, extremes: createExtremes(pairs.length / 2, (k) => pairs[2 * k], (k) => pairs[2 * k + 1]) });
        const [oldest] = peaks.keys();
        if (peaks.size > MOST_PEAKS) peaks.delete(oldest);
        redraw();
      },
      () => setTimeout(() => peaks.get(key) === null && peaks.delete(key), 1000),
    );
    return null;
  }

  /** @type {Map<string, Float32Array | null>} */
  const near = new Map(); // samples of the sounds in sight, by key; null while they are fetched

  /** @param {string} key */
  function samplesOf(key) {
    const known = near.get(key);
    if (known !== undefined) return known;
    near.set(key, null);
    audio.bufferFor(key).then((buffer) => {
      near.set(key, buffer.getChannelData(0));
      for (const oldest of near.keys()) {
        if (near.size <= MOST_NEAR) break;
        near.delete(oldest);
      }
      redraw();
    }, () => setTimeout(() => near.delete(key), 1000));
    return null;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {Project} project
   * @param {LaneMode} mode
   * @param {number} pulse
   */
  function draw(context, scale, lane, project, mode, pulse) {
    if (mode !== "wave") drawDark(context, scale, lane);
    context.save();
    context.beginPath();
    const left = Math.max(0, scale.x(0));
    context.rect(left, lane.top + 1, Math.min(scale.width, scale.x(project.clip.duration_s)) - left, lane.height - 2);
    context.clip();
    if (mode === "wave") drawMiddle(context, scale, lane);
    for (const hit of project.hits) {
      const entry = store.rendered.get(hit.id);
      const length_s = entry ? entry.length / SAMPLE_RATE_HZ : PENDING_S;
      if (startOf(hit, entry) > scale.end_s || startOf(hit, entry) + length_s < scale.start_s) continue;
      const color = soundColor(project, hit.sound_id);
      if (!isHeard(project, hit)) drawMuted(context, scale, lane, hit, color);
      else if (!entry) drawPending(context, scale, lane, hit, color, pulse);
      else if (mode === "wave") drawWave(context, scale, lane, hit, entry, color, dbToGain(levelOf(project, hit)));
      else drawSpectrum(context, scale, lane, hit, entry, color, pulse);
    }
    context.restore();
    if (mode !== "wave") drawAxis(context, lane);
  }

  /**
   * A spectrogram is light on dark in either theme.
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   */
  function drawDark(context, scale, lane) {
    context.fillStyle = COLORS.spectrum;
    context.fillRect(0, lane.top + 1, scale.width, lane.height - 1);
  }

  /**
   * Marks of frequency at the left edge of the lane.
   * @param {CanvasRenderingContext2D} context
   * @param {Lane} lane
   */
  function drawAxis(context, lane) {
    const axis = frequencyAxis(LOWEST_HZ, HIGHEST_HZ);
    context.font = `9.5px ${MONO}`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const [hz, text] of /** @type {[number, string][]} */ ([[100, "100"], [1000, "1k"], [10000, "10k Hz"]])) {
      const y = lane.top + 3 + axis.part(hz) * (lane.height - 6);
      context.fillStyle = COLORS.spectrumQuiet;
      context.fillRect(0, Math.round(y), 8, 1);
      context.fillText(text, 11, y + 0.5);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {Hit} hit
   * @param {RenderedSound} entry
   * @param {string} color
   * @param {number} pulse
   */
  function drawSpectrum(context, scale, lane, hit, entry, color, pulse) {
    const spectrogram = spectrograms.spectrogramOf(entry.key);
    if (!spectrogram) {
      drawPending(context, scale, lane, hit, color, pulse);
      return;
    }
    context.globalAlpha = Math.min(1, Math.max(0.15, 1 + hit.gain_db / 40));
    context.globalCompositeOperation = "lighter";
    context.imageSmoothingEnabled = true;
    const width = spectrogram.duration_s * scale.px_per_s;
    context.drawImage(width > 2 * SMALL_COLUMNS ? spectrogram.canvas : spectrogram.small, scale.x(startOf(hit, entry)), lane.top + 3, width, lane.height - 6);
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   */
  function drawMiddle(context, scale, lane) {
    context.fillStyle = COLORS.laneLine;
    context.fillRect(0, Math.round(lane.top + lane.height / 2), scale.width, 1);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {Hit} hit
   * @param {RenderedSound} entry
   * @param {string} color
   * @param {number} gain
   */
  function drawWave(context, scale, lane, hit, entry, color, gain) {
    const samples = scale.px_per_s > NEAR_PX_PER_S ? samplesOf(entry.key) : null;
    if (samples) {
      drawSignal(context, scale, lane, { start_s: startOf(hit, entry), values: samples }, color, gain);
      return;
    }
    const columns = Math.max(1, Math.round((entry.length / SAMPLE_RATE_HZ) * COLUMNS_PER_S));
    const found = peaksOf(entry.key, columns);
    if (!found) return;
    const { pairs, extremes } = found;
    const middle = lane.top + lane.height / 2;
    const half = lane.height / 2 - 4;
    const step_s = entry.length / SAMPLE_RATE_HZ / (pairs.length / 2);
    /** @param {number} value */
    const place = (value) => middle - Math.max(-1, Math.min(1, value * gain)) * half;
    context.beginPath();
    const start_s = startOf(hit, entry);
    const from = Math.max(0, Math.floor((scale.start_s - start_s) / step_s) - 1);
    const to = Math.min(pairs.length / 2, Math.ceil((scale.end_s - start_s) / step_s) + 1);
    const stride = Math.max(1, Math.floor(1 / (step_s * scale.px_per_s))); // columns in a pixel
    /** @type {[number, number][]} */
    const lows = [];
    for (let k = from; k < to; k += stride) {
      const [low, high] = stride > 1 ? extremes(k, Math.min(to, k + stride)) : [pairs[2 * k], pairs[2 * k + 1]];
      const x = scale.x(start_s + k * step_s);
      context.lineTo(x, place(high) - 0.4);
      lows.push([x, place(low) + 0.4]);
    }
    for (const [x, y] of lows.reverse()) context.lineTo(x, y);
    context.closePath();
    context.fillStyle = color;
    context.globalAlpha = 0.75;
    context.fill();
    context.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {Hit} hit
   * @param {string} color
   * @param {number} pulse
   */
  function drawPending(context, scale, lane, hit, color, pulse) {
    const x = scale.x(hit.time_s);
    const width = Math.max(12, PENDING_S * scale.px_per_s);
    const fade = context.createLinearGradient(x, 0, x + width, 0);
    fade.addColorStop(0, color);
    fade.addColorStop(1, `${color}00`);
    context.globalAlpha = 0.12 + 0.22 * pulse;
    context.fillStyle = fade;
    context.fillRect(x, lane.top + 4, width, lane.height - 8);
    context.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {Hit} hit
   * @param {string} color
   */
  function drawMuted(context, scale, lane, hit, color) {
    context.globalAlpha = 0.4;
    context.fillStyle = color;
    context.fillRect(Math.round(scale.x(hit.time_s)), lane.top + lane.height - 8, 6, 2);
    context.globalAlpha = 1;
  }

  return { draw, dispose: spectrograms.dispose };
}
