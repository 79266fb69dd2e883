// @ts-check
// The Struck lane: what each hit sounds like, at its time, as a spectrogram or as a waveform.

import { isHeard, placeInMix } from "../audio/strip.js";
import { dbToGain, SAMPLE_RATE_HZ } from "../audio/units.js";
import { displayScale } from "../widgets/canvas.js";
import { soundColors } from "../widgets/format.js";
import { COLORS, MONO } from "../widgets/theme.js";
import { createBackdrop } from "./backdrop.js";
import { fillColumns, pixelColumns } from "./columns.js";
import { createExtremes } from "./extremes.js";
import { drawSignal, NEAR_PX_PER_S } from "./samples.js";
import { frequencyAxis } from "./spectrum.js";
import { COLUMN_S, createSpectrograms, HIGHEST_HZ, LOWEST_HZ, MOST_IMAGES } from "./spectrograms.js";
import { createStrip } from "./spectrum_strip.js";
/** @import { RenderedSound } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Hit, Lane, Project, Scale, Store } from "../state/types.d.ts" */

/** @import { LaneMode } from "./heads.js" */
/** @import { Spectrogram } from "./spectrograms.js" */
/** @typedef {{hit: Hit, entry: RenderedSound | undefined, color: string}} Shown a hit in sight */
/** @typedef {{pairs: Float32Array, extremes: ReturnType<typeof createExtremes>}} Peaks lowest and highest of each column */

