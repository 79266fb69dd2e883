// @ts-check
// Hits under the pointer and in a box, and how far they move.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withGroups } from "../../../ui/editor/timeline/groups.js";
import { formatShift, hitsInBox, hitUnder, limitShift, snapShift } from "../../../ui/editor/timeline/picking.js";

/** @import { Hit } from "../../../ui/editor/state/types.d.ts" */

const SCALE = { x: (/** @type {number} */ time_s) => 100 * time_s };
const LANE = { top: 0, height: 68 }; // heads from y = 12 (6 dB) to 54 (-36 dB), a pixel a dB
const NONE = /** @type {Set<string>} */ (new Set());

/**
 * @param {string} id
 * @param {number} time_s
 * @param {number} velocity_db
 */
const hit = (id, time_s, velocity_db) => /** @type {Hit} */ ({ id, time_s, velocity_db });

test("the nearest stem is picked, within 12 pixels", () => {
  const hits = [hit("a", 1, 0), hit("b", 1.1, 0)];
  assert.equal(hitUnder(hits, { x: 104, y: 18 }, SCALE, LANE, NONE)?.id, "a");
  assert.equal(hitUnder(hits, { x: 107, y: 18 }, SCALE, LANE, NONE)?.id, "b");
  assert.equal(hitUnder(hits, { x: 85, y: 18 }, SCALE, LANE, NONE), null);
});

test("of two stems in one place the nearer head is picked, a selected one first where it is close", () => {
  const hits = [hit("loud", 1, 6), hit("soft", 1, -30)];
  assert.equal(hitUnder(hits, { x: 100, y: 14 }, SCALE, LANE, NONE)?.id, "loud");
  assert.equal(hitUnder(hits, { x: 100, y: 46 }, SCALE, LANE, NONE)?.id, "soft");
  assert.equal(hitUnder(hits, { x: 100, y: 46 }, SCALE, LANE, new Set(["loud"]))?.id, "loud");
});

test("a box takes the stems it crosses and leaves heads below it", () => {
  const hits = [hit("loud", 1, 6), hit("soft", 1.5, -36), hit("far", 3, 6)];
  assert.deepEqual(hitsInBox(hits, { x0: 160, y0: 40, x1: 90, y1: 20 }, SCALE, LANE), ["loud"]);
  assert.deepEqual(hitsInBox(hits, { x0: 90, y0: 60, x1: 160, y1: 55 }, SCALE, LANE), ["loud", "soft"]);
  assert.deepEqual(hitsInBox(hits, { x0: 90, y0: 66, x1: 400, y1: 65 }, SCALE, LANE), []);
});

test("hits move together and none leaves the clip", () => {
  assert.equal(limitShift([1, 4], -2, 10), -1);
  assert.equal(limitShift([1, 4], 9, 10), 6);
  assert.equal(limitShift([1, 4], 0.25, 10), 0.25);
});

test("a snapped hit lands on a frame", () => {
  assert.ok(Math.abs(1.013 + snapShift(1.013, 0.1, 25) - 1.12) < 1e-12);
});

test("shifts are told in frames where they are whole", () => {
  assert.equal(formatShift(0.04, 25), "+1 frame");
  assert.equal(formatShift(-0.08, 25), "\u22122 frames");
  assert.equal(formatShift(0, 25), "±0 frames");
  assert.equal(formatShift(-0.05, 25), "\u221250.0 ms   \u22121.3 f");
});

test("a hit brings its group along, and no other", () => {
  const hits = ["", "step", "step", "door"].map((group, i) => ({ ...hit(`h${i}`, i, 0), group }));
  assert.deepEqual([...withGroups(hits, ["h1"])], ["h1", "h2"]);
  assert.deepEqual([...withGroups(hits, ["h0"])], ["h0"]);
  assert.deepEqual([...withGroups(hits, ["h0", "h2"])], ["h0", "h1", "h2"]);
});
