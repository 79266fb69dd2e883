// @ts-check
// The master's limiter in the editor: what is heard is limited as exports are. It is late by a fixed time.

import { delayKernel } from "./buffers.js";
import { SAMPLE_RATE_HZ } from "./units.js";

const DELAY_S = 256 / SAMPLE_RATE_HZ; // of the worklet
const OVERSAMPLING = 4;

/** @param {BaseAudioContext} context */
async function createNode(context) {
  await context.audioWorklet.addModule(new URL("./limiter_worklet.js", import.meta.url));
  const kernels = Array.from({ length: OVERSAMPLING - 1 }, (_, k) => [...Float32Array.from(delayKernel((k + 1) / OVERSAMPLING))]);
  return new AudioWorkletNode(context, "true-peak-limiter", { outputChannelCount: [2], channelCount: 2, channelCountMode: "explicit", processorOptions: { kernels } });
}

/**
 * A stage between two nodes: a plain connection until it is on and its worklet is there.
 * @param {BaseAudioContext} context
 * @param {AudioNode} from
 * @param {AudioNode} to
 */
export function createLimiter(context, from, to) {
  let wanted = false;
  /** @type {AudioWorkletNode | null} */
  let node = null;
  /** @type {Promise<AudioWorkletNode | null> | null} */
  let making = null; // one for all who ask while its module loads
  let isOn = false;
  from.connect(to);

  function connect() {
    const on = wanted && node !== null;
    if (on === isOn || !node) return false;
    isOn = on;
    from.disconnect();
    if (on) from.connect(node).connect(to);
    else {
      node.disconnect();
      from.connect(to);
    }
    return true;
  }

  return {
    /**
     * Switch it on or off; resolves to whether what is heard has changed.
     * @param {boolean} on
     */
    async set(on) {
      wanted = on;
      if (on && !node && context.audioWorklet) {
        making ??= createNode(context).catch(() => null);
        node = await making;
        making = null;
      }
      return connect();
    },
    /** By how much later what enters it is heard. */
    get delay_s() { return isOn ? DELAY_S : 0; },
  };
}
