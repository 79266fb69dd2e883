// @ts-check
// What is heard: every hit's sound scheduled at its time against the picture, previews and auditions, levels.
//
// A hit's place in the mix (time, level, pan, its sound's strip) is applied here by the law of the engine's place_hits,
// so a moved hit is heard at once and needs no server. The mix is limited where the document says so.

import { createScope } from "../widgets/scope.js";
import { createAudition } from "./audition.js";
import { createBuffers, DELAY_LEAD, placeOf, withSide } from "./buffers.js";
import { createClock, onGrid } from "./clock.js";
import { createHitSounds, levelsOf } from "./hit_sounds.js";
import { createLimiter } from "./limiter.js";
import { createLive } from "./live.js";
import { createMeter } from "./meter.js";
import { FADE_S } from "./panner.js";
import { createVersions } from "./versions.js";
import { createPreview } from "./preview.js";
import { createRest } from "./rest.js";
import { createScrub } from "./scrub.js";
import { isHeard } from "./strip.js";
import { createVoice } from "./voice.js";
import { placeName } from "../state/project.js";
import { dbToGain, SAMPLE_RATE_HZ, SILENCE_DB } from "./units.js";
/** @import { Hit, Samples, Sound, Store } from "../state/types.d.ts" */

const TICK_MS = 100;
const SETTLE_MS = 300;
const AHEAD_S = 1.5; // longer than a hidden tab's timer step of 1 s
const PRELOAD_S = 20;
const LATE_S = 0.1; // a hit that begins as playback does is heard whole, if it is no later than this
const LONGEST_S = 30;
const HEARD_DB = -90; // what is softer is silence
const QUIET = { rms_db: SILENCE_DB, peak_db: SILENCE_DB, loudness_lufs: null, clipped: false };

/** @typedef {"struck" | "clip" | "both"} Listen */
/** @typedef {ReturnType<typeof createOutput>} Output */
/** @import { Voice } from "./voice.js" */
/** @typedef {{voice: Voice, name: string, level_db: number, time_s: number}} Scheduled a hit that is scheduled or sounds */

/**
 * The buses: hits to the mix, the mix and previews to the master.
 * @param {AudioContext | OfflineAudioContext} context
 */
function createOutput(context) {
  const stereo = () => new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
  const [master, hits, previews, mix] = [stereo(), stereo(), stereo(), new GainNode(context)];
  hits.connect(mix);
  previews.connect(master);
  master.connect(context.destination);
  return { context, master, mix, hits, previews, limiter: createLimiter(context, mix, master), meter: createMeter(context, master), preview: createPreview(context, previews) };
}

/**
 * The editor's audio engine. A context and a source of sounds other than the usual ones serve tests.
 * @param {Store} store
 * @param {{context?: OfflineAudioContext, fetchSound?: (key: string) => Promise<Samples>, fetchSide?: (key: string) => Promise<Samples>, fetchRoom?: (key: string) => Promise<Samples>}} [options]
 */
