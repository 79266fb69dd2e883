// @ts-check
// The spectrogram in large, over the picture: what Struck plays or the clip's own sound, in the timeline's span.

import { dbToGain, SAMPLE_RATE_HZ } from "../audio/units.js";
import { isHeard } from "../audio/strip.js";
import { t } from "../texts/t.js";
import { openCanvas } from "../widgets/canvas.js";
import { createButton, createSegments, make } from "../widgets/controls.js";
import { formatDb, formatHz, noteName } from "../widgets/format.js";
import { pointIn } from "../widgets/page_scale.js";
import { createScope } from "../widgets/scope.js";
import { COLORS, MONO } from "../widgets/theme.js";
import { startOf } from "./rendered_lane.js";
import { createTransform, EMBER, FLOOR_DB, frequencyAxis, MARKS_HZ, shadeOf } from "./spectrum.js";
import { formatTimecode } from "./timecode.js";
/** @import { SoundState } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Hit, Player, Samples, Store, Timeline } from "../state/types.d.ts" */
/** @import { Signal } from "./samples.js" */

/** @typedef {"struck" | "clip"} Shown */
/** @typedef {{first: number, gain: number, samples: Samples}} Struck a part of a hit's sound, from a sample of the track on */
/** @typedef {{sizes: number, columns: number, rows: number, column: number, levels: Float32Array, image: ImageData}} Work */

const [LEFT, BOTTOM, TOP, RIGHT] = [46, 20, 6, 10];
const LOWEST_HZ = 30;
const HIGHEST_HZ = 22000;
const COLUMN_PX = 2;
const SLICE_MS = 10;
const WAIT_MS = 60;
const LONGEST_CLIP_S = 40;

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 * @param {Timeline} timeline
 */
