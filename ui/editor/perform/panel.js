// @ts-check
// The Perform tab: recording, loop and speed, the pads, MIDI, and the latency that is taken off.

import { formatTimecode } from "../timeline/timecode.js";
import { createSegments, createSelect, make } from "../widgets/controls.js";
import { keyed } from "../widgets/key_titles.js";
import { createScope } from "../widgets/scope.js";
import { createLatencyView } from "./latency_view.js";
import { describeMidi } from "./midi.js";
import { createPads } from "./pads.js";
/** @import { AudioEngine, Player, Store } from "../state/types.d.ts" */
/** @import { Recording } from "./settings.js" */
/** @import { Latency } from "./timing.js" */
/** @import { RecordMode } from "./take.js" */

const PREROLLS_S = [0, 1, 2, 3, 5];
/** @type {[RecordMode, string][]} */
const MODES = [["overdub", "Overdub"], ["replace", "Replace"]];
const MODE_HELP = {
  overdub: "Overdub: played hits are added to those that are there.",
  replace: "Replace: as the playhead passes, a sound that you play loses its older hits.",
};
const COUNT_MS = 80;

/**
 * @typedef {object} Host
 * @property {Store} store
 * @property {AudioEngine} audio
 * @property {Player} player
 * @property {ReturnType<typeof import("./shuttle.js").createShuttle>} shuttle
 * @property {ReturnType<typeof import("./recording.js").createRecording>} recording
 * @property {ReturnType<typeof import("./midi.js").createMidi>} midi
 * @property {() => Recording} settings
 * @property {() => Latency} latency
 * @property {() => boolean} learning
 * @property {(values: Partial<Latency>) => void} setLatency
 * @property {() => void} calibrate
 * @property {(values: Partial<Recording>) => void} setSettings
 * @property {(soundId: string, share: number | null, stamp_ms: number) => void} press
 * @property {() => void} clearRange
 * @property {(edge: "start_s" | "end_s") => void} setEdge
 * @property {(value: boolean) => void} setLearning
 */

/**
 * @param {string} text
 * @param {import("../actions/table.js").ActionId | null} action
 * @param {string} title
 * @param {() => void} onclick
 */
const toggle = (text, action, title, onclick) => make("button", "st-button", { type: "button", textContent: text, ...(action ? keyed(action, title) : { title }), "aria-pressed": "false", onclick });

/**
 * @param {HTMLElement} button
 * @param {boolean} isOn
 */
function press(button, isOn) {
  button.classList.toggle("is-on", isOn);
  button.setAttribute("aria-pressed", String(isOn));
}

