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

test("frames, samples and clock time count from the first frame", () => {
  assert.equal(parseTime("87 f", FILM), 3.48);
  assert.ok(Math.abs((parseTime("87 frames", DROP) ?? NaN) - (87 * 1001) / 30000) < 1e-12);
  assert.equal(parseTime("48000 smp", FILM), 1);
  assert.equal(parseTime("1:01:02.5", FILM), 3662.5);
  assert.equal(parseTime("0,5", FILM), 0.5);
});

test("a sign counts from where one is", () => {
  assert.equal(parseTime("+3 f", FILM, 1), 1.12);
  assert.equal(parseTime("\u221210 ms", FILM, 1), 0.99);
  assert.equal(parseTime("+00:00:01:05", FILM, 1), 2.2);
  assert.equal(parseTime("-0:01.5", FILM, 4), 2.5);
  assert.equal(parseTime("+1 s", FILM), 1); // from the first frame
  assert.equal(parseTime("-1 s", FILM), null);
});

test("timecode goes on over midnight, and says nothing where it is none", () => {
  const late = { frame_rate: "25", start_timecode: "23:59:50:00" };
  assert.equal(parseTime("00:00:05:00", late), 15);
  for (const [frame_rate, start_timecode] of [["30000/1001", "23:59:57;02"], ["60000/1001", "23:59:57;02"], ["30000/1001", "23:59:57:02"], ["24000/1001", "23:59:57:00"], ["60", "23:59:57:02"]]) {
    const clip = { frame_rate, start_timecode };
    for (const frame of [0, 1, 80, 103, 200, 1000]) {
      const time_s = frame / frameRate(frame_rate);
      const typed = parseTime(formatTimecode(time_s, clip), clip) ?? NaN; // what the field shows is what it takes
      assert.ok(Math.abs(typed - time_s) < 1e-9, `${start_timecode} at ${frame_rate}, frame ${frame}`);
    }
  }
  assert.equal(parseTime("01:00:00:00", DROP), 0); // drop-frame, as the clip's is
  for (const text of ["01:01:00;00", "01:01:00;01", "01:00:00;30", "01:60:00;00", "1:2:3:4:5", "", "3 h", "1;2"]) assert.equal(parseTime(text, DROP), null, text);
  assert.equal(parseTime("01:10:00;00", DROP), (17982 * 1001) / 30000); // a tenth minute leaves nothing out
});
