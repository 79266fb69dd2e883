// @ts-check
// Hits are played: by keys, pads and MIDI, heard at once, and recorded while the clip runs.

import { isTyping } from "../actions/keyboard.js";
import { createScope } from "../widgets/scope.js";
import { createCalibration } from "./calibration.js";
import { createMidi } from "./midi.js";
import { assignNotes, keyNumber, learnNote } from "./notes.js";
import { createPanel } from "./panel.js";
import { createRange } from "./range.js";
import { createRecording } from "./recording.js";
import { keepLatency, keepNotes, keepRecording, recallLatency, recallNotes, recallRecording } from "./settings.js";
import { createShuttle } from "./shuttle.js";
import { keyVelocity, midiVelocity, padVelocity, shareOf, usualVelocity } from "./strength.js";
import { ageOf, lateness, meantTime } from "./timing.js";
/** @import { AudioEngine, Player, Project, Store, Timeline } from "../state/types.d.ts" */
/** @import { LearntNotes } from "./notes.js" */
/** @import { Device, Latency } from "./timing.js" */
/** @import { Recording } from "./settings.js" */
/** @typedef {ReturnType<typeof createPerform>} Perform */

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Player} player
 */
export function createPerform(app, store, audio, player) {
  let latency = recallLatency();
  let settings = recallRecording();
  /** @type {LearntNotes} */
  let learnt = {};
  let isLearning = false;
  /** @type {string | null} */
  let chosen = null; // the sound that was struck last: any note without a sound strikes it
  /** @type {Map<number, string>} */
  let notes = new Map();
  /** @type {Map<string, number>} */
  let usual = new Map(); // velocities by sound
  /** @type {string | null} */
  let digest = null;
  /** @type {ReturnType<typeof createRange> | null} */
  let range = null;
  let openTab = () => {};

  const project = () => store.view?.project ?? null;
  const shuttle = createShuttle(store, player);
  const recording = createRecording({ store, audio, player, settings: () => settings, changed: () => panel.showRecording() });
  const midi = createMidi({ play: playNote, changed: () => panel.showMidi() });
  const calibration = createCalibration(app, audio, (device, late_s) => setLatency({ [`${device}_s`]: late_s }));
  const panel = createPanel({
    store, audio, player, shuttle, recording, midi,
    settings: () => settings,
    latency: () => latency,
    learning: () => isLearning,
    setLatency,
    calibrate: calibration.open,
    /** @param {Partial<Recording>} values */
    setSettings(values) {
      settings = { ...settings, ...values };
      keepRecording(settings);
      panel.showRecording();
    },
    press: pressPad,
    clearRange: () => player.setRange(null),
    setEdge: (edge) => setEdge(edge),
    /** @param {boolean} value */
    setLearning(value) {
      isLearning = value;
      chosen = null;
      show();
    },
  });

  // --- playing ------------------------------------------------------------------------------------

  /**
   * @param {string} soundId
   * @param {number} velocity_db
   * @param {Device} device
   * @param {number} stamp_ms when it was pressed, as performance.now() counts
   */
  function strike(soundId, velocity_db, device, stamp_ms) {
    const usual_db = usual.get(soundId) ?? 0;
    audio.live.strike(soundId, velocity_db, usual_db);
    const time_s = meantTime({
      now_s: recording.time_s(), age_s: ageOf(stamp_ms, performance.now()),
      late_s: lateness(latency, device, audio.live.outputLatency_s()),
      speed: player.playing ? audio.speed : 1,
    });
    recording.strike({ time_s, sound_id: soundId, velocity_db });
    chosen = soundId;
    panel.pads.flash(soundId, shareOf(velocity_db, usual_db));
  }

  /**
   * @param {string} soundId
   * @param {number | null} share
   * @param {number} stamp_ms
   */
  function pressPad(soundId, share, stamp_ms) {
    const usual_db = usual.get(soundId) ?? 0;
    strike(soundId, share === null ? usual_db : padVelocity(share, usual_db), share === null ? "keys" : "pads", stamp_ms);
    if (isLearning) show();
  }

  /**
   * @param {number} note
   * @param {number} value
   * @param {number} stamp_ms
   */
  function playNote(note, value, stamp_ms) {
    if (calibration.isOpen) {
      calibration.tap("midi", stamp_ms);
      return;
    }
    if (isLearning && chosen && digest) {
      learnt = learnNote(learnt, note, chosen);
      keepNotes(digest, learnt);
      notes = assignNotes((project()?.sounds ?? []).map(({ id }) => id), learnt);
      strike(chosen, midiVelocity(value, usual.get(chosen) ?? 0), "midi", stamp_ms);
      chosen = null; // the next sound waits for its pad
      show();
      return;
    }
    const soundId = notes.get(note) ?? chosen ?? project()?.sounds[0]?.id;
    if (soundId) strike(soundId, midiVelocity(value, usual.get(soundId) ?? 0), "midi", stamp_ms);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    if (calibration.isOpen || (!isOpen() && recording.phase === "off")) return;
    if (event.target instanceof Element && isTyping(event.target)) return;
    const number = keyNumber(event.code);
    const sound = number === null ? undefined : project()?.sounds[number];
    if (!sound) return;
    event.preventDefault();
    strike(sound.id, keyVelocity(event.shiftKey, usual.get(sound.id) ?? 0), "keys", event.timeStamp);
  }

  // --- the outside --------------------------------------------------------------------------------

  /** @param {Partial<Latency>} values */
  function setLatency(values) {
    latency = { ...latency, ...values };
    keepLatency(latency);
    panel.showLatency();
  }

  const isOpen = () => !panel.element.hidden && Boolean(project());

  /** @param {"start_s" | "end_s"} edge */
  function setEdge(edge) {
    range?.setEdge(edge, player.time_s);
  }

  /** @param {Project} shown */
  function prepare(shown) {
    usual = new Map(shown.sounds.map(({ id }) => [id, usualVelocity(shown, id)]));
    if (isOpen() || recording.phase !== "off") audio.live.prepare(shown.sounds.map((sound) => ({ sound, usual_db: usual.get(sound.id) ?? 0 })));
  }

  function show() {
    const shown = project();
    if ((shown?.clip.digest ?? null) !== digest) {
      digest = shown?.clip.digest ?? null;
      learnt = digest ? recallNotes(digest) : {};
      chosen = null;
    }
    if (chosen && !shown?.sounds.some(({ id }) => id === chosen)) chosen = null;
    notes = assignNotes((shown?.sounds ?? []).map(({ id }) => id), learnt);
    if (shown) prepare(shown);
    if (panel.element.hidden) return;
    panel.pads.show(shown, notes, isLearning ? chosen : null);
    panel.show();
  }

  audio.stayAwakeWhile(() => isOpen() || recording.phase !== "off" || midi.state === "open");

  const scope = createScope();
  scope.listen(document, "keydown", onKey);
  scope.add(store.watch(() => [project()?.clip, project()?.sounds, project()?.hits], show));
  scope.add(store.on("rendered", () => {
    const shown = project();
    if (shown) prepare(shown);
  }));
  scope.add(store.on("playing", () => isOpen() && panel.showLatency())); // the browser knows it once sound runs
  for (const part of [shuttle, recording, midi, calibration, panel]) scope.add(part.dispose);

  return {
    shuttle, setEdge,
    /** Stand still, also where the picture was about to roll. */
    hold() {
      recording.giveUpCount();
      shuttle.hold();
    },
    toggleRecord() {
      openTab();
      recording.toggle();
    },
    open: () => openTab(),
    /** The tab of the inspector. */
    panel: {
      element: panel.element,
      show() {
        midi.resume();
        show();
      },
    },
    /**
     * The parts that are made later.
     * @param {{timeline: Timeline, showTab: () => void}} parts
     */
    attach({ timeline, showTab }) {
      openTab = showTab;
      range = createRange(store, player, timeline);
      audio.scrub.setClipSamples(timeline.clipSamples);
      scope.add(range.dispose);
    },
    dispose: scope.dispose,
  };
}
