// Conversions, formats and readers of quantities shown in the editor: Hz and notes, dB, seconds, timecode, colours.

export const ENVELOPE_STEP_S = 0.005; // of a residual's fine envelope
export const ENVELOPE_RANGE_DB = [-40, 20];
export const LN_60_DB = Math.log(1000); // T60 = LN_60_DB / decay_per_s
export const SAMPLE_RATE_HZ = 48000;
export const SILENCE_DB = -200;

const MINUS = "\u2212";
const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const STEPS = { c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11 };
const SOUND_COLORS = ["#4fd1c5", "#a78bfa", "#ff7b72", "#6cb6ff"];

export const dbToGain = (level_db) => 10 ** (level_db / 20);
export const gainToDb = (gain) => (gain > 0 ? Math.max(SILENCE_DB, 20 * Math.log10(gain)) : SILENCE_DB);
export const decayToT60 = (decay_per_s) => (decay_per_s > 0 ? LN_60_DB / decay_per_s : Infinity);
export const t60ToDecay = (t60_s) => LN_60_DB / t60_s;
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export const geometricMean = (values) => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
export const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** The colour of a sound: by its place among the project's sounds. */
export function soundColor(project, soundId) {
  const index = project.sounds.findIndex((sound) => sound.id === soundId);
  return index < 0 ? "#93a0b0" : SOUND_COLORS[index % SOUND_COLORS.length];
}

/** The nearest equal-tempered note, such as "D6" (A4 = 440 Hz). */
export function noteName(frequency_hz) {
  const key = Math.round(69 + 12 * Math.log2(frequency_hz / 440));
  return NOTES[((key % 12) + 12) % 12] + (Math.floor(key / 12) - 1);
}

/** Distance in cents from the nearest equal-tempered note. */
export function centsOff(frequency_hz) {
  const key = 69 + 12 * Math.log2(frequency_hz / 440);
  return Math.round((key - Math.round(key)) * 100);
}

const signed = (text) => text.replace("-", MINUS);

/** "1184.2 Hz". */
export function formatHz(frequency_hz) {
  return `${frequency_hz.toFixed(frequency_hz < 10000 ? 1 : 0)} Hz`;
}

/** "−14.6 dB"; with ``plus``, "+1.5 dB". */
export function formatDb(level_db, plus = false) {
  const text = (Math.abs(level_db) < 0.05 ? 0 : level_db).toFixed(1);
  return `${signed(plus && level_db >= 0.05 ? `+${text}` : text)} dB`;
}

/** "0.82 s", "45 ms", or "∞". */
export function formatSeconds(duration_s) {
  if (!Number.isFinite(duration_s)) return "∞";
  if (duration_s < 0.1) return `${(duration_s * 1000).toFixed(duration_s < 0.01 ? 1 : 0)} ms`;
  return `${duration_s.toFixed(duration_s < 10 ? 2 : 1)} s`;
}

/** "L 35", "centre", "R 35". */
export function formatPan(pan) {
  const percent = Math.round(Math.abs(pan) * 100);
  return percent === 0 ? "centre" : `${pan < 0 ? "L" : "R"} ${percent}`;
}

function readNumber(text) {
  const found = text.trim().replace(/[\u2212\u2013]/g, "-").replace(/\s+/g, "").match(/^([+-]?(?:\d+\.?\d*|[.,]\d+)(?:[.,]\d+)?)(.*)$/);
  if (!found) return null;
  const value = Number(found[1].replace(",", "."));
  return Number.isFinite(value) ? { value, unit: found[2].toLowerCase() } : null;
}

