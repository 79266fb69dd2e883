// @ts-check
// MIDI notes and the sounds that they strike; and the computer's keys.

import { noteName } from "../widgets/format.js";

const FIRST_NOTE = 36; // of drum pads (General MIDI's bass drum)
const LAST_NOTE = 127;
/** Keys that strike the sounds, by place on the keyboard, whatever the layout. */
export const KEY_CODES = ["Digit1", "Digit2", "Digit3", "Digit4", "Digit5", "Digit6", "Digit7", "Digit8", "Digit9", "Digit0"];

/** @typedef {Record<string, string>} LearntNotes sounds by the note learnt for them */

/**
 * The note that a message begins; null for any other message. A velocity of 0 ends a note.
 * @param {ArrayLike<number> | null | undefined} message
 */
export function readNote(message) {
  if (!message || message.length < 3) return null;
  const [status, note, value] = [message[0], message[1], message[2]];
  return (status & 0xf0) === 0x90 && value > 0 && value <= 127 && note <= LAST_NOTE ? { note, value, channel: (status & 0x0f) + 1 } : null;
}

/**
 * "C2", with C4 in the middle of the keyboard.
 * @param {number} note
 */
export const noteText = (note) => noteName(440 * 2 ** ((note - 69) / 12));

/**
 * Number of the sound that a key strikes, from 0; null for another key.
 * @param {string} code
 */
export function keyNumber(code) {
  const number = KEY_CODES.indexOf(code.replace("Numpad", "Digit"));
  return number < 0 ? null : number;
}

/**
 * What is on a key that strikes a sound; "" where there is none.
 * @param {number} number of the sound, from 0
 */
export const keyText = (number) => KEY_CODES[number]?.replace("Digit", "") ?? "";

/**
 * The notes of each sound: those learnt; without one, a note of its own from C2 on that is learnt for no other.
 * @param {readonly string[]} soundIds
 * @param {LearntNotes} learnt
 * @returns {Map<number, string>} sounds by note
 */
export function assignNotes(soundIds, learnt) {
  /** @type {Map<number, string>} */
  const sounds = new Map();
  for (const [note, id] of Object.entries(learnt)) if (soundIds.includes(id)) sounds.set(Number(note), id);
  const having = new Set(sounds.values());
  soundIds.forEach((id, number) => {
    const note = FIRST_NOTE + number;
    if (!having.has(id) && note <= LAST_NOTE && !sounds.has(note)) sounds.set(note, id);
  });
  return sounds;
}

/**
 * The learnt notes with one more: it strikes only this sound, and the sound has only this note.
 * @param {LearntNotes} learnt
 * @param {number} note
 * @param {string} soundId
 * @returns {LearntNotes}
 */
export function learnNote(learnt, note, soundId) {
  const others = Object.entries(learnt).filter(([other, id]) => id !== soundId && Number(other) !== note);
  return Object.fromEntries([...others, [note, soundId]]);
}
