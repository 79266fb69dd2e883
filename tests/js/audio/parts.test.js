// @ts-check
// What a hit of a sound with parts strikes before it is sampled: the engine's law, by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { holds, leadOf, listStrikes, sumStrikes } from "../../../ui/editor/audio/parts.js";
import { placeInMix } from "../../../ui/editor/audio/strip.js";
import { predict } from "../../../ui/editor/state/predict.js";
import { makeProject } from "../state/project.js";

const [bell] = makeProject().sounds;
const silent = { ...bell, modes: { frequency_hz: [], power_db: [], decay_per_s: [], phase_rad: [], muted: [] }, residual: { ...bell.residual, edges_hz: [], power_db: [], decay_per_s: [], tail: null } };
/**
 * @param {string} id
 * @param {string} sound_id
 */
const part = (id, sound_id, offset_s = 0, gain_db = 0, mute = false) => ({ id, sound_id, offset_s, gain_db, mute });
const inner = { ...bell, id: "s2", parts: [part("p1", "s1", 0.02, -6)] };
const outer = { ...silent, id: "s3", parts: [part("p1", "s2", 0.5, -3), part("p2", "s1", 0, 0, true)] };
const sounds = [bell, inner, outer];

test("parts of parts add their offsets and levels; what is muted or has no physics is left out", () => {
  const told = listStrikes(sounds, outer).map(({ sound, offset_s, gain_db }) => [sound.id, offset_s, gain_db]);
  assert.deepEqual(told, [["s2", 0.5, -3], ["s1", 0.52, -9]]);
  assert.deepEqual(listStrikes(sounds, bell), [{ sound: bell, offset_s: 0, gain_db: 0 }]);
});

test("no sound holds itself", () => {
  assert.deepEqual(sounds.map((one) => holds(sounds, one, "s1")), [true, true, true]);
  assert.deepEqual(sounds.map((one) => holds(sounds, one, "s3")), [false, false, true]);
});

test("strikes are summed at whole samples", () => {
  const strikes = [{ sound: bell, offset_s: 0, gain_db: 0 }, { sound: bell, offset_s: 2 / 48000, gain_db: 20 * Math.log10(2) }];
  assert.deepEqual([...sumStrikes(strikes, [Float32Array.of(1, 1, 1), Float32Array.of(1, 3)])], [1, 1, 3, 6]);
});

test("what is struck before the hit comes first, and the hit after the lead", () => {
  const strikes = [{ sound: bell, offset_s: 0, gain_db: 0 }, { sound: bell, offset_s: -2 / 48000, gain_db: 0 }];
  assert.equal(leadOf(strikes), 2);
  assert.deepEqual([...sumStrikes(strikes, [Float32Array.of(1, 1), Float32Array.of(5, 6, 7)])], [5, 6, 8, 1]);
  assert.equal(leadOf([{ ...strikes[0], offset_s: 0.5 }]), 0);
});

test("a sound has a room where a part of it has one", () => {
  const roomy = { ...bell, id: "s4", residual: { ...bell.residual, room: { power_db: [-60, -60], decay_per_s: [4, 4] } } };
  const far = { gain_db: 0, pan: 0, distance_m: 3 };
  const joined = { ...silent, id: "s5", parts: [part("p1", "s4")] };
  assert.equal(placeInMix(joined, far, [bell]).room_db, -Infinity);
  assert.ok(Math.abs(placeInMix(joined, far, [roomy]).room_db - 10 * Math.log10(1 - 1 / 16)) < 1e-9);
});

test("a part that is moved or removed is shown at once", () => {
  const project = { ...makeProject(), sounds };
  const moved = predict(project, { kind: "set_part", sound_id: "s3", part_id: "p1", values: { offset_s: 0.25 } });
  assert.deepEqual(moved.sounds[2].parts[0], part("p1", "s2", 0.25, -3));
  assert.deepEqual(predict(project, { kind: "delete_parts", sound_id: "s3", part_ids: ["p1"] }).sounds[2].parts.map(({ id }) => id), ["p2"]);
});
