// The part of AudioWorkletGlobalScope that preview_worklet.js uses, and the messages it takes.

export {};

declare global {
  const sampleRate: number;
  class AudioWorkletProcessor {
    constructor(options?: AudioWorkletNodeOptions);
    readonly port: MessagePort;
  }
  function registerProcessor(name: string, processor: new (options: AudioWorkletNodeOptions) => AudioWorkletProcessor): void;
}

/** A component of the noise: gains and decays per band; ``even`` if the fine envelope leaves it as it is. */
export interface BankNoise {
  gain: number[];
  decay_per_s: number[];
  even: boolean;
}

/** A sound as the worklet plays it, levels as gains. */
export interface BankState {
  frequency_hz: number[];
  gain: number[];
  decay_per_s: number[];
  phase_rad: number[];
  rise_s: number;
  /** Gains of the noise's fine envelope every ``step_s``; null for none. */
  fine: number[] | null;
  step_s: number;
  noise: BankNoise[];
}

export type BankMessage =
  /** Looping band noise of mean square 1 (power-of-two length); null for a band above Nyquist. */
  | { type: "noise"; tables: (Float32Array | null)[] }
  | { type: "set"; bank: BankState }
  /** What else a strike sounds, beginning ``lead`` samples before the modes and noise; null for none. */
  | { type: "rest"; samples: Float32Array | null; lead: number }
  /** A new voice; the one before fades out. */
  | { type: "strike"; gain: number }
  | { type: "stop" };
