// @ts-check
// Shifts of all hits at once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { describeHeld, formatLag, notShiftedLike, offerShift, shiftTimes } from "../../../ui/editor/timeline/lag.js";
import { makeProject } from "../state/project.js";

/** @import { DetectionState } from "../../../ui/editor/state/protocol.d.ts" */
/** @import { Hit } from "../../../ui/editor/state/types.d.ts" */

/**
 * @param {string} id
 * @param {number} time_s
 * @param {number | null} found_s
 */
const hit = (id, time_s, found_s) => /** @type {Hit} */ ({ id, time_s, found_s });
const FOUND = [hit("a", 0.02, 0.02), hit("b", 1, 1), hit("c", 2, null)];
/**
 * @param {DetectionState["source"]} source
 * @param {Hit[]} hits
 */
const project = (source, hits) => ({ ...makeProject(), hits, detection: { source, threshold: 0.5 } });

test("hits of the picture follow the sound and hits of the sound the picture", () => {
  assert.deepEqual(offerShift(project("video", FOUND), 0.053), { delta_s: -0.053, follows: "sound", isDone: false });
  assert.deepEqual(offerShift(project("both", FOUND), 0.053), { delta_s: 0.053, follows: "picture", isDone: false });
  assert.equal(offerShift(project("both", FOUND), null), null);
  assert.equal(offerShift(project("both", FOUND), 0.004), null);
  assert.equal(formatLag(0.053, 25), "53 ms (1.3 frames)");
});

test("a shift keeps every hit within the clip and is offered once", () => {
  const times = shiftTimes(FOUND, -0.053, 3);
  assert.deepEqual(Object.keys(times), ["a", "b", "c"]);
  assert.deepEqual([times.a.time_s, times.b.time_s], [0, 0.947]);
  const shifted = FOUND.map((one) => ({ ...one, time_s: times[one.id].time_s ?? 0 })).concat(hit("d", 2.447, 2.5));
  assert.equal(offerShift(project("video", shifted), 0.053)?.isDone, true);
});

test("a shift by the user is taken off what is offered, and hits that were moved apart are left alone", () => {
  /** @param {...number} shifts_s */
  const shifted = (...shifts_s) => project("both", shifts_s.map((shift_s, i) => hit(String(i), i + 1 + shift_s, i + 1)));
  const moved = offerShift(shifted(0.12, 0.12, 0.123), -0.019);
  assert.ok(moved && !moved.isDone && Math.abs(moved.delta_s + 0.139) < 1e-9);
  const halfway = offerShift(shifted(-0.04, -0.04, 0), -0.1);
  assert.ok(halfway && !halfway.isDone && Math.abs(halfway.delta_s + 0.06) < 1e-9);
  assert.equal(offerShift(shifted(-0.018, -0.021, -0.019), -0.019)?.isDone, true);
  assert.equal(offerShift(shifted(0.003, -0.004, 0.12), -0.019)?.delta_s, -0.019); // the analysis alone, and one hit by hand
  assert.equal(offerShift(shifted(0.12, -0.2, 0.4), -0.019), null);
  assert.equal(offerShift(project("both", [hit("a", 1, null)]), -0.019), null);
});

test("hits that cannot be shifted so far are told of", () => {
  assert.equal(describeHeld(FOUND, -0.053, 3), "1 hit stops at the clip's start and cannot move so far");
  assert.equal(describeHeld(FOUND, -1.5, 3), "2 hits stop at the clip's start and cannot move so far");
  assert.equal(describeHeld(FOUND, 1.5, 3), "1 hit stops at the clip's end and cannot move so far");
  assert.equal(describeHeld(FOUND, 0.053, 3), "");
});

test("the others are shifted as the hit that was moved by hand", () => {
  const moved = hit("b", 1.08, 1);
  assert.deepEqual(notShiftedLike([FOUND[0], moved, hit("d", 2.08, 2)], moved).map(({ id }) => id), ["a"]);
  assert.deepEqual(notShiftedLike(FOUND, FOUND[1]), []);
});
