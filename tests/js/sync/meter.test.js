// @ts-check
// What the sync meter says, and the rows that are walked through.

import assert from "node:assert/strict";
import { test } from "node:test";

import { describeLag, formatOffset, listRows, offerShift, settleLag } from "../../../ui/editor/sync/meter.js";

/** @import { SyncMeasured } from "../../../ui/editor/state/protocol.d.ts" */

/** @type {SyncMeasured} */
const FOUND = {
  type: "sync_measured", what: "hits", lag_s: 0.042, confidence: 0.97, drift_s_per_s: 0, middle_s: 4,
  hits: [{ time_s: 1, offset_s: 0.042, confidence: 0.9, grade: "too small to notice", hit_id: "a" }, { time_s: 5, offset_s: 0.01, confidence: 0.9, grade: "in step", hit_id: "b" }],
  seen_not_heard: [{ time_s: 3, confidence: 0.8, hit_id: null }],
  heard_not_seen: [{ time_s: 2, confidence: 0.9, hit_id: "c" }],
};

test("lag, confidence and the shift that takes it back", () => {
  assert.equal(describeLag(FOUND, 25), "The hits come 42 ms (1.1 frames) late, 97 % sure.");
  assert.match(describeLag({ ...FOUND, what: "clip", lag_s: -0.1, confidence: 0.3 }, 25), /^The clip's sound comes 100 ms \(2.5 frames\) early, 30 % sure: uncertain/);
  assert.match(describeLag({ ...FOUND, lag_s: null }, 25), /^Too little/);
  assert.equal(offerShift(FOUND), -0.042);
  assert.equal(offerShift({ ...FOUND, what: "clip" }), null);
  assert.equal(offerShift({ ...FOUND, lag_s: 0.005 }), null);
  assert.equal(formatOffset(-0.0426), "−43 ms");
});

test("meter and lane offer one shift, unless they differ by more than can be seen, and the meter's words say the same", () => {
  const lane = /** @type {const} */ ({ delta_s: -0.0467, follows: "picture", isDone: false });
  assert.equal(offerShift(settleLag(FOUND, lane)), -0.0467);
  assert.match(describeLag(settleLag(FOUND, lane), 25), /come 47 ms/);
  assert.equal(offerShift(settleLag({ ...FOUND, lag_s: 0.1 }, lane)), -0.1);
  assert.equal(settleLag(FOUND, { ...lane, isDone: true }), FOUND);
  assert.equal(settleLag(FOUND, { ...lane, follows: "sound" }), FOUND);
  assert.equal(settleLag(FOUND, null), FOUND);
  assert.equal(settleLag({ ...FOUND, lag_s: 0.003 }, lane).lag_s, 0.003);
});

test("rows are in order of time, and those in step are left out unless all are asked for", () => {
  assert.deepEqual(listRows(FOUND, "off").map(({ what, time_s }) => [what, time_s]), [["pair", 1], ["heard", 2], ["seen", 3]]);
  assert.equal(listRows(FOUND, "all").length, 4);
  assert.deepEqual(listRows(FOUND, "heard").map(({ hit_id }) => hit_id), ["c"]);
});
