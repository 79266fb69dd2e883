// @ts-check
import assert from "node:assert/strict";
import test from "node:test";

import { countUnrecognised } from "../../../ui/editor/state/unrecognised.js";
import { makeProject } from "./project.js";

test("hits of an unrecognised sound wait once all others are sampled", () => {
  const project = makeProject();
  const [bell] = project.sounds;
  const asked = { ...project, sounds: [bell, { ...bell, id: "s2", is_unrecognised: true }], hits: project.hits.map((hit, k) => ({ ...hit, sound_id: k ? "s2" : "s1" })) };
  assert.equal(countUnrecognised(asked, new Map()), 0); // h1 is about to be sampled
  assert.equal(countUnrecognised(asked, new Map([["h1", {}]])), 2);
  assert.equal(countUnrecognised(asked, new Map([["h1", {}], ["h2", {}]])), 1);
  assert.equal(countUnrecognised(asked, new Map(asked.hits.map((hit) => [hit.id, {}]))), 0);
  assert.equal(countUnrecognised(project, new Map()), 0);
});
