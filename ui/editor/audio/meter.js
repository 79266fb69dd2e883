// @ts-check
// Levels of what is heard: RMS, peak, clipping and a short-term loudness estimate (ITU-R BS.1770 weighting, 3 s).

import { gainToDb, SILENCE_DB } from "./units.js";

const BLOCK_SAMPLES = 8192;
// The two stages of K weighting at 48 kHz, coefficients of ITU-R BS.1770-4, tables 1 and 2.
const SHELF = { feedforward: [1.53512485958697, -2.69169618940638, 1.19839281085285], feedback: [1, -1.69065929318241, 0.73248077421585] };
const RUMBLE = { feedforward: [1, -2, 1], feedback: [1, -1.99004745483398, 0.99007225036621] };
const BLOCKS = 18; // 18 blocks of 8192 samples are 3 s at 48 kHz

/**
 * Tap a stereo node.
 * @param {BaseAudioContext} context
 * @param {AudioNode} node
 */
export function createMeter(context, node) {
  const shelf = new IIRFilterNode(context, SHELF);
  const rumble = new IIRFilterNode(context, RUMBLE);
  const stereo = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
  node.connect(stereo);
  stereo.connect(shelf).connect(rumble);
  /**
   * @param {AudioNode} source
   * @param {number} size
   */
  const taps = (source, size) => {
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    source.connect(splitter);
    return [0, 1].map((channel) => {
      const analyser = new AnalyserNode(context, { fftSize: size });
      splitter.connect(analyser, channel);
      return analyser;
    });
  };
  const plain = taps(stereo, 2048);
  const weighted = taps(rumble, BLOCK_SAMPLES);
  const scratch = { plain: new Float32Array(2048), weighted: new Float32Array(BLOCK_SAMPLES) };
  /** @type {number[]} */
  const blocks = [];
  let nextBlock_s = 0;
  let clipped = false;

  /** @param {Float32Array} samples */
  function meanSquare(samples) {
    let sum = 0;
    for (const value of samples) sum += value * value;
    return sum / samples.length;
  }

  /** RMS and peak now, loudness over 3 s (null while it is silent), and whether anything went over full scale. */
  function read() {
    let peak = 0;
    let power = 0;
    for (const analyser of plain) {
      analyser.getFloatTimeDomainData(scratch.plain);
      power = Math.max(power, meanSquare(scratch.plain));
      for (const value of scratch.plain) peak = Math.max(peak, Math.abs(value));
    }
    if (peak > 1) clipped = true;
    if (context.currentTime >= nextBlock_s) {
      nextBlock_s = context.currentTime + BLOCK_SAMPLES / context.sampleRate;
      let sum = 0;
      for (const analyser of weighted) {
        analyser.getFloatTimeDomainData(scratch.weighted);
        sum += meanSquare(scratch.weighted);
      }
      blocks.push(sum);
      if (blocks.length > BLOCKS) blocks.shift();
    }
    const loudness = -0.691 + 10 * Math.log10(blocks.reduce((a, b) => a + b, 0) / Math.max(1, blocks.length) + 1e-20);
    return {
      rms_db: power > 0 ? 10 * Math.log10(power) : SILENCE_DB,
      peak_db: gainToDb(peak),
      loudness_lufs: loudness > -70 ? loudness : null,
      clipped,
    };
  }

  return { read, clear: () => { clipped = false; } };
}
