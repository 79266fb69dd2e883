// @ts-check
// What is heard of a hit: its own sound and its takes lie at the same place in the mix.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createHitSounds } from "../../../ui/editor/audio/hit_sounds.js";
import { NEUTRAL_STRIP } from "../../../ui/editor/audio/strip.js";
import { makeProject } from "../state/project.js";

test("a take is heard through the strip of its sound, at its hit's level, pan and distance, with its room", () => {
  const project = makeProject();
  const [sound] = project.sounds;
  const hit = { ...project.hits[0], gain_db: -3, pan: 0.25, distance_m: 3 };
  const room = { power_db: [-60, -60], decay_per_s: [4, 4] };
  const shown = { ...project, hits: [hit], sounds: [{ ...sound, strip: { ...NEUTRAL_STRIP, gain_db: -6, pan: -0.5, low_pass_hz: 3000 }, residual: { ...sound.residual, room } }] };
  const store = /** @type {any} */ ({ rendered: new Map([[hit.id, { key: "own", lead: 480 }]]), view: { project: shown } });
  const buffers = /** @type {any} */ ({ peek: () => true, placed: (/** @type {string} */ key, /** @type {number} */ _fraction, /** @type {object} */ shape) => ({ key, shape }) });
  const sounds = createHitSounds(store, buffers, { heardKey: (key) => key, loaded: () => {} });
  const own = sounds.soundOf(/** @type {any} */ (hit));
  const take = sounds.takeOf(/** @type {any} */ (hit), "take");
  assert.ok(own?.room && own.lead === 480);
  assert.equal(JSON.stringify(take), JSON.stringify({ ...own, key: "take" }));
  const [direct, around] = sounds.partsOf(take, 0);
  assert.ok(Math.abs(20 * Math.log10(direct.gain) - (-3 - 6 - 20 * Math.log10(4))) < 1e-9 && direct.pan === -0.25);
  assert.equal(around.pan, 0);
});
