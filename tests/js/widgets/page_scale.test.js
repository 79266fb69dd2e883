// @ts-check
// The editor's size on the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { scaleFor } from "../../../ui/editor/widgets/page_scale.js";

test("the editor is larger on large pages alone, as both sides allow", () => {
  assert.equal(scaleFor(1280, 720), 1);
  assert.equal(scaleFor(1920, 1080), 1);
  assert.equal(scaleFor(3840, 1080), 1);
  assert.ok(Math.abs(scaleFor(2560, 1440) - 1.3) < 1e-9);
  assert.ok(Math.abs(scaleFor(3840, 2160) - 2) < 1e-9);
  assert.equal(scaleFor(20000, 12000), 3);
});
