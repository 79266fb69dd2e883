// @ts-check
// AudioWorklet: the analytic prior, sample by sample, while its parameters are dragged.
//
// Every mode is a complex number turned and shrunk by one exact factor a sample, so frequency and decay may
// change while it rings without a click; levels glide over one quantum. worklet.d.ts describes the messages.

/** @import { BankMessage, BankState } from "./worklet.d.ts" */

const FADE_S = 0.012;
const INAUDIBLE = 1e-7; // -140 dB
const QUANTUM = 128;

/** @typedef {ReturnType<typeof coefficients>} Coefficients */
/** @typedef {{samples: Float32Array, lead: number}} Rest what else a strike sounds, and the samples of it before the own attack, whole quanta */

const NONE = { samples: new Float32Array(0), lead: 0 };

/**
 * The rest of a strike with silence before it, so that the own attack falls on the start of a quantum.
 * @param {Float32Array} samples
 * @param {number} lead
 */
function onQuanta(samples, lead) {
  const silence = (QUANTUM - (lead % QUANTUM)) % QUANTUM;
  const padded = new Float32Array(silence + samples.length);
  padded.set(samples, silence);
  return { samples: padded, lead: lead + silence };
}

/**
 * Rotation factors a sample and a quantum, per mode, and decay factors per noise band.
 * @param {BankState} bank
 */
function coefficients(bank) {
  const count = bank.frequency_hz.length;
  const rates = {
    count, c: new Float64Array(count), s: new Float64Array(count), cq: new Float64Array(count), sq: new Float64Array(count), gain: new Float64Array(count),
    rise: bank.rise_s * sampleRate,
    fine: bank.fine,
    step: bank.step_s * sampleRate,
    noise: bank.noise.map((component) => ({
      even: component.even,
      gain: Float64Array.from(component.gain),
      step: Float64Array.from(component.decay_per_s, (decay) => Math.exp(-decay / sampleRate)),
    })),
  };
  for (let k = 0; k < count; k++) {
    const angle = (2 * Math.PI * bank.frequency_hz[k]) / sampleRate;
    const shrink = Math.exp(-bank.decay_per_s[k] / sampleRate);
    const shrinkQuantum = Math.exp((-bank.decay_per_s[k] * QUANTUM) / sampleRate);
    rates.c[k] = shrink * Math.cos(angle);
    rates.s[k] = shrink * Math.sin(angle);
    rates.cq[k] = shrinkQuantum * Math.cos(angle * QUANTUM);
    rates.sq[k] = shrinkQuantum * Math.sin(angle * QUANTUM);
    rates.gain[k] = bank.frequency_hz[k] < sampleRate / 2 ? bank.gain[k] : 0;
  }
  return rates;
}

/**
 * @param {Coefficients} a
 * @param {Coefficients} b
 */
function sameShape(a, b) {
  return a.count === b.count && a.noise.length === b.noise.length && a.noise.every((component, i) => component.gain.length === b.noise[i].gain.length);
}

class Voice {
  /**
   * @param {Coefficients} rates
   * @param {number[]} phase_rad
   * @param {number} level
   * @param {number} noiseLength
   * @param {Rest} rest
   */
  constructor(rates, phase_rad, level, noiseLength, rest) {
    this.rates = rates;
    this.rest = rest;
    this.place = -rest.lead; // samples since the own attack
    this.level = level;
    this.fade = 1;
    this.fadeStep = 0;
    this.age = 0;
    this.re = Float64Array.from({ length: rates.count }, (_, k) => Math.cos(phase_rad[k] ?? 0));
    this.im = Float64Array.from({ length: rates.count }, (_, k) => Math.sin(phase_rad[k] ?? 0));
    this.gain = rates.gain.slice();
    this.noise = rates.noise.map((component) => ({
      gain: component.gain.slice(),
      envelope: new Float64Array(component.gain.length).fill(1),
      offset: Uint32Array.from(component.gain, () => Math.floor(Math.random() * noiseLength)),
    }));
  }

  release() {
    if (this.fadeStep === 0) this.fadeStep = 1 / (FADE_S * sampleRate);
  }

  /**
   * Add one quantum to ``sum``; false once all is inaudible.
   * @param {Float64Array} sum
   * @param {(Float32Array | null)[]} tables
   */
  add(sum, tables) {
    const isWaiting = this.place < 0;
    const heard = isWaiting || this.addOwn(sum, tables) || this.place + this.rest.lead < this.rest.samples.length;
    const { samples, lead } = this.rest;
    const first = this.place + lead;
    for (let n = 0; n < sum.length && first + n < samples.length; n++) sum[n] += samples[first + n];
    this.place += sum.length;
    return heard;
  }

  /**
   * Modes and noise under the fade-in of the rise.
   * @param {Float64Array} sum
   * @param {(Float32Array | null)[]} tables
   */
  addOwn(sum, tables) {
    const heard = this.addModes(sum) | this.addNoise(sum, tables);
    const { rise } = this.rates;
    for (let n = 0; n < Math.min(sum.length, rise - this.age); n++) sum[n] *= 0.5 - 0.5 * Math.cos(Math.PI * Math.min(1, (this.age + n + 0.5) / rise)); // at its middle
    this.age += sum.length;
    return Boolean(heard);
  }

