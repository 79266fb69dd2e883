// @ts-check
// Quantities as they are written and as they are typed; expected values are computed by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { centsOff, formatDb, formatHz, formatPan, formatSeconds, noteName, parseDb, parseHz, parsePan, parsePlain, parseSeconds } from "../../../ui/editor/widgets/format.js";

/**
 * @param {number | null} actual
 * @param {number} expected
 * @param {number} tolerance
 */
function assertNear(actual, expected, tolerance) {
  assert.ok(actual !== null && Math.abs(actual - expected) < tolerance, `${actual} is not ${expected}`);
}

test("frequencies are typed in Hz, kHz or as notes with cents", () => {
  assert.equal(parseHz("1184 Hz"), 1184);
  assert.equal(parseHz("1.2 kHz"), 1200);
  assert.equal(parseHz("1184.2 Hz · D6"), 1184.2);
  assert.equal(parseHz("A4"), 440);
  assertNear(parseHz("D6"), 1174.659, 0.001);
  assertNear(parseHz("Bb2"), 116.541, 0.001);
  assertNear(parseHz("A4 +50"), 440 * 2 ** (1 / 24), 1e-9);
  for (const text of ["nothing", "-3 Hz", "0", "3 dB", ""]) assert.equal(parseHz(text), null, text);
});

test("levels are typed with a hyphen or a minus sign", () => {
  assert.equal(parseDb("\u221214.6 dB"), -14.6);
  assert.equal(parseDb("-3"), -3);
  assert.equal(parseDb("0,5 dB"), 0.5);
  assert.equal(parseDb("3 Hz"), null);
});

test("durations are typed in seconds or milliseconds", () => {
  assert.equal(parseSeconds("0.82 s"), 0.82);
  assert.equal(parseSeconds("820 ms"), 0.82);
  assertNear(parseSeconds("T60 45 ms"), 0.045, 1e-12);
  assert.equal(parseSeconds("-1 s"), null);
});

test("pan is typed by side, as a share or in percent", () => {
  assert.equal(parsePan("L 35"), -0.35);
  assert.equal(parsePan("R35"), 0.35);
  assert.equal(parsePan("centre"), 0);
  assert.equal(parsePan("0.5"), 0.5);
  assert.equal(parsePan("-20%"), -0.2);
  assert.equal(parsePan("R 400"), 1);
  assert.equal(parsePan("up"), null);
});

test("plain numbers take only the units that are named", () => {
  assert.equal(parsePlain("12 steps", ["steps"]), 12);
  assert.equal(parsePlain("12 steps"), null);
});

test("quantities are written with their units and a minus sign", () => {
  assert.equal(formatHz(1184.23), "1184.2 Hz");
  assert.equal(formatHz(12345.6), "12346 Hz");
  assert.equal(formatDb(-14.62), "\u221214.6 dB");
  assert.equal(formatDb(1.5, true), "+1.5 dB");
  assert.equal(formatDb(-0.01), "0.0 dB");
  assert.equal(formatSeconds(0.0451), "45 ms");
  assert.equal(formatSeconds(0.0045), "4.5 ms");
  assert.equal(formatSeconds(0.82), "0.82 s");
  assert.equal(formatSeconds(Infinity), "∞");
  assert.deepEqual([-0.35, 0, 0.35].map(formatPan), ["L 35", "centre", "R 35"]);
});

test("notes are those of equal temperament at 440 Hz", () => {
  assert.equal(noteName(1184), "D6");
  assert.equal(noteName(440), "A4");
  assert.equal(noteName(261.63), "C4");
  assert.equal(centsOff(440 * 2 ** (17 / 1200)), 17);
  assert.equal(centsOff(440 * 2 ** (-30 / 1200)), -30);
});