/** @param {Host} host */
export function createPanel(host) {
  const { store, player, shuttle, recording, midi } = host;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let counting;

  const recordText = make("span", "", { textContent: "Record" });
  const record = make("button", "st-button st-record", { type: "button", ...keyed("record", "Record what is played, from the playhead or the loop's start"), "aria-pressed": "false", onclick: recording.toggle }, make("i"), recordText);
  const mode = createSegments({ label: "Older hits", choices: MODES, onChoose: (value) => host.setSettings({ mode: value }) });
  mode.element.classList.add("st-segments");
  const preroll = createSelect({ label: "Pre-roll", onChoose: (/** @type {string} */ value) => host.setSettings({ preroll_s: Number(value) }) });
  const words = make("p", "st-perform-words", { role: "status" });

  const loop = toggle("Loop", "loop", "Repeat the range, or the whole clip", player.toggleLoop);
  const span = make("span", "st-perform-range");
  const setIn = make("button", "st-button", { type: "button", textContent: "In", ...keyed("range_start", "The loop begins at the playhead"), "aria-label": "Loop from the playhead", onclick: () => host.setEdge("start_s") });
  const setOut = make("button", "st-button", { type: "button", textContent: "Out", ...keyed("range_end", "The loop ends at the playhead"), "aria-label": "Loop to the playhead", onclick: () => host.setEdge("end_s") });
  const clear = make("button", "st-button", { type: "button", textContent: "Clear", ...keyed("loop_whole", "Loop the whole clip"), onclick: host.clearRange });
  const half = toggle("Half speed", "half_speed", "Picture and hits pass at half speed; each hit sounds as it always does", shuttle.toggleHalf);

  const pads = createPads({ press: host.press });
  const empty = make("p", "ins-empty", { textContent: "Each sound of the project gets a pad and a number key. There is none yet: find hits in a clip, or choose a material." });

  const connect = make("button", "st-button", { type: "button", textContent: "Connect MIDI", title: "Let the browser listen to your MIDI keyboard or drum pad", onclick: () => midi.connect() });
  const device = createSelect({ label: "MIDI device", onChoose: (/** @type {string} */ id) => midi.choose(id) });
  const learn = toggle("Learn notes", null, "Press a pad, then the note or drum pad that shall strike its sound", () => host.setLearning(!host.learning()));
  const midiWords = make("p", "st-perform-words", { role: "status" });
  const latencyView = createLatencyView(host);

  const element = make("div", "ins-panel st-perform", { role: "tabpanel", "aria-label": "Perform" },
    make("div", "st-perform-row", {}, record, mode.element, make("span", "st-label", { textContent: "Pre-roll" }), preroll.element),
    make("div", "st-perform-row", {}, loop, setIn, setOut, span, clear, make("span", "st-space"), half),
    words, empty, pads.element,
    make("div", "st-perform-row", {}, connect, device.element, learn, midiWords),
    latencyView.element);

  function showWords() {
    const { phase, left_s } = recording;
    const text = phase === "preroll" ? `Recording begins in ${left_s.toFixed(1)} s` : recording.words || (host.learning() ? "Press the pad of a sound, then its note" : MODE_HELP[host.settings().mode]);
    if (words.textContent !== text) words.textContent = text;
    words.setAttribute("aria-live", phase === "preroll" ? "off" : "polite");
  }

  function showRecording() {
    const { phase } = recording;
    const isOn = phase !== "off";
    press(record, isOn);
    record.classList.toggle("is-waiting", phase === "preroll");
    recordText.textContent = isOn ? "Stop" : "Record";
    const { mode: chosen, preroll_s } = host.settings();
    mode.set(chosen, () => !isOn);
    preroll.set(PREROLLS_S.map((s) => [String(s), s ? `${s} s` : "none"]), String(preroll_s));
    preroll.element.disabled = isOn;
    clearInterval(counting);
    if (phase === "preroll") counting = setInterval(showWords, COUNT_MS);
    showWords();
  }

  function showLoop() {
    const clip = store.view?.project?.clip;
    const { range } = player;
    press(loop, player.isLooping);
    press(half, shuttle.isHalf);
    clear.hidden = !range;
    span.textContent = range && clip ? `${formatTimecode(range.start_s, clip)} – ${formatTimecode(range.end_s, clip)}` : "the whole clip";
  }

  function showMidi() {
    const { state, devices } = midi;
    const said = describeMidi(state, devices.length);
    connect.hidden = state === "open" || state === "none" || state === "insecure";
    connect.disabled = state === "asking";
    device.element.hidden = learn.hidden = !devices.length;
    device.set([["", devices.length === 1 ? devices[0].name : `All ${devices.length} devices`], ...(devices.length === 1 ? [] : devices.map(({ id, name }) => /** @type {[string, string]} */ ([id, name])))], devices.length === 1 ? "" : midi.chosen);
    press(learn, host.learning());
    midiWords.hidden = !said;
    if (midiWords.textContent !== said) midiWords.textContent = said;
  }

  function show() {
    const hasSounds = Boolean(store.view?.project?.sounds.length);
    empty.hidden = hasSounds;
    pads.element.hidden = !hasSounds;
    showRecording();
    showLoop();
    showMidi();
    latencyView.show();
  }

  const scope = createScope();
  scope.add(store.on("range", showLoop));
  scope.add(store.on("pace", showLoop));
  scope.add(() => clearInterval(counting));
  return { element, pads, show, showRecording, showMidi, showLatency: latencyView.show, dispose: scope.dispose };
}