  /** @param {Float64Array} sum */
  addModes(sum) {
    const { rates, re, im, gain } = this;
    let heard = 0;
    for (let k = 0; k < rates.count; k++) {
      const target = rates.gain[k];
      let level = gain[k];
      let x = re[k];
      let y = im[k];
      if (Math.max(level, target) * this.level * (Math.abs(x) + Math.abs(y)) < INAUDIBLE) {
        re[k] = x * rates.cq[k] - y * rates.sq[k];
        im[k] = x * rates.sq[k] + y * rates.cq[k];
        gain[k] = target;
        continue;
      }
      heard = 1;
      const c = rates.c[k];
      const s = rates.s[k];
      const slope = (target - level) / sum.length;
      for (let n = 0; n < sum.length; n++) {
        sum[n] += level * x;
        level += slope;
        const next = x * c - y * s;
        y = x * s + y * c;
        x = next;
      }
      re[k] = x;
      im[k] = y;
      gain[k] = target;
    }
    return heard;
  }

  /**
   * Gains of the fine envelope over one quantum; null beyond its end.
   * @param {number} length
   */
  shapeNoise(length) {
    const { fine, step } = this.rates;
    if (!fine || this.age >= (fine.length - 1) * step) return null;
    const gains = new Float64Array(length);
    for (let n = 0; n < length; n++) {
      const place = (this.age + n) / step;
      const k = Math.floor(place);
      gains[n] = k + 1 < fine.length ? fine[k] + (fine[k + 1] - fine[k]) * (place - k) : 1;
    }
    return gains;
  }

  /**
   * @param {Float64Array} sum
   * @param {(Float32Array | null)[]} tables
   */
  addNoise(sum, tables) {
    let heard = 0;
    const shaped = this.shapeNoise(sum.length);
    this.rates.noise.forEach((component, index) => {
      const fine = component.even ? null : shaped;
      const { gain, envelope, offset } = this.noise[index];
      for (let band = 0; band < component.gain.length; band++) {
        const table = tables[band];
        const target = component.gain[band];
        if (!table || Math.max(gain[band], target) * this.level * envelope[band] < INAUDIBLE) continue;
        heard = 1;
        const mask = table.length - 1;
        const step = component.step[band];
        const slope = (target - gain[band]) / sum.length;
        let level = gain[band];
        let size = envelope[band];
        const start = offset[band] + this.age;
        for (let n = 0; n < sum.length; n++) {
          sum[n] += level * size * (fine ? fine[n] : 1) * table[(start + n) & mask];
          level += slope;
          size *= step;
        }
        gain[band] = target;
        envelope[band] = size;
      }
    });
    return heard;
  }
}

class ModalBank extends AudioWorkletProcessor {
  /** @param {AudioWorkletNodeOptions} options */
  constructor(options) {
    super();
    /** @type {(Float32Array | null)[]} */
    this.tables = [];
    /** @type {Coefficients | null} */
    this.rates = null;
    /** @type {number[]} */
    this.phase_rad = [];
    /** @type {Rest} */
    this.rest = NONE;
    /** @type {Voice[]} */
    this.voices = [];
    this.sum = new Float64Array(QUANTUM);
    this.port.onmessage = (event) => this.receive(event.data);
    for (const message of options.processorOptions?.messages ?? []) this.receive(message);
  }

  /** @param {BankMessage} message */
  receive(message) {
    if (message.type === "noise") this.tables = message.tables;
    else if (message.type === "set") this.set(message.bank);
    else if (message.type === "rest") this.rest = message.samples ? onQuanta(message.samples, message.lead) : NONE;
    else if (message.type === "strike") this.strike(message.gain);
    else if (message.type === "stop") this.voices.forEach((voice) => voice.release());
  }

  /** @param {BankState} bank */
  set(bank) {
    const rates = coefficients(bank);
    this.phase_rad = bank.phase_rad;
    this.rates = rates;
    for (const voice of this.voices) {
      if (sameShape(voice.rates, rates)) voice.rates = rates;
      else voice.release();
    }
  }

  /** @param {number} gain */
  strike(gain) {
    if (!this.rates) return;
    this.voices.forEach((voice) => voice.release());
    this.voices = this.voices.slice(-2);
    const noiseLength = this.tables.find(Boolean)?.length ?? 1;
    this.voices.push(new Voice(this.rates, this.phase_rad, gain, noiseLength, this.rest));
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, outputs) {
    const output = outputs[0][0];
    const sum = this.sum;
    this.voices = this.voices.filter((voice) => {
      sum.fill(0);
      const heard = voice.add(sum, this.tables);
      for (let n = 0; n < output.length; n++) {
        output[n] += sum[n] * voice.level * voice.fade;
        voice.fade = Math.max(0, voice.fade - voice.fadeStep);
      }
      return heard && voice.fade > 0;
    });
    return true;
  }
}

registerProcessor("modal-bank", ModalBank);
