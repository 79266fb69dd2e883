// @ts-check
// When a played hit was meant, and how latency is measured.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ageOf, lateness, measureTaps, meantTime, NO_LATENCY } from "../../../ui/editor/perform/timing.js";
import { keyVelocity, midiVelocity, padVelocity, shareOf, usualVelocity } from "../../../ui/editor/perform/strength.js";
import { randomNumbers } from "../random.js";
import { makeHit, makeProject } from "../state/project.js";

/**
 * @param {number} actual
 * @param {number} expected
 * @param {number} within
 */
const near = (actual, expected, within) => assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`);

test("latency is taken off in the wall clock, which half speed stretches over half as much of the clip", () => {
  const press = { now_s: 2, age_s: 0.02, late_s: 0.08 };
  near(meantTime({ ...press, speed: 1 }), 1.9, 1e-12);
  near(meantTime({ ...press, speed: 0.5 }), 1.95, 1e-12);
});

test("what the browser says of the output is counted already, and only a typed value corrects it", () => {
  const latency = { ...NO_LATENCY, keys_s: 0.03, midi_s: 0.005 };
  near(lateness(latency, "keys", 0.02), 0.03, 1e-12);
  near(lateness(latency, "midi", 0.02), 0.005, 1e-12);
  near(lateness({ ...latency, output_s: 0.2 }, "keys", 0.02), 0.21, 1e-12);
});

test("the age of an event is its time stamp's, unless that is of another clock", () => {
  near(ageOf(980, 1000), 0.02, 1e-12);
  assert.equal(ageOf(0, 50_000), 0);
  assert.equal(ageOf(1700000000000, 50_000), 0);
});

test("taps along with clicks tell how late a hand's presses are noted", () => {
  const random = randomNumbers(5);
  const clicks_s = Array.from({ length: 12 }, (_, k) => 10 + 0.6 * k);
  const jitter_s = clicks_s.map(() => 0.015 * random());
  const taps_s = clicks_s.map((click_s, k) => click_s + 0.047 + jitter_s[k]);
  const sorted = [...jitter_s].sort((a, b) => a - b);
  const measured = measureTaps(taps_s, clicks_s);
  near(measured?.late_s ?? NaN, 0.047 + (sorted[5] + sorted[6]) / 2, 1e-12);
  assert.equal(measured?.count, 12);
  assert.ok((measured?.spread_s ?? 1) < 0.02);

  const withBlunders = [...taps_s.slice(2), taps_s[4] + 0.1, 3.2]; // two missed, one click tapped twice, one tap far off
  near(measureTaps(withBlunders, clicks_s)?.late_s ?? NaN, 0.047, 0.015);
  assert.equal(measureTaps(withBlunders, clicks_s)?.count, 9);
  assert.equal(measureTaps(taps_s.slice(0, 5), clicks_s), null);
  near(measureTaps(clicks_s.map((s) => s - 0.02), clicks_s)?.late_s ?? NaN, -0.02, 1e-12);
});

test("a sound is played around the velocity of its hits that were found, whatever is played", () => {
  const hits = [-9, -3, -6].map((velocity_db, k) => ({ ...makeHit(`h${k}`, k), velocity_db }));
  const played = [12, 12, 12, 12].map((velocity_db, k) => ({ ...makeHit(`p${k}`, k), velocity_db, found_s: null }));
  const project = { ...makeProject(), hits: [...hits, ...played] };
  assert.equal(usualVelocity(project, "s1"), -6);
  assert.equal(usualVelocity(project, "another"), -6); // no hit of its own: as all
  assert.equal(usualVelocity({ ...project, hits: played }, "s1"), 0);
});

test("velocities of MIDI follow 40 log10, those of pads the height, and none leaves the range", () => {
  assert.equal(midiVelocity(100, -6), -6);
  near(midiVelocity(50, 0), -12.04, 0.01); // half the velocity: a quarter of the amplitude
  assert.ok(midiVelocity(127, 0) > 4 && midiVelocity(127, 0) < 4.2);
  assert.equal(midiVelocity(1, 0), -60);
  assert.equal(midiVelocity(127, 11), 12);
  assert.deepEqual([padVelocity(0, -2), padVelocity(1, -2), keyVelocity(false, -2), keyVelocity(true, -2)], [-26, 4, -2, 4]);
  for (const share of [0, 0.3, 1]) near(shareOf(padVelocity(share, -2), -2), share, 1e-12);
});
