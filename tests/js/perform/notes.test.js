// @ts-check
// MIDI messages, and which sound a note or a key strikes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assignNotes, keyNumber, keyText, learnNote, noteText, readNote } from "../../../ui/editor/perform/notes.js";
import { describeMidi } from "../../../ui/editor/perform/midi.js";

test("only a note that begins is played", () => {
  assert.deepEqual(readNote([0x90, 60, 100]), { note: 60, value: 100, channel: 1 });
  assert.deepEqual(readNote(new Uint8Array([0x99, 38, 1])), { note: 38, value: 1, channel: 10 });
  for (const other of [[0x90, 60, 0], [0x80, 60, 100], [0xb0, 64, 127], [0xf8], [0x90, 60], [], [0x90, 200, 5], [0x90, 5, 200]]) assert.equal(readNote(other), null);
  assert.equal(readNote(null), null);
});

test("notes have their names, with the A of 440 Hz in the fourth octave", () => {
  assert.deepEqual([36, 60, 61, 69, 0, 127].map(noteText), ["C2", "C4", "C♯4", "A4", "C-1", "G9"]);
});

test("each sound has a note, learnt or its own, and a learnt one moves", () => {
  const sounds = ["s1", "s2", "s3"];
  assert.deepEqual([...assignNotes(sounds, {})], [[36, "s1"], [37, "s2"], [38, "s3"]]);
  let learnt = learnNote({}, 37, "s1"); // a note that was another's
  assert.deepEqual([...assignNotes(sounds, learnt)], [[37, "s1"], [38, "s3"]]);
  learnt = learnNote(learnt, 50, "s2");
  learnt = learnNote(learnt, 51, "s2");
  assert.deepEqual(learnt, { 37: "s1", 51: "s2" });
  assert.deepEqual(learnNote(learnt, 37, "s3"), { 37: "s3", 51: "s2" });
  assert.deepEqual([...assignNotes(["s1"], { 51: "gone" })], [[36, "s1"]]);
});

test("the number keys strike sounds by their place on the keyboard", () => {
  assert.deepEqual(["Digit1", "Digit0", "Numpad3", "KeyA", "Digit"].map(keyNumber), [0, 9, 2, null, null]);
  assert.deepEqual([0, 9, 10].map(keyText), ["1", "0", ""]);
});

test("what there is to say about MIDI is said, and nothing once a device is there", () => {
  assert.equal(describeMidi("open", 1), "");
  for (const state of /** @type {const} */ (["unasked", "asking", "open", "refused", "none", "insecure"])) assert.match(describeMidi(state, 0), /\.$/);
});
