// @ts-check
// Variation as it is told: what is heard is the larger of the sound's and the project's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatVariation, heardVariation, parseVariation } from "../../../ui/editor/widgets/variation.js";
import { makeProject } from "../state/project.js";

test("a value under the project's is told as the project's, which is heard", () => {
  assert.deepEqual([[0, 0], [0.4, 0], [0, 0.6], [0.59, 0.6], [0.6, 0.6], [0.8, 0.6]].map(([own, least]) => formatVariation(own, least)), ["none", "40 %", "60 %, of the project", "60 %, of the project", "60 %", "80 %"]);
  const { sounds: [sound], render } = makeProject();
  for (const [own, least, heard] of [[0, 0.6, 0.6], [0.8, 0.6, 0.8]]) assert.equal(heardVariation({ render: { ...render, variation: least } }, { ...sound, variation: own }), heard);
});

test("what is shown can be typed, and one of its figures changed", () => {
  assert.deepEqual(["none", "off", "40 %", "40", "60 %, of the project", "30 %, of the project", "much"].map(parseVariation), [0, 0, 0.4, 0.4, 0.6, 0.3, null]);
});
