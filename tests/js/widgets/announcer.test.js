// @ts-check
// What a screen reader is told of the selection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeBands, describeModes } from "../../../ui/editor/sound/chosen.js";
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

test("one mode is told by its place in frequency and its values, several by their number", () => {
  const modes = { frequency_hz: [880, 440, 1000], power_db: [-20, -30, -40], decay_per_s: [6.9078, 6.9078, 6.9078], muted: [false, false, true] };
  assert.equal(describeModes(modes, new Set([1])), "Mode 1 of 3, 440.0 Hz, A4, \u221230.0 dB, T60 1.00 s");
  assert.match(describeModes(modes, new Set([2])), /^Mode 3 of 3, .*, muted$/);
  assert.equal(describeModes(modes, new Set([0, 2])), "2 of 3 modes selected");
  assert.equal(describeModes(modes, new Set()), "");
});

test("one noise band is told by its edges and its values, several by their number", () => {
  const part = { power_db: [-40, -50], decay_per_s: [6.9078, 6.9078] };
  assert.match(describeBands([20, 200, 2000], part, new Set([0])), /^Band 1 of 2, 20\u2013200 Hz, \u221240.0 dB, T60/);
  assert.equal(describeBands([20, 200, 2000], part, new Set([0, 1])), "2 of 2 bands chosen");
});

test("several are counted with their sounds, none is nothing", () => {
  assert.equal(describeSelection(project, new Set(["h1", "h2"])), "2 hits selected, Pan, Box");
  assert.equal(describeSelection(project, new Set()), "");
});
