// @ts-check
// Copies of hits keep what a person set, lie where they are put, and are read back from the clipboard.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { copyHits, duplicateShift, placeCopies, readCopies, withLater, writeCopies } from "../../../ui/editor/arrange/copies.js";
import { placePattern, startOf } from "../../../ui/editor/arrange/pattern_sheet.js";
import { parseInterval } from "../../../ui/editor/arrange/quantize.js";
import { predict } from "../../../ui/editor/state/predict.js";
import { makeProject } from "../state/project.js";

const project = makeProject();

test("copies lie at the playhead, in their rhythm; those past the end are left out", () => {
  const copies = copyHits(project, new Set(["h3", "h1"])); // at 1 s and 3.5 s of 4 s
  assert.deepEqual(copies.map(({ time_s }) => time_s), [1, 3.5]);
  const { edit, left } = placeCopies(project, copies, 0.25, "paste");
  assert.deepEqual([edit.kind, edit.how, left], ["add_hits", "paste", 0]);
  assert.deepEqual(edit.hits.map(({ time_s, sound_id, velocity_db, decay_ratio }) => [time_s, sound_id, velocity_db, decay_ratio]), [[0.25, "s1", -6, 1], [2.75, "s1", -6, 1]]);
  assert.ok(edit.hits.every((hit) => !("sound_name" in hit) && !("seed" in hit)));
  const late = placeCopies(project, copies, 2, "paste");
  assert.deepEqual([late.edit.hits.map(({ time_s }) => time_s), late.left], [[2], 1]);
});

/** A value of each field that a hit can be given but the seed, none as in a new hit. */
const OWN = {
  time_s: 1.25, velocity_db: -3, gain_db: 2, pan: 0.5, mute: true, sound_id: "s2", name: "lid", group: "lids", stroke: { length_s: 1, speeds: [0, 1], top_speed_m_per_s: 0.5, grain_mm: 2 },
  pitch_cents: 100, decay_ratio: 2, residual_db: -6, distance_m: 20,
};

test("a copy has all values of a hit but its seed, and the blows of a pattern all but what is of that hit alone", () => {
  const protocol = readFileSync(join(import.meta.dirname, "../../../ui/editor/state/protocol.d.ts"), "utf8");
  const [, fields] = /interface HitValues \{([^}]*)\}/.exec(protocol) ?? [];
  assert.deepEqual(["seed", ...Object.keys(OWN)].sort(), [...fields.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name).sort());
  const changed = predict({ ...project, sounds: [...project.sounds, { ...project.sounds[0], id: "s2", name: "Door" }] }, { kind: "set_hits", ids: ["h1"], values: { ...OWN, seed: 7 } });
  assert.deepEqual(placeCopies(changed, copyHits(changed, new Set(["h1"])), 1.25, "duplicate").edit.hits, [OWN]);
  const [blow] = placePattern(changed, [0, 0.5].map((time_s) => ({ time_s, velocity_db: 0, pitch_cents: 0 })), [startOf(changed.hits[0])], true).hits;
  assert.deepEqual(blow, { ...OWN, time_s: 1.75, mute: false, name: "", group: "", stroke: null });
});

test("in another project a sound is found by its name", () => {
  const [copy] = copyHits(project, new Set(["h1"]));
  const other = makeProject();
  other.sounds = [{ ...other.sounds[0], id: "s1", name: "Door" }, { ...other.sounds[0], id: "s2", name: "Bell" }];
  assert.equal(placeCopies(other, [copy], 0, "paste").edit.hits[0].sound_id, "s2");
  other.sounds.pop();
  assert.equal(placeCopies(other, [copy], 0, "paste").edit.hits[0].sound_id, "s1"); // renamed since it was copied
  other.clip = { ...other.clip, digest: "another" };
  const placed = placeCopies(other, [copy], 0, "paste"); // an equal id means nothing there
  assert.equal(placed.edit.hits[0].sound_id, null); // the server takes the nearest hit's
  assert.deepEqual(placed.missing, ["Bell"]);
  assert.ok(!("digest" in placed.edit.hits[0]) && !("sound_name" in placed.edit.hits[0]));
});

test("the clipboard gives copies back, and nothing for another program's text", () => {
  const copies = copyHits(project, new Set(["h1", "h2"]));
  const { own, text } = writeCopies(copies, project);
  assert.deepEqual(readCopies(own), copies);
  assert.deepEqual(text.split("\n").map((line) => line.split("\t").slice(0, 2)), [["timecode", "time_s"], ["00:00:01:00", "1.000000"], ["00:00:02:00", "2.000000"]]);
  for (const other of ["", text, "[]", "{}", "[{\"time_s\": null, \"sound_name\": \"x\"}]", "[1]"]) assert.equal(readCopies(other), null);
});

test("duplicates go on in the rhythm of what is chosen", () => {
  assert.equal(duplicateShift([{ time_s: 1 }]), 0.5);
  assert.equal(duplicateShift([{ time_s: 1 }, { time_s: 2 }, { time_s: 3 }]), 3); // the next beat after 3 is 4
});

test("ripple takes along what is not earlier than the first chosen hit", () => {
  assert.deepEqual(withLater(project.hits, new Set(["h2"])).map(({ id }) => id), ["h2", "h3"]);
  assert.deepEqual(withLater(project.hits, new Set(["h3", "h1"])).map(({ id }) => id), ["h1", "h2", "h3"]);
});

test("a grid is told as beats, seconds or frames", () => {
  const { clip } = project; // 25 frames a second
  assert.deepEqual(["120 bpm", "120bpm / 4", "90,5 BPM", "250 ms", "12 f", "1.5"].map((text) => parseInterval(text, clip)), [0.5, 0.125, 60 / 90.5, 0.25, 0.48, 1.5]);
  for (const text of ["", "0", "-1 s", "0 bpm", "fast", "2 h", "120 bpm / 0"]) assert.equal(parseInterval(text, clip), null);
});
