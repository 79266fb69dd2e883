// What is heard: every hit's sound scheduled at its time against the picture, previews and auditions, levels.
//
// The <video> is the master clock. A hit's place in the mix (time, level, pan, mute) is applied here by the law of
// the engine's place_hits, so a moved hit is heard at once and needs no server. Nothing is limited.

import { createBank } from "./preview.js";
import { createBuffers, DELAY_LEAD, placeOf } from "./buffers.js";
import { createMeter } from "./meter.js";
import { createPanner, FADE_S } from "./panner.js";
import { dbToGain, SAMPLE_RATE_HZ, SILENCE_DB } from "./units.js";

const TICK_MS = 100;
const AHEAD_S = 1.5; // longer than a hidden tab's timer step of 1 s
const PRELOAD_S = 20;
const MOST_DRIFT_S = 0.02;
const LATE_S = 0.1; // a hit that begins as playback does is heard whole, if it is no later than this
const LONGEST_S = 30;
const QUIET = { rms_db: SILENCE_DB, peak_db: SILENCE_DB, loudness_lufs: null, clipped: false };

/** The editor's audio engine. ``options.context`` and ``options.fetchSound`` serve tests. */
export function createAudio(store, options = {}) {
  const buffers = createBuffers(options.fetchSound);
  const voices = new Map(); // hit id -> voice
  const started = new Set(); // hits that have begun since playback began
  let context = options.context ?? null;
  let graph = null;
  let bank = null;
  let video = null;
  let listen = "struck";
  let playing = false;
  let anchored = false;
  let from_s = 0;
  let anchor = { context_s: 0, clip_s: 0, rate: 1 };
  let drifts = [];
  let timer = null;
  let audition = null;
  const cleanups = [];

  const project = () => store.view?.project ?? null;
  const offset_s = () => project()?.clip.picture_offset_s ?? 0;
  const videoTime_s = () => video.currentTime - offset_s();
  const hasPicture = () => Boolean(video && video.readyState >= 1 && !video.error);

  function open() {
    if (!context) context = new AudioContext({ sampleRate: SAMPLE_RATE_HZ, latencyHint: "interactive" });
    if (graph) return;
    const master = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
    const mix = new GainNode(context);
    const hits = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
    hits.connect(mix).connect(master);
    const previews = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
    previews.connect(master);
    master.connect(context.destination);
    graph = { master, mix, hits, previews, meter: createMeter(context, master) };
    bank = createBank(context, previews);
    setLevels(0);
  }

  async function resume() {
    open();
    if (context.state === "suspended" && !options.context) await context.resume();
  }

  function setLevels(glide_s = 0.01) {
    const mix = project()?.mix;
    if (graph) {
      const level = dbToGain(mix?.gain_db ?? 0);
      glide(graph.mix.gain, listen === "clip" ? 0 : level, glide_s);
      glide(graph.previews.gain, level, glide_s);
    }
    // The clip's own sound stays with the <video>, which keeps it in step with the picture on every output device.
    if (video) video.volume = listen === "struck" ? 0 : Math.min(1, dbToGain(mix?.clip_gain_db ?? 0));
  }

  function glide(param, value, glide_s) {
    if (glide_s === 0) param.value = value;
    else param.setTargetAtTime(value, context.currentTime, glide_s);
  }

  /** Context time of what leaves the loudspeaker now. */
  function heard_s() {
    const stamp = context.getOutputTimestamp?.();
    if (stamp?.performanceTime > 0) {
      const time_s = stamp.contextTime + (performance.now() - stamp.performanceTime) / 1000;
      if (Math.abs(context.currentTime - time_s) < 0.5) return time_s;
    }
    return context.currentTime - (context.outputLatency || 0);
  }

  const onGrid = (time_s) => Math.round(time_s * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ;
  const clipTime_s = (context_s) => anchor.clip_s + (context_s - anchor.context_s) * anchor.rate;
  const contextTime_s = (clip_s) => anchor.context_s + (clip_s - anchor.clip_s) / anchor.rate;

  function now_s() {
    if (playing && anchored && context) return clipTime_s(heard_s());
    if (hasPicture()) return videoTime_s();
    return from_s;
  }

  // --- the clock ---------------------------------------------------------------------------------

  function anchorTo(clip_s, context_s) {
    anchor = { context_s: onGrid(context_s), clip_s: onGrid(clip_s), rate: video?.playbackRate || 1 };
    anchored = true;
    drifts = [];
  }

  /** Begin once the picture moves (at once where there is none). */
  function tryAnchor() {
    if (!hasPicture()) anchorTo(from_s, Math.max(heard_s(), context.currentTime + 0.02));
    else if (!video.paused && !video.seeking && (videoTime_s() > from_s + 1e-4 || videoTime_s() < from_s - 0.05)) {
      if (videoTime_s() < from_s - 0.05) from_s = videoTime_s();
      anchorTo(videoTime_s(), heard_s());
    }
  }

  function correctDrift() {
    if (!hasPicture() || video.paused || video.seeking) return;
    drifts.push(videoTime_s() - clipTime_s(heard_s()));
    if (drifts.length < 3) return;
    drifts = drifts.slice(-3);
    const drift_s = [...drifts].sort((a, b) => a - b)[1];
    if (Math.abs(drift_s) <= MOST_DRIFT_S) return;
    if (Math.abs(drift_s) > 0.25) silence(true); // a jump, not a drift
    anchorTo(clipTime_s(heard_s()) + drift_s, heard_s());
    for (const [id, voice] of voices) if (!isSounding(voice)) end(id);
  }

  function play(at_s) {
    resume().catch(() => {});
    playing = true;
    begin(at_s ?? now_s());
    timer ??= setInterval(tick, TICK_MS);
    if (hasPicture()) watchStart();
  }

  /** Look for the picture's first step more often than the timer does. */
  function watchStart() {
    if (!playing || anchored) return;
    tick();
    requestAnimationFrame(watchStart);
  }

  function begin(at_s) {
    silence(true);
    from_s = at_s;
    anchored = false;
    preload();
    tick();
  }

  function stop() {
    from_s = now_s();
    playing = false;
    anchored = false;
    clearInterval(timer);
    timer = null;
    silence(true);
  }

  function seek(to_s) {
    const target_s = to_s ?? (video ? videoTime_s() : from_s);
    if (playing) {
      begin(target_s);
      if (hasPicture()) watchStart();
    } else from_s = target_s;
  }

  // --- hits --------------------------------------------------------------------------------------

  const isSounding = (voice) => voice.start_s <= context.currentTime;

  function silence(forget) {
    for (const id of [...voices.keys()]) end(id);
    if (forget) started.clear();
  }

  function end(id) {
    const voice = voices.get(id);
    voices.delete(id);
    if (isSounding(voice)) {
      voice.panner.release();
      voice.source.stop(context.currentTime + 4 * FADE_S);
    } else {
      voice.source.stop();
      started.delete(id);
    }
  }

  /** What a hit sounds with now: its sampled sound, or the analytic prior while that is not ready. */
  function soundOf(hit) {
    const entry = store.rendered.get(hit.id);
    if (entry) {
      if (!buffers.peek(entry.key)) {
        buffers.load(entry.key).then(tick, () => {});
        return null;
      }
      return { key: entry.key, gain_db: hit.gain_db };
    }
    const sound = project().sounds.find((s) => s.id === hit.sound_id);
    if (!sound) return null;
    const velocity_db = Math.round(hit.velocity_db); // a finer step is level enough, and few priors serve many hits
    return { key: buffers.prior(sound, hit.tweak, velocity_db), gain_db: hit.gain_db + hit.velocity_db - velocity_db };
  }

  function tick() {
    if (!playing || !context || !project()) return;
    if (!anchored) tryAnchor();
    else correctDrift();
    if (!anchored) return;
    const now = clipTime_s(context.currentTime);
    const wanted = new Set();
    for (const hit of project().hits) {
      if (hit.mute || hit.time_s > now + AHEAD_S * anchor.rate || hit.time_s < now - LONGEST_S) continue;
      wanted.add(hit.id);
      schedule(hit);
    }
    for (const id of [...voices.keys()]) if (!wanted.has(id)) end(id);
  }

  function schedule(hit) {
    const voice = voices.get(hit.id);
    if (voice && voice.time_s !== hit.time_s) end(hit.id);
    else if (voice && isSounding(voice)) {
      voice.panner.set(dbToGain(voice.level_db + hit.gain_db), hit.pan);
      return;
    }
    const sound = soundOf(hit);
    if (!sound) return;
    const level_db = sound.gain_db - hit.gain_db;
    const current = voices.get(hit.id);
    if (current) {
      if (current.key === sound.key && current.level_db === level_db) {
        current.panner.set(dbToGain(sound.gain_db), hit.pan);
        return;
      }
      end(hit.id);
    }
    const { first, fraction } = placeOf(hit.time_s);
    const buffer = buffers.placed(sound.key, fraction);
    if (!buffer) return;
    const lead = fraction === 0 ? 0 : DELAY_LEAD;
    let start_s = onGrid(contextTime_s((first - lead) / SAMPLE_RATE_HZ));
    let skip_s = 0;
    const now = context.currentTime;
    if (start_s < now) {
      const begins = !started.has(hit.id) && hit.time_s >= from_s - 0.001 && now - start_s < LATE_S;
      skip_s = begins ? 0 : onGrid(now + FADE_S - start_s);
      start_s = begins ? now : onGrid(now + FADE_S);
      if (started.has(hit.id) && !voice) return; // it has rung already
      if (skip_s >= buffer.duration) {
        started.add(hit.id);
        return;
      }
    }
    const panner = createPanner(context, graph.hits, dbToGain(sound.gain_db), hit.pan, skip_s > 0 ? start_s : null);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(panner.input);
    source.onended = () => {
      panner.disconnect();
      if (voices.get(hit.id)?.source === source) voices.delete(hit.id);
    };
    source.start(start_s, skip_s);
    started.add(hit.id);
    voices.set(hit.id, { source, panner, key: sound.key, level_db, time_s: hit.time_s, start_s });
  }

  function preload() {
    const shown = project();
    if (!shown) return;
    const now = now_s();
    const keys = shown.hits
      .filter((hit) => hit.time_s > now - 5 && hit.time_s < now + PRELOAD_S)
      .sort((a, b) => Math.abs(a.time_s - now) - Math.abs(b.time_s - now))
      .map((hit) => store.rendered.get(hit.id)?.key)
      .filter(Boolean);
    for (const key of new Set(keys)) buffers.load(key).catch(() => {});
  }

  // --- auditions ---------------------------------------------------------------------------------

  function stopAudition() {
    audition?.panner.release();
    audition?.source.stop(context.currentTime + 4 * FADE_S);
    audition = null;
  }

  function playBuffer(buffer, gain_db = 0, pan = 0) {
    stopAudition();
    bank.stop();
    const panner = createPanner(context, graph.previews, dbToGain(gain_db), pan);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(panner.input);
    source.onended = () => panner.disconnect();
    source.start();
    audition = { source, panner };
  }

  async function playKey(key, gain_db = 0, pan = 0) {
    open();
    const [buffer] = await Promise.all([buffers.load(key), resume()]);
    playBuffer(buffer, gain_db, pan);
  }

  async function auditionHit(hitId) {
    const hit = project()?.hits.find((h) => h.id === hitId);
    if (!hit) return;
    const entry = store.rendered.get(hitId);
    if (entry) {
      await playKey(entry.key, hit.gain_db, hit.pan);
      return;
    }
    await resume();
    const { key, gain_db } = soundOf(hit) ?? {};
    if (key) playBuffer(buffers.peek(key), gain_db, hit.pan);
  }

  function previewModes(physics, velocity_db = 0) {
    resume().catch(() => {});
    stopAudition();
    return bank.preview(physics, velocity_db);
  }

  // --- the outside -------------------------------------------------------------------------------

  function attachVideo(element) {
    video = element;
    setLevels();
    const hold = () => playing && (silence(true), (anchored = false));
    const go = () => {
      if (!playing) return;
      begin(Math.max(0, videoTime_s()));
      watchStart();
    };
    for (const [name, react] of [["waiting", hold], ["seeking", hold], ["seeked", go], ["playing", () => !anchored && watchStart()], ["ratechange", go]]) {
      listenTo(element, name, react);
    }
  }

  function listenTo(target, name, react, settings) {
    target.addEventListener(name, react, settings);
    cleanups.push(() => target.removeEventListener(name, react, settings));
  }

  if (!context) {
    const gesture = () => resume().catch(() => {});
    for (const name of ["pointerdown", "keydown"]) listenTo(window, name, gesture, { once: true, capture: true });
  }
  cleanups.push(
    store.on("view", () => {
      setLevels();
      tick();
      preload();
    }),
    store.on("rendered", () => {
      preload();
      tick();
    }),
    store.on("struck", ({ key }) => playKey(key).catch(() => {})),
  );

  function dispose() {
    stop();
    for (const cleanup of cleanups) cleanup?.();
    if (!options.context) context?.close();
  }

  return {
    resume, play, stop, seek, now_s, attachVideo, previewModes, auditionHit, playKey, dispose,
    bufferFor: buffers.load,
    peaksFor: buffers.peaksFor,
    setListen(choice) {
      listen = choice;
      setLevels();
    },
    levels: () => (graph ? graph.meter.read() : QUIET),
    clearClip: () => graph?.meter.clear(),
    get listen() { return listen; },
    get playing() { return playing; },
    get context() { return context; },
    get output() { return graph?.master; },
  };
}