/** "1184 Hz", "1.2 kHz", "1k2" is not read; "D6", "F#3", "Bb2 +12" (cents). Null when it says nothing. */
export function readHz(text) {
  const note = text.trim().toLowerCase().match(/^([a-g])\s*(#|♯|b|♭)?\s*(-?\d)\s*([+\-\u2212]\s*\d+(?:\.\d+)?)?\s*(?:c|ct|cents?)?$/);
  if (note) {
    const accidental = note[2] ? (note[2] === "#" || note[2] === "♯" ? 1 : -1) : 0;
    const key = STEPS[note[1]] + accidental + (Number(note[3]) + 1) * 12;
    const cents = note[4] ? Number(note[4].replace("\u2212", "-").replace(/\s/g, "")) : 0;
    return 440 * 2 ** ((key - 69) / 12 + cents / 1200);
  }
  const number = readNumber(text.split("·")[0]);
  if (!number || number.value <= 0 || !["", "hz", "k", "khz"].includes(number.unit)) return null;
  return number.unit.startsWith("k") ? number.value * 1000 : number.value;
}

/** "-14.6 dB" or "-14.6". */
export function readDb(text) {
  const number = readNumber(text);
  return number && ["", "db", "dbfs"].includes(number.unit) ? number.value : null;
}

/** "0.82 s", "820 ms", "0.82"; always seconds. */
export function readSeconds(text) {
  const number = readNumber(text.replace(/^\s*t60/i, ""));
  if (!number || number.value <= 0 || !["", "s", "sec", "ms"].includes(number.unit)) return null;
  return number.unit === "ms" ? number.value / 1000 : number.value;
}

/** "L 35", "R35", "centre", "-0.35", "35%". */
export function readPan(text) {
  const word = text.trim().toLowerCase();
  if (["c", "centre", "center", "mid", "middle"].includes(word)) return 0;
  const side = word.match(/^([lr])\w*\s*(\d+(?:\.\d+)?)\s*%?$/) ?? word.match(/^(\d+(?:\.\d+)?)\s*%?\s*([lr])\w*$/);
  if (side) {
    const left = side[1] === "l" || side[2] === "l";
    return clamp(Number(/\d/.test(side[1]) ? side[1] : side[2]) / 100, 0, 1) * (left ? -1 : 1);
  }
  const number = readNumber(text);
  if (!number || !["", "%"].includes(number.unit)) return null;
  const value = number.unit === "%" || Math.abs(number.value) > 1 ? number.value / 100 : number.value;
  return clamp(value, -1, 1);
}

/** A plain number whose unit may be any of ``units``. */
export function readPlain(text, units = []) {
  const number = readNumber(text);
  return number && (number.unit === "" || units.includes(number.unit)) ? number.value : null;
}

/** Frames per second of "30000/1001". */
export function frameRate(text) {
  const [numerator, denominator] = String(text).split("/").map(Number);
  return numerator / (denominator || 1);
}

const dropsFrames = (rate) => [30, 60].some((nominal) => Math.abs(rate - (nominal * 1000) / 1001) < 1e-6);

function timecodeToFrame(text, rate) {
  const found = text.trim().match(/^(\d{1,2}):([0-5]?\d):([0-5]?\d)([:;])(\d{1,3})$/);
  if (!found) return null;
  const nominal = Math.round(rate);
  const [hours, minutes, seconds, frames] = [1, 2, 3, 5].map((i) => Number(found[i]));
  if (frames >= nominal) return null;
  const whole = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames;
  if (found[4] !== ";" || !dropsFrames(rate)) return whole;
  const total = hours * 60 + minutes;
  return whole - Math.floor(nominal / 15) * (total - Math.floor(total / 10));
}

function frameToTimecode(frame, rate, drop) {
  const nominal = Math.round(rate);
  let number = frame;
  if (drop && dropsFrames(rate)) {
    const dropped = Math.floor(nominal / 15);
    const perMinute = nominal * 60 - dropped;
    const perTen = perMinute * 10 + dropped;
    number %= perTen * 144;
    const tens = Math.floor(number / perTen);
    const rest = number % perTen;
    number += dropped * 9 * tens + (rest > dropped ? dropped * Math.floor((rest - dropped) / perMinute) : 0);
  }
  number %= nominal * 86400;
  const two = (value) => String(value).padStart(2, "0");
  const seconds = Math.floor(number / nominal);
  const separator = drop && dropsFrames(rate) ? ";" : ":";
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${separator}${two(number % nominal)}`;
}

/** Timecode on screen at a time, counted from the clip's own start timecode (drop-frame where that is). */
export function formatTimecode(time_s, clip) {
  const rate = frameRate(clip.frame_rate);
  const start = clip.start_timecode || "00:00:00:00";
  const first = timecodeToFrame(start, rate) ?? 0;
  return frameToTimecode(first + Math.floor(time_s * rate + 0.001), rate, start.includes(";"));
}

/** Clip time of "01:00:03:14", "1.234 s", "1:02.5" or "+3 f"-free seconds; null when it says nothing. */
export function readTime(text, clip) {
  const rate = frameRate(clip.frame_rate);
  const start = clip.start_timecode || "00:00:00:00";
  const frame = timecodeToFrame(start.includes(";") ? text.replace(/:(\d+)\s*$/, ";$1") : text, rate);
  if (frame !== null) return (frame - (timecodeToFrame(start, rate) ?? 0)) / rate;
  const clock = text.trim().match(/^(\d+):([0-5]?\d(?:\.\d+)?)$/);
  if (clock) return Number(clock[1]) * 60 + Number(clock[2]);
  const number = readNumber(text);
  if (!number || !["", "s", "ms"].includes(number.unit)) return null;
  return number.unit === "ms" ? number.value / 1000 : number.value;
}
