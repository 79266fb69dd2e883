// @ts-check
// Macros in the page against what the engine computes (data/macros.json), and the inverse against the forward direction.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { applyMacros, heard, isNeutral, MACRO_NAMES, NEUTRAL, ownValues, turnMacros } from "../../../ui/editor/audio/macros.js";

/** @import { Macros, Physics } from "../../../ui/editor/state/types.d.ts" */
/** @typedef {Physics & {macros: Macros, velocity_db: number, expected: Physics}} Case */

const CASES = /** @type {Case[]} */ (JSON.parse(readFileSync(new URL("../data/macros.json", import.meta.url), "utf8")));

/**
 * Numbers within a millionth, all else equal; a component without bands is none.
 * @param {any} actual
 * @param {any} expected
 * @param {string} place
 */
function assertSame(actual, expected, place) {
  if (typeof expected === "number") assert.ok(Math.abs(actual - expected) <= 1e-6 + 1e-6 * Math.abs(expected), `${place}: ${actual} is not ${expected}`);
  else if (Array.isArray(expected)) {
    assert.equal(actual.length, expected.length, place);
    expected.forEach((part, i) => assertSame(actual[i], part, `${place}[${i}]`));
  } else if (expected && typeof expected === "object") for (const name of Object.keys(expected)) assertSame(actual[name], expected[name], `${place}.${name}`);
  else if (expected === null) assert.ok(!actual?.power_db.length, place);
  else assert.equal(actual, expected, place);
}

test("the page's macros are the engine's", () => {
  assert.ok(CASES.some(({ residual, expected }) => !residual?.attack && expected.residual?.attack));
  CASES.forEach(({ modes, residual, macros, velocity_db, expected }, i) => assertSame(applyMacros(modes, residual, macros, velocity_db), expected, `case ${i}`));
});

test("neutral macros change nothing and copy nothing", () => {
  const { modes, residual } = CASES[0];
  assert.ok(isNeutral(NEUTRAL) && isNeutral(null));
  assert.equal(MACRO_NAMES.length, 6);
  assert.equal(applyMacros(modes, residual, NEUTRAL).modes, modes);
  const sound = { modes, residual, macros: { ...NEUTRAL, mass: 0.5 } };
  assert.equal(heard(sound).macros, null);
  assert.equal(heard(sound), heard(sound)); // computed once
});

test("macros keep loudness from the first turn on, but not those of older projects", () => {
  const turned = turnMacros(NEUTRAL, { room: 0.5 });
  assert.deepEqual(turned, { ...NEUTRAL, room: 0.5, keep_loudness: true });
  assert.equal(turnMacros({ ...NEUTRAL, room: 0.5 }, { room: 0.6 }).keep_loudness, false);
  assert.equal(turnMacros(turned, { keep_loudness: false }).keep_loudness, false);
  assert.deepEqual(turnMacros(turned, { room: 0 }), NEUTRAL);
});

test("mass scales frequencies and decays alike, by 4 to its power", () => {
  const modes = { frequency_hz: [400, 1000], power_db: [-10, -20], decay_per_s: [4, 8], phase_rad: [0, 0], muted: [false, false] };
  const made = applyMacros(modes, null, { ...NEUTRAL, mass: 0.5 }).modes;
  assertSame(made.frequency_hz, [200, 500], "frequency");
  assertSame(made.decay_per_s, [2, 4], "decay");
  assertSame(made.power_db, [-10, -20], "power");
});

test("what is dragged under macros is heard where it is dragged to", () => {
  const indices = [1, 2];
  const wanted = { frequency_hz: [440, 3000], power_db: [-20, -35.5], decay_per_s: [4, 30] };
  // With all of these at -1 the levels of few modes depend on each other so much that the secants do not settle.
  const isCorner = (/** @type {Macros} */ { mass, hardness, damping, position }) => [mass, hardness, damping, position].every((value) => value === -1);
  const fit = CASES.filter(({ modes, macros }) => modes.frequency_hz.length > 2 && !isCorner(macros));
  assert.ok(fit.length > 5);
  for (const { modes, residual, macros } of fit) {
    const own = ownValues({ modes, residual, macros }, indices, wanted);
    const moved = structuredClone(modes);
    for (const name of /** @type {const} */ (["frequency_hz", "power_db", "decay_per_s"])) indices.forEach((index, i) => { moved[name][index] = own[name][i]; });
    const now = applyMacros(moved, residual, macros).modes;
    for (const name of /** @type {const} */ (["frequency_hz", "power_db", "decay_per_s"])) {
      indices.forEach((index, i) => assert.ok(Math.abs(now[name][index] / wanted[name][i] - 1) < 1e-5, `${name} ${now[name][index]} ${JSON.stringify(macros)}`));
    }
  }
});
