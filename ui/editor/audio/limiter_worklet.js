// @ts-check
// AudioWorklet: the true-peak limiter of the engine's engine/pipeline/limiter.py, sample by sample, LOOK_AHEAD + REACH
// samples late, which is two quanta.

const LOOK_AHEAD = 240;
const RELEASE_DB_PER_S = 100;
const CEILING_DB = -1.05;
const TAPS = 32;
const REACH = TAPS / 2;
const SIZE = 1024; // of the rings, a power of two

class Limiter extends AudioWorkletProcessor {
  /** @param {AudioWorkletNodeOptions} options whose ``kernels`` delay by parts of a sample */
  constructor(options) {
    super();
    this.kernels = /** @type {number[][]} */ (options.processorOptions.kernels).map((kernel) => Float64Array.from(kernel));
    this.ceiling = 10 ** (CEILING_DB / 20);
    const window = Float64Array.from({ length: LOOK_AHEAD + 1 }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 1)) / (LOOK_AHEAD + 2)));
    const total = window.reduce((sum, value) => sum + value, 0);
    this.window = window.map((value) => value / total);
    this.rings = [new Float64Array(SIZE), new Float64Array(SIZE)];
    this.needed = new Float64Array(SIZE); // gain in dB that a sample needs for itself
    this.held = new Float64Array(SIZE); // after look-ahead and release
    /** @type {number[]} */
    this.least = []; // places of rising needed gains within the look-ahead
    this.count = 0; // samples that have come
    this.loudAt = -Infinity; // the last sample that may need limiting
    this.limitedAt = -Infinity; // the last sample whose held gain is under 0
  }

  /**
   * Gain in dB that the sample at a place needs; REACH samples after it have come.
   * @param {number} at
   */
  need(at) {
    if (at > this.loudAt + TAPS) return 0;
    let peak = 0;
    for (const ring of this.rings) {
      peak = Math.max(peak, Math.abs(ring[at & (SIZE - 1)]));
      for (const kernel of this.kernels) {
        let sum = 0;
        for (let t = 0; t < TAPS; t++) sum += kernel[t] * ring[(at + REACH - 1 - t) & (SIZE - 1)];
        peak = Math.max(peak, Math.abs(sum));
      }
    }
    return peak > this.ceiling ? 20 * (Math.log10(this.ceiling) - Math.log10(peak)) : 0;
  }

  /**
   * Take the need of a sample in and hold the gain of the one LOOK_AHEAD before it.
   * @param {number} at
   */
  hold(at) {
    const { least, needed, held } = this;
    const need = (needed[at & (SIZE - 1)] = this.need(at));
    while (least.length && needed[least[least.length - 1] & (SIZE - 1)] >= need) least.pop();
    least.push(at);
    const place = at - LOOK_AHEAD;
    while (least[0] < place) least.shift();
    const before = held[(place - 1) & (SIZE - 1)];
    const gain = Math.min(0, needed[least[0] & (SIZE - 1)], before + RELEASE_DB_PER_S / sampleRate);
    held[place & (SIZE - 1)] = gain;
    if (gain < 0) this.limitedAt = place;
    return place;
  }

  /**
   * Gain of a sample.
   * @param {number} place
   */
  gainOf(place) {
    if (place > this.limitedAt + LOOK_AHEAD) return 1;
    let gain_db = 0;
    for (let k = 0; k <= LOOK_AHEAD; k++) gain_db += this.window[k] * this.held[(place - k) & (SIZE - 1)];
    return 10 ** (gain_db / 20);
  }

  /**
   * @param {Float32Array[][]} inputs
   * @param {Float32Array[][]} outputs
   */
  process([input], [output]) {
    for (let n = 0; n < output[0].length; n++) {
      const at = this.count++;
      this.rings.forEach((ring, channel) => {
        const value = input[channel]?.[n] ?? input[0]?.[n] ?? 0;
        ring[at & (SIZE - 1)] = value;
        if (2 * Math.abs(value) > this.ceiling) this.loudAt = at;
      });
      const place = this.hold(at - REACH);
      const gain = this.gainOf(place);
      output.forEach((channel, i) => { channel[n] = this.rings[i][place & (SIZE - 1)] * gain; });
    }
    return true;
  }
}

registerProcessor("true-peak-limiter", Limiter);