export function createSpectrogramView(root, store, audio, player, timeline) {
  const { scale } = timeline;
  /** @type {Shown} */
  let what = "struck";
  /** @type {Work | null} */
  let work = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let span = ""; // what was drawn last
  /** @type {Struck[]} */
  let struck = []; // what the hits in sight sound like
  /** @type {readonly SoundState[]} */
  let sounds = [];
  let edits = 0; // of the sounds, whose strips are heard

  const canvas = make("canvas", "st-spectro-canvas", { tabIndex: 0, role: "img", "aria-label": t("spectrogram_view.spectrogram") });
  const playhead = make("i", "st-spectro-head");
  const plot = make("div", "st-spectro-plot", {}, canvas, playhead);
  const choice = createSegments({ label: t("spectrogram_view.show_the_sound"), choices: /** @type {[Shown, string][]} */ ([["struck", "Struck"], ["clip", t("common.clip")]]), onChoose: choose });
  const readout = make("span", "st-spectro-readout", { role: "status" });
  const close = createButton("×", { kind: "icon", title: t("spectrogram_view.back_to_the"), onPress: () => setOpen(false) });
  const element = make("section", "st-spectro", { hidden: true, "aria-label": t("spectrogram_view.spectrogram") },
    make("div", "st-spectro-bar", {}, make("span", "st-spectro-title", { textContent: t("spectrogram_view.spectrogram") }), choice.element, readout, close), plot);
  root.append(element);

  const axis = frequencyAxis(LOWEST_HZ, HIGHEST_HZ);
  const box = () => ({ width: plot.clientWidth, height: plot.clientHeight, across: Math.max(10, plot.clientWidth - LEFT - RIGHT), down: Math.max(10, plot.clientHeight - TOP - BOTTOM) });
  const seen_s = () => scale.end_s - scale.start_s;
  /** @param {number} part of the width */
  const timeAt = (part) => scale.start_s + part * seen_s();

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    element.hidden = !isOpen;
    if (!isOpen) clearTimeout(timer);
    else {
      span = "";
      refresh();
    }
  }

  /** @param {Shown} value */
  function choose(value) {
    what = value;
    span = "";
    refresh();
  }

  /** Restart if the visible span has changed. */
  function refresh() {
    const project = store.view?.project;
    if (element.hidden) return;
    if (!project) {
      setOpen(false);
      return;
    }
    if (!project.clip.has_audio) what = "struck";
    choice.set(what, (value) => value === "struck" || project.clip.has_audio);
    placeHead();
    if (sounds !== project.sounds) {
      sounds = project.sounds;
      edits++;
    }
    const keys = what === "struck" ? [edits, ...hitsInSight().map((hit) => `${hit.id}@${hit.time_s}:${store.rendered.get(hit.id)?.key}:${hit.gain_db}:${hit.distance_m}`)].join() : project.clip.digest + project.clip.audio_track;
    const { width, height } = box();
    const now = [what, scale.start_s, scale.px_per_s, width, height, project.mix.gain_db, keys].join("|");
    if (now === span) return;
    span = now;
    canvas.ariaBusy = "true";
    clearTimeout(timer);
    timer = setTimeout(begin, WAIT_MS);
  }

  /** Hits that may sound in the span. */
  function hitsInSight() {
    const project = store.view?.project;
    return (project?.hits ?? []).filter((hit) => {
      const entry = store.rendered.get(hit.id);
      return project && entry && isHeard(project, hit) && startOf(hit, entry) < scale.end_s && startOf(hit, entry) + entry.length / SAMPLE_RATE_HZ > scale.start_s;
    });
  }

  async function begin() {
    const mine = span;
    const { across, down } = box();
    // A window that is short beside the span shows attacks, a long one shows pitch.
    const sizes = seen_s() < 0.4 ? 512 : seen_s() < 3 ? 1024 : 2048;
    const [columns, rows] = [Math.ceil(across / COLUMN_PX), Math.max(2, Math.floor(down))];
    if (what === "struck") {
      const loaded = (await Promise.all(hitsInSight().map(load))).flat();
      if (mine !== span) return;
      struck = loaded;
    }
    work = { sizes, columns, rows, column: 0, levels: new Float32Array(columns * rows).fill(FLOOR_DB), image: new ImageData(columns, rows) };
    fill(mine);
  }

  /**
   * A hit as it lies in the mix, in mono: its sound and room through its strip; nothing where they cannot be fetched.
   * @param {Hit} hit
   * @returns {Promise<Struck[]>}
   */
  async function load(hit) {
    const first = Math.round(startOf(hit, store.rendered.get(hit.id)) * SAMPLE_RATE_HZ);
    const parts = await audio.partsOf(hit).catch(() => []);
    return parts.map(({ buffer, gain }) => ({ first, gain, samples: buffer.getChannelData(0) }));
  }

  /** @param {string} mine */
  function fill(mine) {
    if (mine !== span || element.hidden || !work) return;
    const until_ms = performance.now() + SLICE_MS;
    const transform = createTransform(work.sizes);
    const take = what === "struck" ? mixer(work.sizes) : reader(work.sizes);
    while (take && work.column < work.columns && performance.now() < until_ms) {
      fillColumn(work, transform(take(timeAt((work.column + 0.5) / work.columns)), 0));
      work.column++;
    }
    const isReading = !take && seen_s() <= LONGEST_CLIP_S;
    if (isReading) span = ""; // the timeline is drawn when samples arrive, which then begins again
    draw(take ? "" : isReading ? t("common.reading_the_clips") : t("spectrogram_view.zoom_in_to", { longest_s: LONGEST_CLIP_S }));
    if (take && work.column < work.columns) timer = setTimeout(() => fill(mine), 0);
    else canvas.ariaBusy = String(isReading);
  }

  /**
   * Returns samples of the rendered track around a time.
   * @param {number} size
   */
  function mixer(size) {
    const mix = dbToGain(store.view?.project?.mix.gain_db ?? 0);
    const samples = new Float32Array(size);
    /** @param {number} time_s */
    return (time_s) => {
      samples.fill(0);
      const from = Math.round(time_s * SAMPLE_RATE_HZ) - size / 2;
      for (const { first, gain, samples: sound } of struck) {
        const shift = from - first;
        if (shift >= sound.length || shift + size <= 0) continue;
        for (let i = Math.max(0, -shift); i < size && i + shift < sound.length; i++) samples[i] += gain * mix * sound[i + shift];
      }
      return samples;
    };
  }

  /**
   * Returns samples of the clip's own sound around a time; null while they are incomplete.
   * @param {number} size
   */
  function reader(size) {
    if (seen_s() > LONGEST_CLIP_S) return null;
    /** @type {Signal[]} */
    const chunks = timeline.clipSamples(scale.start_s, scale.end_s);
    const duration_s = store.view?.project?.clip.duration_s ?? 0;
    const missing_s = Math.min(scale.end_s, duration_s) - Math.max(0, scale.start_s) - chunks.reduce((sum, { values }) => sum + values.length / SAMPLE_RATE_HZ, 0);
    if (missing_s > 0.01 || !chunks.length) return null;
    const samples = new Float32Array(size);
    /** @param {number} time_s */
    return (time_s) => {
      samples.fill(0);
      const first = Math.round(time_s * SAMPLE_RATE_HZ) - size / 2;
      for (const { start_s, values } of chunks) {
        const shift = first - Math.round(start_s * SAMPLE_RATE_HZ);
        for (let i = Math.max(0, -shift); i < size && i + shift < values.length; i++) samples[i] = values[i + shift];
      }
      return samples;
    };
  }

  /**
   * @param {Work} drawn
   * @param {Float64Array} powers
   */
  function fillColumn({ sizes, columns, rows, column, levels, image }, powers) {
    for (let row = 0; row < rows; row++) {
      const [from, to] = [axis.hz((row + 1) / rows), axis.hz(row / rows)].map((hz) => (hz * sizes) / SAMPLE_RATE_HZ);
      let power = 0;
      if (to - from <= 1) { // between two bins
        const k = Math.min(powers.length - 2, Math.floor((from + to) / 2));
        const part = (from + to) / 2 - k;
        power = powers[k] * (1 - part) + powers[k + 1] * part;
      } else for (let k = Math.ceil(from); k < Math.min(powers.length, to); k++) power = Math.max(power, powers[k]);
      const level_db = 10 * Math.log10(power + 1e-14);
      levels[row * columns + column] = level_db;
      const shade = shadeOf(level_db);
      image.data.set(EMBER.subarray(4 * shade, 4 * shade + 4), 4 * (row * columns + column));
    }
  }

  /** @param {string} words */
  function draw(words) {
    const { width, height, across, down } = box();
    const pen = openCanvas(canvas, width, height);
    pen.fillStyle = COLORS.ground;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = COLORS.spectrum;
    pen.fillRect(LEFT, TOP, across, down);
    if (work) {
      const sheet = new OffscreenCanvas(work.columns, work.rows);
      sheet.getContext("2d")?.putImageData(work.image, 0, 0);
      pen.imageSmoothingEnabled = true;
      pen.drawImage(sheet, LEFT, TOP, across, down);
    }
    pen.font = `11px ${MONO}`;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const hz of MARKS_HZ) {
      const y = Math.round(TOP + axis.part(hz) * down) + 0.5;
      pen.fillStyle = "#ffffff14";
      pen.fillRect(LEFT, y, across, 1);
      pen.fillStyle = COLORS.quiet;
      pen.fillText(hz >= 1000 ? `${hz / 1000}k` : String(hz), LEFT - 6, y);
    }
    pen.fillText("Hz", LEFT - 6, height - 9);
    const clip = store.view?.project?.clip;
    const marks = Math.max(1, Math.floor(across / 150));
    pen.textAlign = "left";
    for (let k = 0; clip && k <= marks; k++) {
      const time_s = timeAt(k / marks);
      const x = Math.min(LEFT + (across * k) / marks, width - 86);
      if (time_s >= 0 && time_s <= clip.duration_s) pen.fillText(formatTimecode(time_s, clip), x, height - 9);
    }
    if (!words) return;
    pen.textAlign = "center";
    pen.fillStyle = COLORS.spectrumQuiet;
    pen.fillText(words, LEFT + across / 2, TOP + down / 2);
  }

  function placeHead() {
    const { across } = box();
    const part = (player.time_s - scale.start_s) / seen_s();
    playhead.hidden = !(part >= 0 && part <= 1);
    playhead.style.transform = `translateX(${LEFT + part * across}px)`;
  }

  /** @param {MouseEvent} event */
  function place(event) {
    const { across, down } = box();
    const at = pointIn(canvas, event);
    return { part: Math.min(1, Math.max(0, (at.x - LEFT) / across)), height: Math.min(0.9999, Math.max(0, (at.y - TOP) / down)) };
  }

  canvas.addEventListener("pointermove", (event) => {
    const clip = store.view?.project?.clip;
    if (!work || !clip) return;
    const { part, height } = place(event);
    const hz = axis.hz(height);
    const level_db = work.levels[Math.floor(height * work.rows) * work.columns + Math.min(work.columns - 1, Math.floor(part * work.columns))];
    readout.textContent = [formatTimecode(Math.max(0, timeAt(part)), clip), formatHz(hz), noteName(hz), level_db > FLOOR_DB ? formatDb(Math.min(level_db, 20)) : "—"].join("  ·  ");
  });
  canvas.addEventListener("pointerleave", () => (readout.textContent = ""));
  canvas.addEventListener("pointerdown", (event) => player.seek(Math.max(0, timeAt(place(event).part))));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) scale.scrollBy(event.deltaX || event.deltaY);
    else scale.zoom(Math.exp(-event.deltaY * 0.0022), place(event).part * scale.width);
    timeline.moved();
  }, { passive: false });

  const scope = createScope();
  scope.add(timeline.watchDraw(refresh));
  scope.add(store.on("time", () => void (element.hidden || placeHead())));
  const observer = new ResizeObserver(refresh);
  observer.observe(plot);
  return {
    toggle: () => setOpen(Boolean(element.hidden)),
    get isOpen() { return !element.hidden; },
    dispose() {
      clearTimeout(timer);
      observer.disconnect();
      scope.dispose();
      element.remove();
    },
  };
}
