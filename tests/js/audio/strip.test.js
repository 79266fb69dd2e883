// @ts-check
// Strips: what is heard, distance, direction; filters against those that the engine computes are in the browser's tests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { applyFilters, directionPan, isHeard, NEUTRAL_STRIP, passBiquad, placeInMix } from "../../../ui/editor/audio/strip.js";
import { formatCutoff, formatDirection, isOff, parseCutoff, parseDirection, parseSend } from "../../../ui/editor/mix/units.js";
import { directionOf, placeOnCircle } from "../../../ui/editor/mix/direction.js";
import { makeProject } from "../state/project.js";

/** @param {Partial<typeof NEUTRAL_STRIP>} strip */
const soundWith = (strip) => ({ ...makeProject().sounds[0], strip: { ...NEUTRAL_STRIP, ...strip } });

test("a neutral strip changes nothing", () => {
  const place = placeInMix(soundWith({}), { gain_db: -3, pan: 0.4, distance_m: 0 });
  assert.deepEqual([place.gain_db, place.pan, place.shape.name, place.room_db], [-3, 0.4, "", -Infinity]);
  assert.deepEqual(place, placeInMix(undefined, { gain_db: -3, pan: 0.4 }));
});

test("level falls by the distance, and only what has a room keeps it", () => {
  const far = { gain_db: 0, pan: 0, distance_m: 2 };
  const dry = placeInMix(soundWith({ distance_m: 8 }), far);
  assert.ok(Math.abs(dry.gain_db + 20) < 1e-9);
  assert.equal(dry.room_db, -Infinity);
  const sound = soundWith({ distance_m: 8 });
  const wet = placeInMix({ ...sound, residual: { ...sound.residual, room: { power_db: [-60, -60], decay_per_s: [4, 4] } } }, far);
  assert.ok(Math.abs(wet.room_db - 10 * Math.log10(0.99)) < 1e-9);
});

test("mute and solo of sounds and hits", () => {
  const project = makeProject();
  const [sound] = project.sounds;
  const other = { ...sound, id: "s2" };
  const hits = [project.hits[0], { ...project.hits[1], sound_id: "s2" }, { ...project.hits[2], mute: true }];
  /** @param {Partial<typeof NEUTRAL_STRIP>} first @param {Partial<typeof NEUTRAL_STRIP>} second */
  const heard = (first, second) => {
    const shown = { ...project, hits, sounds: [{ ...sound, strip: { ...NEUTRAL_STRIP, ...first } }, { ...other, strip: { ...NEUTRAL_STRIP, ...second } }] };
    return hits.filter((hit) => isHeard(shown, hit)).map(({ id }) => id);
  };
  assert.deepEqual(heard({}, {}), ["h1", "h2"]);
  assert.deepEqual(heard({ mute: true }, {}), ["h2"]);
  assert.deepEqual(heard({ solo: true }, {}), ["h1"]);
  assert.deepEqual(heard({ solo: true, mute: true }, { solo: true }), ["h2"]);
});

test("a direction pans by the loudspeakers", () => {
  assert.deepEqual([0, 15, -30, 75, -110, 180].map(directionPan), [0, 0.5, -1, 1, -1, 0]);
  for (const angle of [-150, -90, 0, 45, 179]) {
    const { x, y } = placeOnCircle(angle, 30);
    assert.equal(directionOf(x, y), angle);
  }
});

test("a Butterworth is 3 dB down at its cutoff", () => {
  const wave = Float32Array.from({ length: 48000 }, (_, n) => Math.sin((2 * Math.PI * 1000 * n) / 48000));
  for (const isHigh of [true, false]) {
    const peak = Math.max(...applyFilters(wave, [passBiquad(1000, isHigh)]).subarray(24000));
    assert.ok(Math.abs(20 * Math.log10(peak) + 3.0103) < 0.01);
  }
});

test("values of the mixer are read as they are shown", () => {
  assert.deepEqual([parseSend("off"), parseSend("-6 dB")], [-60, -6]);
  assert.deepEqual([formatDirection(-70), formatDirection(180), parseDirection("70° L"), parseDirection("behind")], ["70° L", "behind", -70, 180]);
  assert.deepEqual([formatCutoff(20)(20), formatCutoff(20)(1500), parseCutoff(20000)("off"), parseCutoff(20)("1.5 kHz")], ["off", "1.50 kHz", 20000, 1500]);
  assert.ok(isOff(20, 20) && !isOff(25, 20));
});
