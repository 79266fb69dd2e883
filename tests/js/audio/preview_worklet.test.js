// @ts-check
// The preview's voice against the analytic prior without a rise, under a raised cosine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dbToGain } from "../../../ui/editor/audio/units.js";
import { synthesize } from "../../../ui/editor/audio/prior.js";

/** @typedef {{port: {onmessage: (event: {data: object}) => void}, process: (inputs: [], outputs: Float32Array[][]) => boolean}} Bank */

/** @returns {Promise<Bank>} */
async function loadBank() {
  /** @type {any} */
  let Kind;
  Object.assign(globalThis, {
    sampleRate: 48000,
    AudioWorkletProcessor: class { port = {}; },
    registerProcessor: (/** @type {string} */ _, /** @type {any} */ kind) => { Kind = kind; },
  });
  await import(new URL("../../../ui/editor/audio/preview_worklet.js", import.meta.url).href);
  return new Kind({});
}

test("a strike comes in over its rise, and a rise much shorter than a sample does nothing", async () => {
  const bank = await loadBank();
  for (const rise_s of [0, 1e-6, 1.5e-5, 0.0006, 0.01]) {
    const modes = { frequency_hz: [440, 5000], power_db: [-6, -12], decay_per_s: [5, 60], phase_rad: [0.3, -1], muted: [false, false] };
    const wanted = synthesize({ modes, residual: null }, 0.02).map((value, n) => value * (rise_s ? Math.sin((Math.PI / 2) * Math.min(1, (n + 0.5) / 48000 / rise_s)) ** 2 : 1));
    const shape = { frequency_hz: modes.frequency_hz, gain: modes.power_db.map(dbToGain), decay_per_s: modes.decay_per_s, phase_rad: modes.phase_rad, noise: [], rise_s, fine: null, step_s: 0.005 };
    bank.port.onmessage({ data: { type: "stop" } });
    for (let quanta = 0; quanta < 10; quanta++) bank.process([], [[new Float32Array(128)]]); // what rang before is gone
    bank.port.onmessage({ data: { type: "set", bank: shape } });
    bank.port.onmessage({ data: { type: "strike", gain: 1 } });
    for (let start = 0; start + 128 <= wanted.length; start += 128) {
      const heard = new Float32Array(128);
      bank.process([], [[heard]]);
      heard.forEach((value, n) => assert.ok(Math.abs(value - wanted[start + n]) < 1e-5, `${rise_s} s, sample ${start + n}`));
    }
  }
});
