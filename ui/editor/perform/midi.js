// @ts-check
// Web MIDI: the devices that are there, and the notes that they send.

import { t } from "../texts/t.js";
import { readNote } from "./notes.js";

/** @typedef {"unasked" | "asking" | "open" | "refused" | "none" | "insecure"} MidiState */

/** @type {Record<MidiState, string>} */
const WORDS = {
  unasked: t("midi.play_by_a"),
  asking: t("midi.the_browser_asks"),
  open: t("midi.no_midi_device"),
  refused: t("midi.the_browser_refused"),
  none: t("midi.this_browser_has"),
  insecure: t("midi.browsers_give_midi"),
};

/**
 * What there is to say about MIDI; "" once a device is there.
 * @param {MidiState} state
 * @param {number} devices
 */
export const describeMidi = (state, devices) => (state === "open" && devices ? "" : WORDS[state]);

/**
 * @param {object} host
 * @param {(note: number, value: number, stamp_ms: number) => void} host.play a note of a velocity, and when it was pressed
 * @param {() => void} host.changed devices or state
 */
export function createMidi({ play, changed }) {
  /** @type {MidiState} */
  let state = typeof navigator.requestMIDIAccess === "function" ? "unasked" : globalThis.isSecureContext === false ? "insecure" : "none";
  /** @type {MIDIAccess | null} */
  let access = null;
  let chosen = ""; // id of the device that is listened to; "" for all

  /** @param {MidiState} next */
  function set(next) {
    state = next;
    changed();
  }

  /** @param {MIDIMessageEvent} event */
  function receive(event) {
    const note = readNote(event.data);
    const device = /** @type {MIDIInput | null} */ (event.target);
    if (note && ["", device?.id].includes(chosenHere())) play(note.note, note.value, event.timeStamp);
  }

  /** Listen to every device that is there; those that come later are too. */
  function listen() {
    for (const input of devices()) input.onmidimessage = receive;
    changed();
  }

  /** @returns {MIDIInput[]} */
  const devices = () => (access ? [...access.inputs.values()].filter((input) => input.state !== "disconnected") : []);

  /** The device that is listened to; all, once it is gone. */
  const chosenHere = () => (devices().some(({ id }) => id === chosen) ? chosen : "");

  /** Ask the browser, or take up what it allowed before. */
  async function connect() {
    if (!navigator.requestMIDIAccess || state === "open" || state === "asking") return;
    set("asking");
    try {
      access = await navigator.requestMIDIAccess();
      access.onstatechange = listen;
      state = "open";
      listen();
    } catch {
      set("refused");
    }
  }

  return {
    connect,
    /** Connect where the browser has allowed it already, so that nobody is asked. */
    async resume() {
      if (state !== "unasked" || !navigator.permissions) return;
      try {
        const permission = await navigator.permissions.query({ name: /** @type {PermissionName} */ ("midi") });
        if (permission.state === "granted") await connect();
      } catch {
        // a browser that does not tell: the button asks
      }
    },
    get state() { return state; },
    get devices() { return devices().map(({ id, name }) => ({ id, name: name || t("midi.a_device_without") })); },
    get chosen() { return chosenHere(); },
    /** @param {string} id */
    choose(id) {
      chosen = id;
      changed();
    },
    dispose() {
      if (!access) return;
      access.onstatechange = null;
      for (const input of access.inputs.values()) input.onmidimessage = null;
    },
  };
}
