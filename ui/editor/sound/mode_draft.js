// @ts-check
// A change to several modes under way: shown and heard at once, sent as one edit when it is let go.
//
// What is dragged is what is heard; under macros the sound's own modes are moved so that the heard ones follow.

import { heard, ownValues } from "../audio/macros.js";
import { clamp } from "../audio/units.js";
import { newGesture } from "../widgets/controls.js";
/** @import { ModeQuantity, ModeValues, Sound, Store } from "../state/types.d.ts" */
/** @import { SetModes } from "../state/protocol.d.ts" */

/** @type {Record<ModeQuantity, [number, number]>} */
const LIMITS = { frequency_hz: [10, 23900], power_db: [-120, 24], decay_per_s: [6.908 / 60, 6908] };
const NAMES = /** @type {ModeQuantity[]} */ (Object.keys(LIMITS));

/** @typedef {{soundId: string, indices: number[], own: ModeValues, start: ModeValues, values: ModeValues, gesture: string}} Draft */

/**
 * ``host``: {sound() -> the sound in its own modes as shown, preview(sound), committed(soundId)}.
 * @param {Store} store
 * @param {{sound: () => Sound, preview: (sound: Sound) => void, committed: (soundId: string) => void}} host
 */
export function createModeEdit(store, host) {
  /** @type {Draft | null} */
  let draft = null; // own and values of the sound's modes, start as heard

  /**
   * @param {Iterable<number>} chosen
   * @param {string} gesture
   */
  function begin(chosen, gesture = newGesture()) {
    const sound = host.sound();
    const indices = [...chosen].filter((i) => i < sound.modes.frequency_hz.length).sort((a, b) => a - b);
    /** @param {ModeValues} modes */
    const pick = ({ frequency_hz, power_db, decay_per_s }) => ({
      frequency_hz: indices.map((i) => frequency_hz[i]), power_db: indices.map((i) => power_db[i]), decay_per_s: indices.map((i) => decay_per_s[i]),
    });
    const own = pick(sound.modes);
    draft = { soundId: sound.id, indices, own, start: pick(heard(sound).modes), values: own, gesture };
  }

  /**
   * Scale the draft from where it began: frequencies and decay rates by ratio, power by dB, all together.
   * @param {number} frequencyRatio
   * @param {number} power_db
   * @param {number} decayRatio
   */
  function scale(frequencyRatio, power_db, decayRatio) {
    if (!draft) return;
    const { start, indices, soundId } = draft;
    /**
     * @param {ModeQuantity} name
     * @param {number} wanted
     */
    const ratio = (name, wanted) => clamp(wanted, Math.max(...start[name].map((v) => LIMITS[name][0] / v)), Math.min(...start[name].map((v) => LIMITS[name][1] / v)));
    const f = ratio("frequency_hz", frequencyRatio);
    const d = ratio("decay_per_s", decayRatio);
    const moved = () => store.view?.project?.sounds.find(({ id }) => id === soundId); // another may be on show by now
    const sound = moved();
    if (!sound) return;
    const own = ownValues(sound, indices, {
      frequency_hz: start.frequency_hz.map((v) => v * f),
      power_db: start.power_db.map((v) => clamp(v + power_db, ...LIMITS.power_db)),
      decay_per_s: start.decay_per_s.map((v) => v * d),
    });
    /** @param {ModeQuantity} name */
    const within = (name) => own[name].map((/** @type {number} */ v) => clamp(v, ...LIMITS[name]));
    draft.values = { frequency_hz: within("frequency_hz"), power_db: within("power_db"), decay_per_s: within("decay_per_s") };
    store.hold({ kind: "set_modes", sound_id: soundId, indices, ...draft.values });
    host.preview(moved() ?? sound);
  }

  function commit() {
    if (!draft) return;
    const { soundId, indices, own, values, gesture } = draft;
    const changed = NAMES.filter((name) => values[name].some((v, i) => Math.abs(v - own[name][i]) > 1e-9));
    if (!changed.length) {
      cancel();
      return;
    }
    draft = null;
    host.committed(soundId);
    /** @type {SetModes} */
    const edit = { kind: "set_modes", sound_id: soundId, indices, ...Object.fromEntries(changed.map((name) => [name, values[name]])) };
    store.edit(edit, gesture);
  }

  function cancel() {
    draft = null;
    store.hold(null);
  }

  return {
    begin, scale, commit, cancel,
    get active() { return draft !== null; },
  };
}
