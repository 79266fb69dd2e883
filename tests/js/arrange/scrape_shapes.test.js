// @ts-check
// Speeds along a scrape: usual strokes, and curves drawn by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { drawSpeeds, nameGrain, POINTS, shapeSpeeds } from "../../../ui/editor/arrange/scrape_shapes.js";

test("strokes begin and end at rest, a rub rests between its ways", () => {
  const stroke = shapeSpeeds("stroke", 1);
  assert.deepEqual([stroke[0], stroke[(POINTS - 1) / 2], stroke[POINTS - 1]], [0, 1, 0]);
  const turns = shapeSpeeds("rub", 1.12).slice(1, -1).filter((speed) => speed < 1e-3).length;
  assert.equal(turns, 3); // four ways of 0.28 s
});

test("a drawn line replaces what it passes, in either direction, and nothing else", () => {
  const before = shapeSpeeds("even", 1);
  const drawn = drawSpeeds(before, { x: 0.75, y: 0.2 }, { x: 0.25, y: 1.4 });
  assert.equal(drawn[16], 1); // past the top
  assert.equal(drawn[48], 0.2);
  assert.ok(Math.abs(drawn[32] - 0.8) < 1e-3);
  assert.deepEqual([drawn[15], drawn[49]], [1, 1]);
  assert.equal(drawSpeeds([0, 1], { x: 0, y: 0 }, { x: 0, y: 0 }).length, POINTS);
  assert.equal(nameGrain(0.3), "sandpaper");
});
