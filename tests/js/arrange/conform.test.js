// @ts-check
// What became of the hits is said in a sentence that counts right.

import assert from "node:assert/strict";
import { test } from "node:test";

import { describeConformed } from "../../../ui/editor/arrange/conform.js";

test("one hit is not said in the plural", () => {
  const lost = [{ timecode: "01:00:00:00", sound: "Bowl", name: "" }];
  assert.equal(describeConformed({ type: "conformed", moved: 12, copied: 0, lost: [], lost_markers: [], left_out: 0 }), "12 hits moved with their shots.");
  assert.equal(describeConformed({ type: "conformed", moved: 1, copied: 2, lost, lost_markers: [], left_out: 0 }), "1 hit moved with its shot, and 2 hits more where shots are shown again. The recut has no place for this one:");
  const lost_markers = [{ timecode: "01:00:02:00", name: "door" }];
  assert.equal(describeConformed({ type: "conformed", moved: 3, copied: 0, lost, lost_markers, left_out: 0 }), "3 hits moved with their shots. The recut has no place for these 2:");
  assert.equal(describeConformed({ type: "conformed", moved: 3, copied: 0, lost: [], lost_markers: [], left_out: 2 }), "3 hits moved with their shots. 2 copies left out, since the recut shows once what was repeated.");
});
