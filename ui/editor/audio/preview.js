// @ts-check
// The modal bank as the editor uses it: an AudioWorklet, or offline buffers where the page may not have one.

import { applyHitOffsets, bandNoise, envelopeGains, noiseComponents, synthesizeWhole } from "./prior.js";
import { dbToGain, ENVELOPE_STEP_S, SAMPLE_RATE_HZ } from "./units.js";
/** @import { Rest } from "./buffers.js" */
/** @import { Physics, Samples, Shaped } from "../state/types.d.ts" */

/** @import { BankMessage, BankState } from "./worklet.d.ts" */

const MOST_MODES = 256;
const STRIKE_EVERY_MS = 120;
const LONGEST_FALLBACK_S = 1.2;

/**
 * A sound's physics for the worklet: the loudest MOST_MODES modes in their own order.
 * @param {Physics} physics
 * @returns {BankState}
 */
export function toBankState({ modes, residual }) {
  let chosen = modes.frequency_hz.map((_, i) => i);
  if (chosen.length > MOST_MODES) {
    chosen = chosen.sort((a, b) => modes.power_db[b] - modes.power_db[a]).slice(0, MOST_MODES).sort((a, b) => a - b);
  }
  return {
    frequency_hz: chosen.map((i) => modes.frequency_hz[i]),
    gain: chosen.map((i) => (modes.muted?.[i] ? 0 : dbToGain(modes.power_db[i]))),
    decay_per_s: chosen.map((i) => modes.decay_per_s[i]),
    phase_rad: chosen.map((i) => modes.phase_rad?.[i] ?? 0),
    rise_s: residual?.rise_s ?? 0,
    fine: envelopeGains(residual?.envelope_db),
    step_s: ENVELOPE_STEP_S,
    noise: noiseComponents(residual).map((component) => ({
      gain: component.power_db.map(dbToGain), decay_per_s: component.decay_per_s, even: component === residual?.room,
    })),
  };
}

/**
 * A sound with the rest of its strike, from where that begins on.
 * @param {Samples} own
 * @param {Rest} rest
 */
export function addRest(own, { samples, lead }) {
  const total = new Float32Array(Math.max(lead + own.length, samples.length));
  total.set(samples);
  own.forEach((sample, n) => { total[lead + n] += sample; });
  return total;
}

/**
 * Load the worklet's module into a context and make a node; ``messages`` are received before the first sample.
 * @param {BaseAudioContext} context
 * @param {BankMessage[]} [messages]
 */
export async function createBankNode(context, messages = []) {
  await context.audioWorklet.addModule(new URL("./preview_worklet.js", import.meta.url));
  return new AudioWorkletNode(context, "modal-bank", { numberOfInputs: 0, outputChannelCount: [1], processorOptions: { messages } });
}

/**
 * Previews into ``destination``.
 * @param {BaseAudioContext} context
 * @param {AudioNode} destination
 */
export function createPreview(context, destination) {
  /** @type {AudioWorkletNode | null} */
  let node = null;
  let edges = "";
  /** @type {Rest | null} */
  let rest = null;
  let restKey = ""; // of the one that the worklet has
  let struckAt_ms = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pending;
  /** @type {AudioBufferSourceNode | null} */
  let fallback = null;
  if (context.audioWorklet) {
    createBankNode(context).then(
      (made) => {
        node = made;
        node.connect(destination);
      },
      () => {},
    );
  }

  /** @param {BankMessage} message */
  const post = (message) => node?.port.postMessage(message);
  /** @type {Physics | null} */
  let latest = null;

  /** @param {Physics} physics */
  function send(physics) {
    const edges_hz = physics.residual?.edges_hz ?? [];
    if (edges !== edges_hz.join()) {
      edges = edges_hz.join();
      post({ type: "noise", tables: bandNoise(edges_hz) });
    }
    post({ type: "set", bank: toBankState(physics) });
    if (restKey !== (rest?.key ?? "")) {
      restKey = rest?.key ?? "";
      post({ type: "rest", samples: rest?.samples ?? null, lead: rest?.lead ?? 0 });
    }
  }

  function strike() {
    pending = undefined;
    struckAt_ms = performance.now();
    if (node) post({ type: "strike", gain: 1 });
    else if (latest) playOffline(latest);
  }

  /** @param {Physics} physics */
  function playOffline(physics) {
    const own = synthesizeWhole(physics, LONGEST_FALLBACK_S, 1);
    const samples = rest ? addRest(own, rest) : own;
    const buffer = new AudioBuffer({ length: samples.length, numberOfChannels: 1, sampleRate: SAMPLE_RATE_HZ });
    buffer.copyToChannel(samples, 0);
    fallback?.stop();
    fallback = new AudioBufferSourceNode(context, { buffer });
    fallback.connect(destination);
    fallback.start();
  }

  return {
    /**
     * Set the bank at once to a sound under its macros, and strike it with the rest of its sounds at most every
     * STRIKE_EVERY_MS after its own attack.
     * @param {Shaped} sound
     * @param {number} velocity_db
     * @param {Rest | null} others
     */
    play(sound, velocity_db, others) {
      latest = applyHitOffsets(sound, null, velocity_db);
      rest = others;
      if (node) send(latest);
      const wait_ms = struckAt_ms + STRIKE_EVERY_MS + (1000 * (rest?.lead ?? 0)) / SAMPLE_RATE_HZ - performance.now();
      if (wait_ms <= 0) strike();
      else pending ??= setTimeout(strike, wait_ms);
    },
    stop() {
      clearTimeout(pending);
      pending = undefined;
      post({ type: "stop" });
      fallback?.stop();
      fallback = null;
    },
  };
}