export function createAudio(store, options = {}) {
  const scope = createScope();
  const buffers = createBuffers(options.fetchSound, options.fetchSide, options.fetchRoom);
  const clock = createClock(() => project()?.clip.picture_offset_s ?? 0);
  /** @type {Map<string, Scheduled>} */
  const voices = new Map(); // by hit id
  /** @type {Set<string>} */
  const started = new Set(); // hits that have begun since playback began
  /** @type {ReturnType<typeof createOutput> | null} */
  let output = null;
  /** @type {HTMLVideoElement | null} */
  let video = null;
  /** @type {Listen} */
  let listen = "struck";
  let playing = false;
  let settled_ms = 0; // when the picture runs evenly
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  /** @type {Set<string>} */
  const played = new Set(); // names of hits that were heard as they were played
  /** @type {(hit: Hit) => boolean} */
  let isHushed = () => false;
  let isPerforming = () => false;

  const project = () => store.view?.project ?? null;
  const width = () => project()?.mix.width ?? 0;
  /** @param {string} key of a sampled sound */
  const heardKey = (key) => (width() > 0 ? withSide(key) : key);
  const now_s = () => clock.now_s(output?.context ?? null);
  const sounds = createHitSounds(store, buffers, { heardKey, loaded: tick });
  const host = { open, resume: () => rest.wake(), buffers, load: buffers.load, width, heardKey, listen: () => listen, soundOf: sounds.soundOf, leadOf: sounds.leadOf, rest: (/** @type {Sound} */ sound, /** @type {number} */ velocity_db) => buffers.rest(project()?.sounds ?? [], sound, velocity_db) };
  const audition = createAudition(host);
  const live = createLive(host, store);
  const versions = createVersions(host);
  const scrub = createScrub(host, store);

  function open() {
    if (!output) {
      output = createOutput(options.context ?? new AudioContext({ sampleRate: SAMPLE_RATE_HZ, latencyHint: "interactive" }));
      setLevels(0);
    }
    return output;
  }

  const rest = createRest({
    async resume() {
      const { context } = open();
      if (context instanceof AudioContext) await context.resume(); // also while it still falls asleep
    },
    suspend: () => void (output?.context instanceof AudioContext && output.context.suspend()),
    isNeeded: () => playing || isPerforming(),
  });
  const resume = rest.wake;

  function levels() {
    const read = output?.meter.read() ?? QUIET;
    if (read.peak_db > HEARD_DB) rest.heard();
    return read;
  }

  function setLevels(glide_s = 0.01) {
    const mix = project()?.mix;
    if (output) {
      const level = dbToGain(mix?.gain_db ?? 0);
      glide(output.mix.gain, listen === "clip" ? 0 : level, glide_s, output.context);
      glide(output.previews.gain, level, glide_s, output.context);
      output.limiter.set(Boolean(mix?.limit)).then((changed) => changed && reschedule());
    }
    // The clip's own sound stays with the <video>, which keeps it in step with the picture on every output device.
    if (video) video.volume = listen === "struck" ? 0 : Math.min(1, dbToGain(mix?.clip_gain_db ?? 0));
  }

  /** Schedule again what has not begun. */
  function reschedule() {
    for (const [id, voice] of voices) if (!isSounding(voice)) end(id);
    tick();
  }

  /**
   * @param {AudioParam} param
   * @param {number} value
   * @param {number} glide_s
   * @param {BaseAudioContext} context
   */
  function glide(param, value, glide_s, context) {
    if (glide_s === 0) param.value = value;
    else param.setTargetAtTime(value, context.currentTime, glide_s);
  }

  // --- transport ---------------------------------------------------------------------------------

  /** @param {number} [at_s] */
  function play(at_s) {
    resume().catch(() => {});
    playing = true;
    begin(at_s ?? now_s());
    timer ??= setInterval(tick, TICK_MS);
    if (clock.hasPicture) watchStart();
  }

  /** Poll the picture's first frames more often than the timer does, since playback may stall at its start. */
  function watchStart() {
    if (!playing || (clock.anchored && performance.now() > settled_ms)) return;
    tick();
    requestAnimationFrame(watchStart);
  }

  /** @param {number} at_s */
  function begin(at_s) {
    silence(true);
    clock.waitAt(at_s);
    preload();
    tick();
  }

  function stop() {
    clock.waitAt(now_s());
    playing = false;
    clearInterval(timer);
    timer = undefined;
    silence(true);
  }

  /** @param {number} [to_s] */
  function seek(to_s) {
    const target_s = to_s ?? clock.video_s;
    if (!playing) {
      clock.waitAt(target_s);
      return;
    }
    begin(target_s);
    if (clock.hasPicture) watchStart();
  }

  // --- hits --------------------------------------------------------------------------------------

  /** @param {Scheduled} scheduled */
  const isSounding = ({ voice }) => voice.start_s <= open().context.currentTime;

  /** @param {boolean} forget */
  function silence(forget) {
    for (const id of [...voices.keys()]) end(id);
    if (!forget) return;
    started.clear();
    played.clear();
    live.silence();
  }

  /** @param {string} id */
  function end(id) {
    const scheduled = voices.get(id);
    if (!scheduled) return;
    voices.delete(id);
    if (isSounding(scheduled)) scheduled.voice.release();
    else {
      scheduled.voice.stop();
      started.delete(id);
    }
  }

  function tick() {
    const shown = project();
    if (!playing || !output || !shown) return;
    const { context } = output;
    if (!clock.anchored) {
      clock.tryAnchor(context);
      settled_ms = performance.now() + SETTLE_MS;
    } else {
      const moved = clock.correctDrift(context);
      if (moved === "jump") silence(true);
      if (moved) for (const [id, voice] of voices) if (!isSounding(voice)) end(id);
    }
    if (!clock.anchored) return;
    const now = clock.clipTime_s(context.currentTime);
    const wanted = new Set();
    for (const hit of shown.hits) {
      if (!isHeard(shown, hit) || isHushed(hit) || played.has(placeName(hit)) || hit.time_s > now + (AHEAD_S + sounds.leadOf(hit) / SAMPLE_RATE_HZ) * clock.rate || hit.time_s < now - LONGEST_S) continue;
      wanted.add(hit.id);
      schedule(hit);
    }
    for (const id of [...voices.keys()]) if (!wanted.has(id)) end(id);
  }

  /** @param {Hit} hit */
  function schedule(hit) {
    const before = voices.get(hit.id);
    if (before && before.time_s !== hit.time_s) end(hit.id);
    else if (before && isSounding(before)) {
      before.voice.set(levelsOf({ level_db: before.level_db, place: sounds.placeOf(hit) }), width());
      return;
    }
    const sound = sounds.soundOf(hit);
    if (!sound) return;
    const name = `${sound.key} ${sound.room} ${sound.level_db} ${sound.place.shape.name}`;
    const current = voices.get(hit.id);
    if (current) {
      if (current.name === name) {
        current.voice.set(levelsOf(sound), width());
        return;
      }
      end(hit.id);
    }
    const { first, fraction } = placeOf(hit.time_s);
    const parts = sounds.partsOf(sound, fraction);
    if (!parts.length) return;
    const lead = fraction === 0 ? 0 : DELAY_LEAD;
    const before_s = sound.lead / SAMPLE_RATE_HZ; // of the loudspeaker's time, at any speed of the clip
    const { context, hits, limiter } = open();
    const now = context.currentTime;
    const first_s = onGrid(clock.contextTime_s((first - lead) / SAMPLE_RATE_HZ) - before_s - limiter.delay_s);
    const isAhead = hit.time_s >= clock.from_s - 0.001;
    // Playback's start cuts what sounds before the hit as the track's start does, and the hit keeps its attack.
    const kept_s = Math.max(0, (hit.time_s - clock.from_s) / clock.rate);
    let skip_s = isAhead ? onGrid(Math.max(0, before_s - kept_s)) : 0;
    let fade_s = skip_s > 0 ? Math.min(FADE_S, before_s - skip_s) : 0;
    let start_s = first_s + skip_s;
    if (start_s < now) {
      const begins = isAhead && !started.has(hit.id) && now - start_s < LATE_S;
      if (!begins) [skip_s, fade_s] = [onGrid(now + FADE_S - first_s), FADE_S];
      start_s = begins ? now : onGrid(now + FADE_S);
      if (started.has(hit.id) && !before) return; // it has rung already
      if (skip_s >= Math.max(...parts.map(({ buffer }) => buffer.duration))) {
        started.add(hit.id);
        return;
      }
    }
    const onEnd = () => voices.get(hit.id)?.voice === voice && voices.delete(hit.id);
    const voice = createVoice(context, hits, parts, { width: width(), start_s, skip_s, fade_s, onEnd });
    started.add(hit.id);
    voices.set(hit.id, { voice, name, level_db: sound.level_db, time_s: hit.time_s });
  }

  function preload() {
    const shown = project();
    if (!shown) return;
    const now = now_s();
    const keys = shown.hits
      .filter((hit) => hit.time_s > now - 5 && hit.time_s < now + PRELOAD_S)
      .sort((a, b) => Math.abs(a.time_s - now) - Math.abs(b.time_s - now))
      .flatMap(sounds.sampledKeys);
    for (const key of new Set(keys)) buffers.load(key).catch(() => {});
  }

  /** @param {string} hitId */
  async function auditionHit(hitId) {
    const hit = project()?.hits.find((h) => h.id === hitId);
    if (hit) await audition.play(sounds.loadParts(hit));
  }

  /**
   * A take of a hit, where the hit lies in the mix.
   * @param {Hit} hit
   * @param {string} key of the take
   */
  async function auditionTake(hit, key) {
    const sound = sounds.takeOf(hit, key);
    const fetched = Promise.all([sound.key, sound.room].flatMap((wanted) => (wanted ? [buffers.load(wanted)] : [])));
    await audition.play(fetched.then(() => sounds.partsOf(sound, 0)));
  }

  // --- the outside -------------------------------------------------------------------------------

  /** @param {HTMLVideoElement} element */
  function attachVideo(element) {
    video = element;
    clock.attach(element);
    setLevels();
    const hold = () => {
      if (!playing) return;
      silence(true);
      clock.release();
    };
    const go = () => {
      if (!playing) return;
      begin(Math.max(0, clock.video_s));
      watchStart();
    };
    scope.listen(element, "waiting", hold);
    scope.listen(element, "seeking", hold);
    scope.listen(element, "seeked", go);
    scope.listen(element, "playing", () => !clock.anchored && watchStart());
    scope.listen(element, "ratechange", go);
  }

  if (!options.context) {
    const gesture = () => resume().catch(() => {});
    for (const name of /** @type {const} */ (["pointerdown", "keydown"])) scope.listen(window, name, gesture, { once: true, capture: true });
  }
  scope.add(store.watch(() => {
    const shown = store.view?.project;
    return [shown?.clip, shown?.hits, shown?.sounds, shown?.mix];
  }, () => {
    setLevels();
    tick();
    preload();
  }));
  scope.add(store.on("rendered", () => {
    preload();
    tick();
  }));
  scope.add(store.on("audition", ({ key }) => audition.playKey(key).catch(() => {})));

  return {
    resume, play, stop, seek, now_s, attachVideo, auditionHit, auditionTake, live, scrub, versions,
    previewModes: audition.previewModes,
    playKey: audition.playKey,
    /**
     * A hit that was audible while it was played live; it stays silent until playback restarts.
     * @param {{sound_id: string, time_s: number}} hit
     */
    wasPlayed(hit) { played.add(placeName(hit)); },
    /** @param {(hit: Hit) => boolean} choose hits that playback leaves out */
    hush(choose) {
      isHushed = choose;
      tick();
    },
    /** Seconds of the clip that pass in one of the wall clock. */
    get speed() { return clock.rate; },
    bufferFor: buffers.load,
    partsOf: sounds.loadParts,
    peaksFor: buffers.peaksFor,
    /** @param {Listen} choice */
    setListen(choice) {
      listen = choice;
      setLevels();
    },
    levels,
    /** @param {() => boolean} ask whether sounds may be struck at any moment, which a sleeping context would delay */
    stayAwakeWhile(ask) { isPerforming = ask; },
    get isAwake() { return rest.isAwake; },
    watchRest: rest.watch,
    clearClip: () => output?.meter.clear(),
    get listen() { return listen; },
    get playing() { return playing; },
    dispose() {
      stop();
      scope.dispose();
      rest.dispose();
      if (output?.context instanceof AudioContext) output.context.close();
    },
  };
}
