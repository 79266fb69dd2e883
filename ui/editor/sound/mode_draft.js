// A change to several modes under way: one draft, shown and heard at once, sent as one edit when it is let go.
//
// What is dragged is what is heard; under macros the sound's own modes are moved so that the heard ones follow.

import { heard, ownValues } from "../audio/macros.js";
import { clamp } from "../audio/units.js";
import { newGesture } from "../widgets/controls.js";
/** @import { ModeQuantity, ModeValues, Sound, Store } from "../state/types.d.ts" */

const LIMITS = { frequency_hz: [10, 23900], power_db: [-120, 24], decay_per_s: [6.908 / 60, 6908] };
const NAMES = Object.keys(LIMITS);
const SETTLE_MS = 2000;

/**
 * ``host``: {sound() -> the sound in its own modes with other drafts, changed(), preview(sound), committed(soundId)}.
 * @param {Store} store
 * @param {DraftHost} host
 */
export function createModeEdit(store, host) {
  /** @type {Draft | null} */
  let draft = null; // {soundId, indices, own, start, values, gesture, sent}: own and values of the sound, start as heard
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {Iterable<number>} chosen */
  function begin(chosen, gesture = newGesture()) {
    clearTimeout(timer);
    const sound = host.sound();
    const indices = [...chosen].filter((i) => i < sound.modes.frequency_hz.length).sort((a, b) => a - b);
    /** @param {ModeValues} modes */
    const pick = (modes) => Object.fromEntries(NAMES.map((name) => [name, indices.map((i) => modes[name][i])]));
    const own = pick(sound.modes);
    draft = { soundId: sound.id, indices, own, start: pick(heard(sound).modes), values: structuredClone(own), gesture, sent: false };
  }

  /**
   * Scale the draft from where it began: frequencies and decay rates by ratio, power by dB, all together.
   * @param {number} power_db
   */
  function scale(frequencyRatio, power_db, decayRatio) {
    if (!draft) return;
    const { start, indices } = draft;
    /**
     * @param {ModeQuantity} name
     * @param {number} wanted
     */
    const ratio = (name, wanted) => clamp(wanted, Math.max(...start[name].map((v) => LIMITS[name][0] / v)), Math.min(...start[name].map((v) => LIMITS[name][1] / v)));
    const f = ratio("frequency_hz", frequencyRatio);
    const d = ratio("decay_per_s", decayRatio);
    const wanted = {
      frequency_hz: start.frequency_hz.map((v) => v * f),
      power_db: start.power_db.map((v) => clamp(v + power_db, ...LIMITS.power_db)),
      decay_per_s: start.decay_per_s.map((v) => v * d),
    };
    const own = ownValues(host.sound(), indices, wanted);
    for (const name of NAMES) draft.values[name] = own[name].map((v) => clamp(v, ...LIMITS[name]));
    host.changed();
    host.preview(host.sound());
  }

  function commit() {
    if (!draft) return;
    const { soundId, indices, own, values, gesture } = draft;
    const edit = { kind: "set_modes", sound_id: soundId, indices };
    for (const name of NAMES) {
      if (values[name].some((v, i) => Math.abs(v - own[name][i]) > 1e-9)) edit[name] = values[name];
    }
    if (Object.keys(edit).length === 3) {
      cancel();
      return;
    }
    draft.sent = true;
    timer = setTimeout(cancel, SETTLE_MS);
    host.committed(soundId);
    store.edit(edit, gesture);
  }

  function cancel() {
    clearTimeout(timer);
    draft = null;
    host.changed();
  }

  /**
   * The sound with the draft in it.
   * @param {Sound} sound
   */
  function shown(sound) {
    if (!sound || !draft || draft.soundId !== sound.id) return sound;
    const modes = { ...sound.modes };
    for (const name of NAMES) {
      modes[name] = modes[name].slice();
      draft.indices.forEach((index, i) => {
        if (index < modes[name].length) modes[name][index] = draft.values[name][i];
      });
    }
    return { ...sound, modes };
  }

  return {
    begin, scale, commit, cancel, shown,
    /** The server's view wins over a draft that was sent. */
    settle() {
      if (draft?.sent) {
        clearTimeout(timer);
        draft = null;
      }
    },
    get active() { return Boolean(draft && !draft.sent); },
  };
}
