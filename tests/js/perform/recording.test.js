// @ts-check
// A recording with a store and a player of its own: what it does to the document, and to no other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecording } from "../../../ui/editor/perform/recording.js";
import { makeProject } from "../state/project.js";

function start({ preroll_s = 0 } = {}) {
  /** @type {Map<string, (data: any) => void>} */
  const listeners = new Map();
  /** @type {any[]} */
  const edits = [];
  let follow = () => {};
  /** @type {any} */
  const store = {
    view: { project: makeProject() }, status: { phase: "idle" },
    on: (/** @type {string} */ name, /** @type {(data: any) => void} */ react) => (listeners.set(name, react), () => {}),
    watch: (/** @type {unknown} */ _of, /** @type {() => void} */ react) => ((follow = react), () => {}),
    edit: (/** @type {unknown} */ edit) => edits.push(edit),
  };
  /** @type {any} */
  const player = { playing: true, time_s: 0 };
  /** @type {any} */
  const audio = { resume: () => Promise.resolve(), hush() {}, wasPlayed() {}, now_s: () => player.time_s };
  const recording = createRecording({ store, audio, player, settings: () => ({ mode: "replace", preroll_s }), changed() {} });
  return { store, player, audio, recording, edits, tell: (/** @type {string} */ name, /** @type {any} */ data) => listeners.get(name)?.(data), follow: () => follow() };
}

test("a take that replaces leaves the hits of a clip that comes up meanwhile", () => {
  const { store, player, recording, edits, tell, follow } = start();
  const [hit] = store.view.project.hits;
  recording.toggle();
  recording.strike({ time_s: 0.01, sound_id: hit.sound_id, velocity_db: 0 });
  assert.deepEqual(edits.map(({ kind }) => kind), ["play_hit"]);
  const other = makeProject();
  other.clip.digest = "another";
  store.view = { project: other };
  player.time_s = 100;
  player.playing = false;
  tell("playing", false);
  follow();
  assert.deepEqual([edits.length, recording.phase], [1, "off"]);
});

test("a take that replaces takes away what the playhead passed, where the clip is the same", () => {
  const { store, player, recording, edits, tell } = start();
  const [hit] = store.view.project.hits;
  recording.toggle();
  recording.strike({ time_s: 0.01, sound_id: hit.sound_id, velocity_db: 0 });
  player.time_s = 100;
  tell("playing", false);
  assert.deepEqual(edits.map(({ kind }) => kind), ["play_hit", "delete_hits"]);
});

test("the count before the picture begins once the audio is awake, and is given up where the take ends before", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { player, recording, audio } = start({ preroll_s: 2 });
  /** @type {() => void} */
  let wake = () => {};
  let clicks = 0;
  let plays = 0;
  Object.assign(audio, { resume: () => new Promise((done) => { wake = () => done(undefined); }), live: { click: () => (clicks++, { stop() {} }) } });
  Object.assign(player, { playing: false, seek() {}, play: () => plays++ });
  const settled = () => new Promise((done) => setImmediate(done));
  recording.toggle();
  recording.toggle();
  wake();
  await settled();
  assert.deepEqual([recording.phase, clicks], ["off", 0]);
  recording.toggle();
  await settled();
  assert.equal(clicks, 0, "a clock that stands would hold them back");
  wake();
  await settled();
  assert.deepEqual([clicks, plays], [2, 0]);
  context.mock.timers.tick(2000);
  assert.equal(plays, 1);
  recording.toggle();
  recording.toggle();
  wake();
  await settled();
  recording.giveUpCount();
  context.mock.timers.tick(2000);
  assert.deepEqual([recording.phase, plays], ["off", 1]);
});
