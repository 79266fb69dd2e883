// @ts-check
// Level and pan of one mono sound in the stereo mix, by the engine's balance law.

export const FADE_S = 0.005;

/**
 * Gains of left and right: unity in both at the centre.
 * @param {number} pan
 */
function panGains(pan) {
  return [Math.min(1, 1 - pan), Math.min(1, 1 + pan)];
}

/**
 * A gain stage from mono to stereo by the balance law, feeding ``destination``.
 * @param {BaseAudioContext} context
 * @param {AudioNode} destination
 * @param {number} gain
 * @param {number} pan -1 (left) to 1
 * @param {number | null} when_s context time at which to fade in; null to sound at once
 */
export function createPanner(context, destination, gain, pan, when_s = null) {
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const input = new GainNode(context);
  const sides = panGains(pan).map((side, channel) => {
    const node = new GainNode(context, { gain: when_s === null ? gain * side : 0 });
    if (when_s !== null) {
      node.gain.setValueAtTime(0, when_s);
      node.gain.linearRampToValueAtTime(gain * side, when_s + FADE_S);
    }
    input.connect(node).connect(merger, 0, channel);
    return node;
  });
  merger.connect(destination);
  return {
    input,
    /**
     * @param {number} nextGain
     * @param {number} nextPan
     */
    set(nextGain, nextPan) {
      panGains(nextPan).forEach((side, channel) => sides[channel].gain.setTargetAtTime(nextGain * side, context.currentTime, 0.004));
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