const COLUMNS_PER_S = 400;
const MOST_PEAKS = 2000;
const MOST_NEAR = 24;
const PENDING_S = 0.25; // length of the mark of a hit that is not sampled yet
const WIDE_PX = 2; // wider columns of a spectrogram are drawn as an image, smoothed between them
const AXIS_PX = 64;

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
  const strip = createStrip();
  let axisHeight = 0;
  const axis = createBackdrop((context) => drawAxis(context, axisHeight)); // text on a canvas of the page would lay the page out in each frame
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
    const colors = soundColors(project);
    /** @type {Shown[]} */
    const seen = [];
    for (const hit of project.hits) {
      const entry = store.rendered.get(hit.id);
      const length_s = entry ? entry.length / SAMPLE_RATE_HZ : PENDING_S;
      if (startOf(hit, entry) > scale.end_s || startOf(hit, entry) + length_s < scale.start_s) continue;
      seen.push({ hit, entry, color: colors.get(hit.sound_id) ?? COLORS.quiet });
    }
    context.save();
    if (mode !== "wave") drawDark(context, scale, lane);
    context.beginPath();
    const left = Math.max(0, scale.x(0));
    context.rect(left, lane.top + 1, Math.min(scale.width, scale.x(project.clip.duration_s)) - left, lane.height - 2);
    context.clip();
    const heard = seen.filter(({ hit }) => isHeard(project, hit));
    if (mode === "wave") {
      drawMiddle(context, scale, lane);
      for (const { hit, entry, color } of heard) if (entry) drawWave(context, scale, lane, hit, entry, color, dbToGain(levelOf(project, hit)));
    }
    const waiting = mode === "wave" ? heard.filter(({ entry }) => !entry) : drawSpectra(context, scale, lane, heard);
    for (const { hit, color } of waiting) drawPending(context, scale, lane, hit, color, pulse);
    for (const { hit, color } of seen) if (!isHeard(project, hit)) drawMuted(context, scale, lane, hit, color);
    context.restore();
    axisHeight = lane.height;
    if (mode !== "wave") axis.put(context, AXIS_PX, lane.height, [COLORS.spectrum, COLORS.spectrumQuiet], lane.top);
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
   * @param {number} height
   */
  function drawAxis(context, height) {
    const places = frequencyAxis(LOWEST_HZ, HIGHEST_HZ);
    context.clearRect(0, 0, AXIS_PX, height);
    context.font = `9.5px ${MONO}`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const [hz, text] of /** @type {[number, string][]} */ ([[100, "100"], [1000, "1k"], [10000, "10k Hz"]])) {
      const y = 3 + places.part(hz) * (height - 6);
      context.fillStyle = `${COLORS.spectrum}b3`; // read over bright sounds too
      context.fillRect(9, y - 6, context.measureText(text).width + 4, 12);
      context.fillStyle = COLORS.spectrumQuiet;
      context.fillRect(0, Math.round(y), 8, 1);
      context.fillText(text, 11, y + 0.5);
    }
  }

  /**
   * The spectrograms: as one picture, or as an image each where few are seen from near.
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {Shown[]} heard
   * @returns {Shown[]} those that have none yet
   */
  function drawSpectra(context, scale, lane, heard) {
    const ratio = displayScale();
    const column_px = COLUMN_S * scale.px_per_s * ratio;
    const isNear = column_px > WIDE_PX && heard.length <= MOST_IMAGES;
    const waiting = [];
    if (!isNear) strip.clear(Math.max(1, Math.round(scale.width * ratio)), COLORS.spectrum);
    for (const shown of heard) {
      const { hit, entry } = shown;
      const spectrogram = entry && spectrograms.spectrogramOf(entry.key);
      if (!spectrogram) {
        waiting.push(shown);
        continue;
      }
      const opacity = Math.min(1, Math.max(0.15, 1 + hit.gain_db / 40));
      const left = scale.x(startOf(hit, entry));
      if (isNear) drawImage(context, scale, lane, spectrograms.imageOf(entry.key, spectrogram), left, spectrogram, opacity);
      else strip.add(spectrogram.levels, left * ratio, column_px, opacity);
    }
    if (!isNear) strip.put(context, lane.top + 3, scale.width, lane.height - 6);
    return waiting;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Scale} scale
   * @param {Lane} lane
   * @param {HTMLCanvasElement} image
   * @param {number} left
   * @param {Spectrogram} spectrogram
   * @param {number} opacity
   */
  function drawImage(context, scale, lane, image, left, { duration_s }, opacity) {
    context.globalAlpha = opacity;
    context.globalCompositeOperation = "lighter";
    context.imageSmoothingEnabled = true;
    context.drawImage(image, left, lane.top + 3, duration_s * scale.px_per_s, lane.height - 6);
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
    const count = pairs.length / 2;
    const step_s = entry.length / SAMPLE_RATE_HZ / count;
    const start_s = startOf(hit, entry);
    /** @param {number} value */
    const place = (value) => middle - Math.max(-1, Math.min(1, value * gain)) * half;
    /** @param {number} time_s */
    const columnAt = (time_s) => (time_s - start_s) / step_s;
    context.fillStyle = color;
    context.globalAlpha = 0.75;
    if (step_s * scale.px_per_s < 1) {
      const [left, right] = [scale.x(start_s), scale.x(start_s + count * step_s)];
      fillColumns(context, pixelColumns(Math.max(0, left), Math.min(scale.width, Math.max(left + 1, right))).map((column) => {
        const from = Math.max(0, Math.min(count - 1, Math.floor(columnAt(scale.time(column.x)))));
        const [low, high] = extremes(from, Math.min(count, Math.max(from + 1, Math.ceil(columnAt(scale.time(column.x + column.width))))));
        return { ...column, y: place(high) - 0.4, height: place(low) - place(high) + 0.8 };
      }));
    } else {
      const [from, to] = [Math.max(0, Math.floor(columnAt(scale.start_s)) - 1), Math.min(count, Math.ceil(columnAt(scale.end_s)) + 1)];
      context.beginPath();
      for (let k = from; k < to; k++) context.lineTo(scale.x(start_s + k * step_s), place(pairs[2 * k + 1]) - 0.4);
      for (let k = to - 1; k >= from; k--) context.lineTo(scale.x(start_s + k * step_s), place(pairs[2 * k]) + 0.4);
      context.closePath();
      context.fill();
    }
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
