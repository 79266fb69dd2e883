// @ts-check
// The marker before and after the playhead.

import assert from "node:assert/strict";
import { test } from "node:test";

import { nextMarker } from "../../../ui/editor/arrange/markers.js";

test("the next marker is the nearest one that is not here", () => {
  const markers = [{ id: "m1", time_s: 4, name: "" }, { id: "m2", time_s: 1, name: "" }, { id: "m3", time_s: 2, name: "" }];
  assert.equal(nextMarker(markers, 1, 1)?.id, "m3");
  assert.equal(nextMarker(markers, 3, -1)?.id, "m3");
  assert.equal(nextMarker(markers, 1, -1), null);
  assert.equal(nextMarker([], 1, 1), null);
});
