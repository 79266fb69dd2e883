// AudioWorklet: the analytic prior, sample by sample, while its parameters are dragged.
//
// Every mode is a complex number turned and shrunk by one exact factor a sample, so frequency and decay may
// change while it rings without a click; levels glide over one quantum. Messages:
//   {type: "noise", tables: [Float32Array|null]}   looping band noise of mean square 1 (power-of-two length)
//   {type: "set", bank: {frequency_hz, gain, decay_per_s, phase_rad, rise_s, fine, step_s, stages: [{gain, decay_per_s, even}]}}
//     fine: gains of the noise's fine envelope every step_s, or null; even: a stage that it leaves as it is
//   {type: "strike", gain}                         a new voice; the one before fades out in FADE_S
//   {type: "stop"}

const FADE_S = 0.012;
const INAUDIBLE = 1e-7; // -140 dB
const QUANTUM = 128;

/** Rotation factors a sample and a quantum, per mode, and decay factors per noise band. */
function coefficients(bank) {
  const count = bank.frequency_hz.length;
  const rates = { count, c: new Float64Array(count), s: new Float64Array(count), cq: new Float64Array(count), sq: new Float64Array(count), gain: new Float64Array(count) };
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
  rates.rise = (bank.rise_s ?? 0) * sampleRate;
  rates.fine = bank.fine ?? null;
  rates.step = (bank.step_s ?? 1) * sampleRate;
  rates.stages = bank.stages.map((stage) => ({
    even: Boolean(stage.even),
    gain: Float64Array.from(stage.gain),
    step: Float64Array.from(stage.decay_per_s, (decay) => Math.exp(-decay / sampleRate)),
  }));
  return rates;
}

function sameShape(a, b) {
  return a.count === b.count && a.stages.length === b.stages.length && a.stages.every((stage, i) => stage.gain.length === b.stages[i].gain.length);
}

class Voice {
  constructor(rates, phase_rad, level, noiseLength) {
    this.rates = rates;
    this.level = level;
    this.fade = 1;
    this.fadeStep = 0;
    this.age = 0;
    this.re = Float64Array.from({ length: rates.count }, (_, k) => Math.cos(phase_rad[k] ?? 0));
    this.im = Float64Array.from({ length: rates.count }, (_, k) => Math.sin(phase_rad[k] ?? 0));
    this.gain = rates.gain.slice();
    this.noise = rates.stages.map((stage) => ({
      gain: stage.gain.slice(),
      envelope: new Float64Array(stage.gain.length).fill(1),
      offset: Uint32Array.from(stage.gain, () => Math.floor(Math.random() * noiseLength)),
    }));
  }

  release() {
    if (this.fadeStep === 0) this.fadeStep = 1 / (FADE_S * sampleRate);
  }

  /** Add one quantum to ``sum``; false when nothing is left to hear. */
  add(sum, tables) {
    const heard = this.addModes(sum) | this.addNoise(sum, tables);
    this.age += sum.length;
    return Boolean(heard);
  }

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

  /** Gains of the fine envelope over one quantum; null beyond its end. */
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

  addNoise(sum, tables) {
    let heard = 0;
    const shaped = this.shapeNoise(sum.length);
    this.rates.stages.forEach((stage, index) => {
      const fine = stage.even ? null : shaped;
      const { gain, envelope, offset } = this.noise[index];
      for (let band = 0; band < stage.gain.length; band++) {
        const table = tables[band];
        const target = stage.gain[band];
        if (!table || Math.max(gain[band], target) * this.level * envelope[band] < INAUDIBLE) continue;
        heard = 1;
        const mask = table.length - 1;
        const step = stage.step[band];
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
  constructor(options) {
    super();
    this.tables = [];
    this.rates = null;
    this.phase_rad = [];
    this.voices = [];
    this.sum = new Float64Array(QUANTUM);
    this.port.onmessage = (event) => this.receive(event.data);
    for (const message of options.processorOptions?.messages ?? []) this.receive(message);
  }

  receive(message) {
    if (message.type === "noise") this.tables = message.tables;
    else if (message.type === "set") this.set(message.bank);
    else if (message.type === "strike") this.strike(message.gain);
    else if (message.type === "stop") this.voices.forEach((voice) => voice.release());
  }

  set(bank) {
    const rates = coefficients(bank);
    this.phase_rad = bank.phase_rad;
    this.rates = rates;
    for (const voice of this.voices) {
      if (sameShape(voice.rates, rates)) voice.rates = rates;
      else voice.release();
    }
  }

  strike(gain) {
    if (!this.rates) return;
    this.voices.forEach((voice) => voice.release());
    this.voices = this.voices.slice(-2);
    const noiseLength = this.tables.find(Boolean)?.length ?? 1;
    this.voices.push(new Voice(this.rates, this.phase_rad, gain, noiseLength));
  }

  process(_inputs, outputs) {
    const output = outputs[0][0];
    const sum = this.sum;
    this.voices = this.voices.filter((voice) => {
      sum.fill(0);
      const start = voice.age;
      const heard = voice.add(sum, this.tables);
      const { rise } = voice.rates;
      for (let n = 0; n < Math.min(sum.length, rise - start); n++) sum[n] *= 0.5 - 0.5 * Math.cos((Math.PI * (start + n)) / rise);
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
