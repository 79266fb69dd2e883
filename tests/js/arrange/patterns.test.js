// @ts-check
// Patterns against the laws they follow, worked out here another way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { GAITS, SHOES } from "../../../ui/editor/arrange/footsteps.js";
import { describePlaced, placePattern } from "../../../ui/editor/arrange/pattern_sheet.js";
import { DEFAULTS, MOST_STRIKES, PATTERNS, makePattern } from "../../../ui/editor/arrange/patterns.js";

/** @import { PatternName, Strike } from "../../../ui/editor/arrange/patterns.js" */

const near = (/** @type {number} */ a, /** @type {number} */ b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);
const gaps = (/** @type {Strike[]} */ strikes) => strikes.slice(1).map(({ time_s }, k) => time_s - strikes[k].time_s);

test("a ball falls with gravity between its bounces", () => {
  const strikes = makePattern("bounce", { ...DEFAULTS, gap_s: 0.4, bounciness: 0.6 }, 0);
  let speed = (9.81 * 0.4) / 2; // with which it leaves the first bounce
  let time_s = 0;
  for (const strike of strikes.slice(1)) {
    time_s += (2 * speed) / 9.81;
    near(strike.time_s, time_s, 1e-9);
    near(strike.velocity_db, 20 * Math.log10(speed / ((9.81 * 0.4) / 2 / 0.6)), 1e-9); // against the speed of the first blow
    speed *= 0.6;
  }
  assert.ok(strikes.length > 5);
  assert.ok(Math.min(...gaps(strikes)) >= 0.012);
  assert.ok(strikes[strikes.length - 1].time_s < 0.4 / (1 - 0.6)); // the sum of all flights
});

test("a tight roll is even, and swells evenly in decibels", () => {
  const strikes = makePattern("roll", { ...DEFAULTS, length_s: 2, rate_hz: 10, swell_db: 12, looseness: 0 }, 3);
  assert.equal(strikes.length, 21);
  for (const gap of gaps(strikes)) near(gap, 0.1);
  near(strikes[10].velocity_db, 6);
  near(strikes[20].velocity_db, 12);
});

test("a coin turns faster and faster, as its inclination says", () => {
  const [length_s, rate_hz] = [3, 5];
  const strikes = makePattern("coin", { ...DEFAULTS, length_s, rate_hz }, 0);
  // The number of turns up to a time, integrated in small steps.
  /** @type {number[]} */
  const counted = [];
  for (let t = 0, turns = 0, dt = 1e-5; counted.length < strikes.length && t < length_s; t += dt) {
    if (turns >= counted.length) counted.push(t);
    turns += rate_hz * (1 - t / length_s) ** (-1 / 3) * dt;
  }
  strikes.forEach(({ time_s }, k) => near(time_s, counted[k], 1e-3));
  const between = gaps(strikes);
  between.slice(1).forEach((gap, k) => assert.ok(gap < between[k]));
  strikes.slice(1).forEach(({ velocity_db }, k) => assert.ok(velocity_db < strikes[k].velocity_db));
});

test("a ratchet's rate changes evenly from one value to the other", () => {
  for (const [rate_hz, end_rate_hz] of [[20, 4], [4, 20], [10, 10]]) {
    const strikes = makePattern("ratchet", { ...DEFAULTS, length_s: 2, rate_hz, end_rate_hz, looseness: 0 }, 0);
    strikes.forEach(({ time_s }, k) => near(rate_hz * time_s + ((end_rate_hz - rate_hz) * time_s * time_s) / 4, k, 1e-6));
    assert.equal(strikes.length, rate_hz + end_rate_hz + 1); // the mean rate times two seconds
  }
});

test("debris thins out as its rate does, over many draws", () => {
  let [early, late] = [0, 0];
  for (let seed = 0; seed < 300; seed++) {
    for (const { time_s } of makePattern("debris", { ...DEFAULTS, length_s: 2, rate_hz: 20 }, seed).slice(1)) time_s < 1 ? early++ : late++;
  }
  const fall = Math.log(20) / 2;
  const wanted = (20 / fall) * (1 - Math.exp(-fall));
  near(early / 300, wanted, 0.06 * wanted);
  near(early / late, Math.sqrt(20), 0.4); // the rate falls by a factor of 20 over both halves
});

const EVEN = { ...DEFAULTS, unevenness: 0, sides: 0 };

test("an even walk keeps its tempo, heel before ball, left and right alike", () => {
  const strikes = makePattern("steps", { ...EVEN, tempo: 120, steps: 6, roll: 0.2 }, 1);
  assert.deepEqual(strikes.map(({ part }) => part), Array.from({ length: 6 }, () => ["heel", "ball"]).flat());
  strikes.forEach(({ time_s }, k) => near(time_s, Math.floor(k / 2) * 0.5 + (k % 2 ? 0.1 : 0)));
  for (const part of ["heel", "ball"]) assert.equal(new Set(strikes.filter((strike) => strike.part === part).map((strike) => JSON.stringify({ ...strike, time_s: 0, step: 0 }))).size, 1);
});

test("feet differ to the left and to the right of their mean, in turn", () => {
  const heels = makePattern("steps", { ...EVEN, sides: 1, steps: 4 }, 1).filter(({ part }) => part === "heel");
  const pans = heels.map(({ pan = 0 }) => pan);
  assert.ok(pans[0] < 0 && pans[0] === pans[2] && pans[1] === -pans[0] && pans[3] === pans[1]);
  near(20 * Math.log10(1.15), Math.abs(heels[1].velocity_db - heels[0].velocity_db), 0.1); // an asymmetry of 15 % at most
});

