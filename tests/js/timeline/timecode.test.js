// @ts-check
// Timecode against SMPTE ST 12 by hand: drop-frame leaves out numbers 00 and 01 of every minute but each tenth.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatTimecode, frameRate, parseTime } from "../../../ui/editor/timeline/timecode.js";

const FILM = { frame_rate: "25", start_timecode: null };
const DROP = { frame_rate: "30000/1001", start_timecode: "01:00:00;00" };

test("a frame rate is a fraction", () => {
  assert.equal(frameRate("30000/1001"), 30000 / 1001);
  assert.equal(frameRate("25"), 25);
});

test("timecode counts frames from the clip's own start", () => {
  assert.equal(formatTimecode(0, FILM), "00:00:00:00");
  assert.equal(formatTimecode(3661.48, FILM), "01:01:01:12");
  assert.equal(formatTimecode(1, { frame_rate: "24", start_timecode: "10:00:00:23" }), "10:00:01:23");
});

test("drop-frame timecode leaves numbers out", () => {
  // Frame 1798 is one minute of wall clock at 29.97 Hz less a frame; frame 1800 is numbered 00:01:00;02.
  assert.equal(formatTimecode(60, DROP), "01:00:59;28");
  assert.equal(formatTimecode((1799.5 * 1001) / 30000, DROP), "01:00:59;29");
  assert.equal(formatTimecode((1800.5 * 1001) / 30000, DROP), "01:01:00;02");
  assert.equal(formatTimecode((17982.5 * 1001) / 30000, DROP), "01:10:00;00");
});

test("what is written is read back, to the frame", () => {
  for (const clip of [FILM, DROP]) {
    const rate = frameRate(clip.frame_rate);
    for (const frame of [0, 1, 1799, 1800, 17981, 17982, 107891]) {
      assert.equal(Math.round((parseTime(formatTimecode(frame / rate, clip), clip) ?? NaN) * rate), frame);
    }
  }
});

test("times are typed as seconds, milliseconds or minutes too", () => {
  assert.equal(parseTime("1.234 s", FILM), 1.234);
  assert.equal(parseTime("250 ms", FILM), 0.25);
  assert.equal(parseTime("1:02.5", FILM), 62.5);
  assert.equal(parseTime("soon", FILM), null);
});
