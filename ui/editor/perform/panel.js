// @ts-check
// The Perform tab: recording, loop and speed, the pads, MIDI, and the latency that is taken off.

import { t } from "../texts/t.js";
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
const MODES = [["overdub", t("perform_panel.overdub")], ["replace", t("common.replace")]];
const MODE_HELP = {
  overdub: t("perform_panel.overdub_played_hits"),
  replace: t("perform_panel.replace_as_the"),
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

  const recordText = make("span", "", { textContent: t("perform_panel.record") });
  const record = make("button", "st-button st-record", { type: "button", ...keyed("record", t("perform_panel.record_what_is")), "aria-pressed": "false", onclick: recording.toggle }, make("i"), recordText);
  const mode = createSegments({ label: t("perform_panel.older_hits"), choices: MODES, onChoose: (value) => host.setSettings({ mode: value }) });
  mode.element.classList.add("st-segments");
  const preroll = createSelect({ label: t("perform_panel.pre_roll"), onChoose: (/** @type {string} */ value) => host.setSettings({ preroll_s: Number(value) }) });
  const words = make("p", "st-perform-words", { role: "status" });

  const loop = toggle(t("common.loop"), "loop", t("perform_panel.repeat_the_range"), player.toggleLoop);
  const span = make("span", "st-perform-range");
  const setIn = make("button", "st-button", { type: "button", textContent: t("perform_panel.in"), ...keyed("range_start", t("perform_panel.the_loop_begins")), "aria-label": t("perform_panel.loop_from_the"), onclick: () => host.setEdge("start_s") });
  const setOut = make("button", "st-button", { type: "button", textContent: t("perform_panel.out"), ...keyed("range_end", t("perform_panel.the_loop_ends")), "aria-label": t("perform_panel.loop_to_the"), onclick: () => host.setEdge("end_s") });
  const clear = make("button", "st-button", { type: "button", textContent: t("common.clear"), ...keyed("loop_whole", t("common.loop_the_whole")), onclick: host.clearRange });
  const half = toggle(t("perform_panel.half_speed"), "half_speed", t("perform_panel.picture_and_hits"), shuttle.toggleHalf);

  const pads = createPads({ press: host.press });
  const empty = make("p", "ins-empty", { textContent: t("perform_panel.each_sound_of") });

  const connect = make("button", "st-button", { type: "button", textContent: t("perform_panel.connect_midi"), title: t("perform_panel.let_the_browser"), onclick: () => midi.connect() });
  const device = createSelect({ label: t("common.midi_device"), onChoose: (/** @type {string} */ id) => midi.choose(id) });
  const learn = toggle(t("perform_panel.learn_notes"), null, t("perform_panel.press_a_pad"), () => host.setLearning(!host.learning()));
  const midiWords = make("p", "st-perform-words", { role: "status" });
  const latencyView = createLatencyView(host);

  const element = make("div", "ins-panel st-perform", { role: "tabpanel", "aria-label": t("common.perform") },
    make("div", "st-perform-row", {}, record, mode.element, make("span", "st-label", { textContent: t("perform_panel.pre_roll") }), preroll.element),
    make("div", "st-perform-row", {}, loop, setIn, setOut, span, clear, make("span", "st-space"), half),
    words, empty, pads.element,
    make("div", "st-perform-row", {}, connect, device.element, learn, midiWords),
    latencyView.element);

  function showWords() {
    const { phase, left_s } = recording;
    const text = phase === "preroll" ? t("perform_panel.recording_begins_in", { left_s: left_s.toFixed(1) }) : recording.words || (host.learning() ? t("perform_panel.press_the_pad") : MODE_HELP[host.settings().mode]);
    if (words.textContent !== text) words.textContent = text;
    words.setAttribute("aria-live", phase === "preroll" ? "off" : "polite");
  }

  function showRecording() {
    const { phase } = recording;
    const isOn = phase !== "off";
    press(record, isOn);
    record.classList.toggle("is-waiting", phase === "preroll");
    recordText.textContent = isOn ? t("common.stop") : t("perform_panel.record");
    const { mode: chosen, preroll_s } = host.settings();
    mode.set(chosen, () => !isOn);
    preroll.set(PREROLLS_S.map((s) => [String(s), s ? `${s} s` : t("perform_panel.no_pre_roll")]), String(preroll_s));
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
    span.textContent = range && clip ? `${formatTimecode(range.start_s, clip)} – ${formatTimecode(range.end_s, clip)}` : t("perform_panel.the_whole_clip");
  }

  function showMidi() {
    const { state, devices } = midi;
    const said = describeMidi(state, devices.length);
    connect.hidden = state === "open" || state === "none" || state === "insecure";
    connect.disabled = state === "asking";
    device.element.hidden = learn.hidden = !devices.length;
    device.set([["", devices.length === 1 ? devices[0].name : t("perform_panel.all_devices", { count: devices.length })], ...(devices.length === 1 ? [] : devices.map(({ id, name }) => /** @type {[string, string]} */ ([id, name])))], devices.length === 1 ? "" : midi.chosen);
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