test("unevenness is the standard deviation of the steps' period, over many steps", () => {
  const heels = makePattern("steps", { ...DEFAULTS, tempo: 60, steps: 200, unevenness: 0.05 }, 4).filter(({ part }) => part === "heel");
  const periods = gaps(heels);
  const mean = periods.reduce((sum, gap) => sum + gap) / periods.length;
  near(mean, 1, 0.02);
  near(Math.sqrt(periods.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / periods.length), 0.05, 0.01);
});

test("gaits and shoes order level, speed and dullness as bodies and soles do", () => {
  /** @param {Partial<typeof DEFAULTS>} values */
  const step = (values) => makePattern("steps", { ...EVEN, steps: 1, ...values }, 0);
  const loudest = (/** @type {keyof typeof GAITS} */ gait) => Math.max(GAITS[gait].heel_db, GAITS[gait].ball_db);
  // Peak forces in body weights: a walk 1.15, stairs down 1.6, a run 2 to 2.9.
  near(loudest("down") - loudest("walk"), 20 * Math.log10(1.6 / 1.15), 0.5);
  near(loudest("run") - loudest("walk"), 20 * Math.log10(2.45 / 1.15), 1.5);
  assert.ok(loudest("sneak") < loudest("walk") - 12);
  for (const gait of /** @type {const} */ (["up", "down", "sneak"])) assert.equal(step({ gait })[0].part, "ball"); // on stairs the ball lands first
  // A softer heel has a lower speed, so that it is duller, and a level that is given back in part.
  const heels = (/** @type {const} */ (["barefoot", "sneaker", "boot", "hard"])).map((shoe) => step({ shoe })[0]);
  heels.slice(1).forEach((heel, k) => {
    assert.ok(heel.velocity_db > heels[k].velocity_db);
    assert.ok((heel.decay_ratio ?? 1) <= (heels[k].decay_ratio ?? 1));
  });
  assert.ok(heels[0].velocity_db + (heels[0].gain_db ?? 0) < heels[3].velocity_db + (heels[3].gain_db ?? 0));
  assert.equal(Object.keys(GAITS).length * Object.keys(SHOES).length, 20);
});

test("steps are placed as pairs; a hit that is the start is the first contact as it is", () => {
  const project = /** @type {any} */ ({ clip: { duration_s: 60 } });
  const strikes = makePattern("steps", { ...EVEN, steps: 3, tempo: 60 }, 0);
  const fresh = placePattern(project, strikes, [{ time_s: 1, sound_id: "s1" }, { time_s: 30, sound_id: "s1" }], false).hits;
  assert.equal(fresh.length, 12);
  assert.equal(new Set(fresh.map(({ group }) => group)).size, 6);
  fresh.forEach(({ group, time_s }, k) => assert.ok(k % 2 === 0 || (group === fresh[k - 1].group && time_s - fresh[k - 1].time_s < 0.5)));
  const start = { time_s: 1, sound_id: "s1", velocity_db: -10, gain_db: 3, pan: 0.2, residual_db: -6, decay_ratio: 2 };
  const { hits } = placePattern(project, strikes, [start], true);
  assert.equal(hits.length, 5);
  assert.deepEqual({ ...hits[1], time_s: 0, group: "", name: "" }, { time_s: 0, sound_id: "s1", velocity_db: -10, gain_db: 3, pan: 0.2, residual_db: -6, decay_ratio: 2, pitch_cents: 0, group: "", name: "" });
  assert.ok(!hits[0].group && hits[1].group === hits[2].group);
});

test("every pattern begins at the hit it starts from, rises in time, stays in bounds and repeats by its seed", () => {
  for (const name of /** @type {PatternName[]} */ (Object.keys(PATTERNS))) {
    for (const values of [DEFAULTS, { ...DEFAULTS, gap_s: 4, bounciness: 0.98, length_s: 30, rate_hz: 60, end_rate_hz: 60, swell_db: -24, looseness: 1 }, { ...DEFAULTS, gap_s: 0.02, length_s: 0.05, rate_hz: 1, end_rate_hz: 1 }]) {
      const strikes = makePattern(name, values, 7);
      if (name === "steps") assert.equal(strikes[0].time_s, 0);
      else assert.deepEqual(strikes[0], { time_s: 0, velocity_db: 0, pitch_cents: 0 }, name);
      assert.ok(strikes.length <= MOST_STRIKES && gaps(strikes).every((gap) => gap >= 0), name);
      assert.ok(strikes.every((strike) => Object.values({ ...strike, part: 0 }).every(Number.isFinite)), name);
      assert.deepEqual(makePattern(name, values, 7), strikes);
    }
  }
  assert.notDeepEqual(makePattern("debris", DEFAULTS, 1), makePattern("debris", DEFAULTS, 2));
});

test("why a pattern makes no hits is said: nothing fits before the end, or it has one blow alone", () => {
  const project = /** @type {any} */ ({ clip: { duration_s: 60 } });
  const at = (/** @type {number} */ time_s, /** @type {number} */ length_s) => describePlaced(placePattern(project, makePattern("roll", { ...DEFAULTS, length_s, rate_hz: 10, looseness: 0 }, 0), [{ time_s }], true));
  assert.equal(at(1, 0.3), "Make 3 hits");
  assert.equal(at(60, 0.3), "Nothing fits before the end");
  assert.equal(at(1, 0.05), "Too short for a second blow");
});
