// The modal bank as the editor uses it: an AudioWorklet, or offline buffers where the page may not have one.

import { bandNoise, durationOf, envelopeGains, residualStages, synthesize, tweaked } from "./prior.js";
import { dbToGain, ENVELOPE_STEP_S, SAMPLE_RATE_HZ } from "./units.js";

const MOST_MODES = 256;
const STRIKE_EVERY_MS = 120;

/** A sound's physics as the worklet takes it: the loudest MOST_MODES modes in their own order, levels as gains. */
export function bankOf({ modes, residual }) {
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
    stages: residualStages(residual).map((stage) => ({ gain: stage.power_db.map(dbToGain), decay_per_s: stage.decay_per_s, even: stage === residual.room })),
  };
}

/** Load the worklet's module into a context and make a node; ``messages`` are received before the first sample. */
export async function createBankNode(context, messages = []) {
  await context.audioWorklet.addModule(new URL("./preview_worklet.js", import.meta.url));
  return new AudioWorkletNode(context, "modal-bank", { numberOfInputs: 0, outputChannelCount: [1], processorOptions: { messages } });
}

/** Previews into ``destination``: ``preview`` sets the bank at once and strikes it at most every STRIKE_EVERY_MS. */
export function createBank(context, destination) {
  let node = null;
  let edges = "";
  let struckAt_ms = -Infinity;
  let pending = null;
  let latest = null;
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

  function send(physics) {
    const edges_hz = physics.residual?.edges_hz ?? [];
    if (edges !== edges_hz.join()) {
      edges = edges_hz.join();
      node.port.postMessage({ type: "noise", tables: bandNoise(edges_hz) });
    }
    node.port.postMessage({ type: "set", bank: bankOf(physics) });
  }

  function strike() {
    pending = null;
    struckAt_ms = performance.now();
    if (node) {
      node.port.postMessage({ type: "strike", gain: 1 });
      return;
    }
    const samples = synthesize(latest, Math.min(1.2, durationOf(latest)), 1);
    const buffer = new AudioBuffer({ length: samples.length, numberOfChannels: 1, sampleRate: SAMPLE_RATE_HZ });
    buffer.copyToChannel(samples, 0);
    fallback?.stop();
    fallback = new AudioBufferSourceNode(context, { buffer });
    fallback.connect(destination);
    fallback.start();
  }

  return {
    /** Play a sound under its macros, struck at a velocity. */
    preview(sound, velocity_db) {
      latest = tweaked(sound, null, velocity_db);
      if (node) send(latest);
      const wait_ms = struckAt_ms + STRIKE_EVERY_MS - performance.now();
      if (wait_ms <= 0) strike();
      else pending ??= setTimeout(strike, wait_ms);
    },
    stop() {
      clearTimeout(pending);
      pending = null;
      node?.port.postMessage({ type: "stop" });
      fallback?.stop();
      fallback = null;
    },
  };
}
