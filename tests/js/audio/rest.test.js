import assert from "node:assert/strict";
import { test } from "node:test";

import { createRest } from "../../../ui/editor/audio/rest.js";

test("the context sleeps after some seconds without sound, and wakes with the next", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const pass = (/** @type {number} */ seconds) => {
    for (let k = 0; k < seconds; k++) context.mock.timers.tick(1000);
  };
  /** @type {(string | boolean)[]} */
  const seen = [];
  let isNeeded = true;
  const rest = createRest({ resume: async () => void seen.push("resumed"), suspend: () => seen.push("suspended"), isNeeded: () => isNeeded });
  rest.watch((isAwake) => seen.push(isAwake));
  await rest.wake();
  pass(60);
  assert.deepEqual(seen, [false, true, "resumed"], "it stays awake as long as it is needed");
  isNeeded = false;
  for (let k = 0; k < 10; k++) {
    pass(4);
    rest.heard();
  }
  assert.equal(seen.length, 3, "and as long as anything is heard");
  pass(60);
  assert.deepEqual(seen.slice(3), ["suspended", false]);
  await rest.wake();
  assert.deepEqual(seen.slice(5), [true, "resumed"]);
  rest.dispose();
});
