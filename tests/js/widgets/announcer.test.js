// @ts-check
// What a screen reader is told of the selection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSelection } from "../../../ui/editor/widgets/announcer.js";

/** @type {any} */
const project = {
  clip: { frame_rate: "25", duration_s: 10, start_timecode: null },
  sounds: [{ id: "s1", name: "Pan" }, { id: "s2", name: "Box" }],
  hits: [
    { id: "h1", time_s: 2, sound_id: "s1", velocity_db: -3, mute: false },
    { id: "h2", time_s: 1, sound_id: "s2", velocity_db: 0, mute: true },
  ],
};

test("one hit is told by its number in time, its sound, its time and its velocity", () => {
  assert.equal(describeSelection(project, new Set(["h1"])), "Hit 2 of 2, Pan, 00:00:02:00, velocity \u22123.0 dB");
  assert.match(describeSelection(project, new Set(["h2"])), /^Hit 1 of 2, Box, .*, muted$/);
});

test("several are counted with their sounds, none is nothing", () => {
  assert.equal(describeSelection(project, new Set(["h1", "h2"])), "2 hits selected, Pan, Box");
  assert.equal(describeSelection(project, new Set()), "");
});
