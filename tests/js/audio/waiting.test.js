// @ts-check
// What is asked for while something of the audio is still fetched or loaded.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createAudition } from "../../../ui/editor/audio/audition.js";
import { createLimiter } from "../../../ui/editor/audio/limiter.js";

/** Any node of any audio: it leads nowhere. */
class Silent {
  gain = { value: 0, cancelScheduledValues() {}, setTargetAtTime() {} };
  /** @param {unknown} to */
  connect(to) {
    return to;
  }

  disconnect() {}
  stop() {}
}

test("an audition that is fetched late leaves the newer one alone", async () => {
  /** @type {unknown[]} */
  const heard = [];
  class Source extends Silent {
    /**
     * @param {unknown} _context
     * @param {{buffer: unknown}} options
     */
    constructor(_context, { buffer }) {
      super();
      this.start = () => heard.push(buffer);
    }
  }
  Object.assign(globalThis, { AudioBufferSourceNode: Source, GainNode: Silent, ChannelSplitterNode: Silent, ChannelMergerNode: Silent });
  /** @type {Map<string, () => void>} */
  const fetched = new Map();
  /** @type {any} */
  const host = {
    open: () => ({ context: { currentTime: 0 }, preview: { stop() {}, play: () => heard.push("modes") }, previews: new Silent() }),
    load: (/** @type {string} */ key) => new Promise((done) => void fetched.set(key, () => done(key))),
    resume: async () => {}, width: () => 0, rest: () => null,
  };
  const audition = createAudition(host);
  const [older, newer] = ["older", "newer"].map((key) => audition.playKey(key));
  fetched.get("newer")?.();
  await newer;
  fetched.get("older")?.();
  await older;
  assert.deepEqual(heard, ["newer"]);
  const late = audition.playKey("late");
  /** @type {any} */
  const sound = {};
  audition.previewModes(sound);
  fetched.get("late")?.();
  await late;
  assert.deepEqual(heard, ["newer", "modes"]);
});

test("the limiter is made once, however often it is wanted while its module loads", async () => {
  let made = 0;
  class Worklet extends Silent {
    constructor() {
      super();
      made++;
    }
  }
  Object.assign(globalThis, { AudioWorkletNode: Worklet });
  /** @type {any} */
  const [context, from, to] = [{ audioWorklet: { addModule: async () => {} } }, new Silent(), new Silent()];
  const limiter = createLimiter(context, from, to);
  assert.deepEqual(await Promise.all([limiter.set(true), limiter.set(true), limiter.set(true)]), [true, false, false]);
  assert.equal(made, 1);
  assert.ok(limiter.delay_s > 0);
  assert.equal(await limiter.set(false), true);
});
