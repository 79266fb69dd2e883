// @ts-check
// Web MIDI: the devices that are there, and the notes that they send.

import { readNote } from "./notes.js";

/** @typedef {"unasked" | "asking" | "open" | "refused" | "none" | "insecure"} MidiState */

/** @type {Record<MidiState, string>} */
const WORDS = {
  unasked: "Play by a MIDI keyboard or drum pad: each sound has a note, and the force of the press is the velocity.",
  asking: "The browser asks whether this page may use MIDI; allow it.",
  open: "No MIDI device is here. Plug one in, and it appears by itself.",
  refused: "The browser refused MIDI. Allow MIDI for this page beside its address, then connect again.",
  none: "This browser has no Web MIDI; Chrome, Edge, Opera and Firefox have it. Keys and pads play here too.",
  insecure: "Browsers give MIDI only to pages of this computer or over https; open Struck at 127.0.0.1 on this computer. Keys and pads play here too.",
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
    get devices() { return devices().map(({ id, name }) => ({ id, name: name || "A device without a name" })); },
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
