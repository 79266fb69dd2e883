// @ts-check
// Each predicted edit makes of the document what the server makes of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { predict } from "../../../ui/editor/state/predict.js";
import { makeProject } from "./project.js";

const project = makeProject();

test("hits move together, as far as the clip's ends allow", () => {
  const times = (/** @type {number} */ delta_s) => predict(project, { kind: "move_hits", ids: ["h1", "h3"], delta_s }).hits.map((hit) => hit.time_s);
  assert.deepEqual(times(0.25), [1.25, 2, 3.75]);
  assert.deepEqual(times(2), [1.5, 2, 4]);
  assert.deepEqual(times(-9), [0, 2, 2.5]);
});

test("values are given to all hits alike, or to each its own; what is not named stays", () => {
  const alike = predict(project, { kind: "set_hits", ids: ["h1", "h2"], values: { mute: true, pitch_cents: 50 } });
  assert.deepEqual(alike.hits.map((hit) => [hit.mute, hit.offsets.pitch_cents, hit.offsets.decay_ratio]), [[true, 50, 1], [true, 50, 1], [false, 0, 1]]);
  const own = predict(project, { kind: "set_each_hit", values: { h1: { velocity_db: -3 }, h3: { velocity_db: -9 }, gone: { velocity_db: 0 } } });
  assert.deepEqual(own.hits.map((hit) => hit.velocity_db), [-3, -6, -9]);
  assert.equal(own.hits[1], project.hits[1]);
});

test("hits are deleted", () => {
  assert.deepEqual(predict(project, { kind: "delete_hits", ids: ["h2", "gone"] }).hits.map((hit) => hit.id), ["h1", "h3"]);
  const closed = predict(project, { kind: "delete_hits", ids: ["h1"], ripple: true }).hits; // at 1, 2 and 3.5 s
  assert.deepEqual(closed.map((hit) => [hit.id, hit.time_s]), [["h2", 1], ["h3", 2.5]]);
});

test("modes and noise bands are set by index; an index beyond the end is left out", () => {
  const modes = predict(project, { kind: "set_modes", sound_id: "s1", indices: [1, 7], frequency_hz: [1100, 5], power_db: null }).sounds[0].modes;
  assert.deepEqual([modes.frequency_hz, modes.power_db, modes.decay_per_s], [[440, 1100], [-20, -30], [4, 8]]);
  const strike = predict(project, { kind: "set_residual", sound_id: "s1", component: "strike", indices: [0], power_db: [-33] }).sounds[0].residual;
  assert.deepEqual([strike?.power_db, strike?.tail?.power_db], [[-33, -50], [-60, -70]]);
  const tail = predict(project, { kind: "set_residual", sound_id: "s1", component: "tail", indices: [1], decay_per_s: [9] }).sounds[0].residual;
  assert.deepEqual([tail?.decay_per_s, tail?.tail?.decay_per_s], [[10, 20], [3, 9]]);
  const room = predict(project, { kind: "set_residual", sound_id: "s1", component: "room", indices: [0], power_db: [-9] });
  assert.equal(room.sounds[0], project.sounds[0]); // there is no room to change
});

test("macros, mix and threshold are set; the document itself is never changed", () => {
  const before = structuredClone(project);
  assert.deepEqual(predict(project, { kind: "set_macros", sound_id: "s1", values: { mass: 0.5 } }).sounds[0].macros, { ...before.sounds[0].macros, mass: 0.5, keep_loudness: true });
  const { detail, detail_seed } = predict(project, { kind: "set_detail", sound_id: "s1", detail: 0 }).sounds[0];
  assert.deepEqual([detail, detail_seed], [0, 0]);
  assert.deepEqual(predict(project, { kind: "set_mix", gain_db: -3 }).mix, { gain_db: -3, clip_gain_db: -6, width: 0, limit: false });
  assert.equal(predict(project, { kind: "set_threshold", threshold: 0.2 }).detection.threshold, 0.2);
  assert.equal(predict(project, { kind: "rename_sound", sound_id: "s1", name: "Bowl" }), project);
  assert.deepEqual(project, before);
});

test("markers move, are renamed and go", () => {
  const marked = { ...project, markers: [{ id: "m1", time_s: 1, name: "lid" }, { id: "m2", time_s: 2, name: "cup" }] };
  assert.deepEqual(predict(marked, { kind: "set_marker", marker_id: "m2", time_s: 3 }).markers[1], { id: "m2", time_s: 3, name: "cup" });
  assert.deepEqual(predict(marked, { kind: "delete_marker", marker_id: "m1" }).markers, [marked.markers[1]]);
});
