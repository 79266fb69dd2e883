// @ts-check
// Level, pan and width of one sound in the stereo mix, by the engine's balance law.

export const FADE_S = 0.005;

/**
 * Gains of left and right: unity in both at the centre.
 * @param {number} pan
 */
function panGains(pan) {
  return [Math.min(1, 1 - pan), Math.min(1, 1 + pan)];
}

/**
 * Gains from mid and side to left and right: the side is as loud in both, with opposite signs, and leaves their sum.
 * @param {number} gain
 * @param {number} pan
 * @param {number} width 0 to 1
 */
export function stereoGains(gain, pan, width) {
  const [left, right] = panGains(pan);
  const side = gain * width * Math.min(left, right);
  return [gain * left, gain * right, side, -side];
}

/**
 * A gain stage to stereo, feeding ``destination``: from a mono sound, or from one whose channels are mid and side.
 * @param {BaseAudioContext} context
 * @param {AudioNode} destination
 * @param {number} gain
 * @param {number} pan -1 (left) to 1
 * @param {number | null} when_s context time at which to fade in; null to sound at once
 * @param {number} width of the side, 0 to 1
 * @param {number} fade_s how long it fades in
 */
export function createPanner(context, destination, gain, pan, when_s = null, width = 0, fade_s = FADE_S) {
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const input = new GainNode(context, { channelCount: 2, channelCountMode: "explicit", channelInterpretation: "discrete" });
  const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  input.connect(splitter);
  const sides = stereoGains(gain, pan, width).map((level, place) => {
    const node = new GainNode(context, { gain: when_s === null ? level : 0 });
    if (when_s !== null) {
      node.gain.setValueAtTime(0, when_s);
      node.gain.linearRampToValueAtTime(level, when_s + fade_s);
    }
    splitter.connect(node, place < 2 ? 0 : 1);
    node.connect(merger, 0, place % 2);
    return node;
  });
  merger.connect(destination);
  return {
    input,
    /**
     * @param {number} nextGain
     * @param {number} nextPan
     * @param {number} nextWidth
     */
    set(nextGain, nextPan, nextWidth = 0) {
      stereoGains(nextGain, nextPan, nextWidth).forEach((level, place) => sides[place].gain.setTargetAtTime(level, context.currentTime, 0.004));
    },
    release() {
      for (const side of sides) {
        side.gain.cancelScheduledValues(context.currentTime);
        side.gain.setTargetAtTime(0, context.currentTime, FADE_S / 3);
      }
    },
    disconnect: () => merger.disconnect(),
  };
}
