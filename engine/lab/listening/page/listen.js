// @ts-check
/** The page of the listening test: play the sounds of a trial, take the answer, go on to the next. */

/**
 * @typedef {{ comparison: string, level: string, answers: number, share: number, interval: [number, number], p: number }} Row
 * @typedef {{ task: "abx" | "preference", total: number, done: number, file: string, letters?: string[], summary?: Row[], kept?: boolean }} State
 */

const FADE_S = 0.005;
const WORDS = {
  abx: { question: "Which of A and B is X?", hint: "X is the same sound as A or as B. Play each as often as you like.", answers: ["X is A", "X is B"] },
  preference: { question: "Which sounds more like a recording?", hint: "Play both as often as you like. There is always an answer.", answers: ["A", "B"] },
};

/** @param {string} id */
const find = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const begin = /** @type {HTMLButtonElement} */ (find("begin"));

/** @type {State | null} */
let state = null;
/** @type {AudioContext | null} */
let audio = null;
/** @type {Record<string, AudioBuffer>} */
let buffers = {};
/** @type {Record<string, number>} */
let plays = {};
/** @type {{ source: AudioBufferSourceNode, gain: GainNode } | null} */
let playing = null;
let isSending = false;

/** @param {string} text @param {boolean} [isBad] */
function say(text, isBad = false) {
  find("status").textContent = text;
  find("status").classList.toggle("is-bad", isBad);
}

/** @param {string} address @param {RequestInit} [options] @returns {Promise<Response>} */
async function ask(address, options) {
  const response = await fetch(address, options).catch(() => {
    throw new Error("The test does not answer; start it again with the same command and reload this page.");
  });
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new Error(told.error ?? "The test could not do that; reload this page.");
  }
  return response;
}

function stop() {
  if (!playing || !audio) return;
  const { source, gain } = playing;
  gain.gain.setTargetAtTime(0, audio.currentTime, FADE_S / 3);
  source.stop(audio.currentTime + 2 * FADE_S);
  playing = null;
  for (const button of document.querySelectorAll(".is-playing")) button.classList.remove("is-playing");
}

/** @param {string} letter */
function play(letter) {
  if (!audio || !state?.letters || !buffers[letter]) return;
  stop();
  const source = new AudioBufferSourceNode(audio, { buffer: buffers[letter] });
  const gain = new GainNode(audio);
  source.connect(gain).connect(audio.destination);
  const own = { source, gain };
  const button = find(`play-${letter}`);
  source.onended = () => { if (playing === own) stop(); };
  source.start();
  playing = own;
  button.classList.add("is-playing", "is-heard");
  plays[letter] = (plays[letter] ?? 0) + 1;
  showAnswers();
}

/** All sounds of a trial are heard before it can be answered. */
function showAnswers() {
  const isHeard = state?.letters?.every((letter) => plays[letter]) ?? false;
  for (const button of find("answers").querySelectorAll("button")) button.disabled = !isHeard || isSending;
}

/** @param {string} choice */
async function answer(choice) {
  if (!state?.letters || isSending || !state.letters.every((letter) => plays[letter])) return;
  isSending = true;
  showAnswers();
  stop();
  try {
    const trial = state.done;
    const body = JSON.stringify({ trial, choice, plays });
    const response = await ask("answer", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    /** @type {State} */
    const now = await response.json();
    await show(now);
    if (!now.kept) say(`Trial ${trial + 1} was answered in another tab, so this answer does not count.`, true);
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  } finally {
    isSending = false;
    showAnswers();
  }
}

/** @param {string} id @param {string} text @param {string} key @param {() => void} press */
function makeButton(id, text, key, press) {
  const button = document.createElement("button");
  button.id = id;
  button.type = "button";
  button.textContent = text;
  const hint = document.createElement("kbd");
  hint.textContent = key;
  button.append(hint);
  button.addEventListener("click", press);
  return button;
}

/** @param {State} now */
async function show(now) {
  state = now;
  buffers = {};
  plays = {};
  find("count").textContent = now.letters ? `${now.done + 1} of ${now.total}` : `${now.total} of ${now.total}`;
  find("fill").style.transform = `scaleX(${now.done / now.total})`;
  find("bar").setAttribute("aria-valuemax", String(now.total));
  find("bar").setAttribute("aria-valuenow", String(now.done));
  const words = WORDS[now.task];
  find("question").textContent = now.letters ? words.question : "Thank you";
  find("hint").textContent = now.letters ? words.hint : `All answers are kept in ${now.file}. This page can be closed.`;
  find("sounds").replaceChildren(...(now.letters ?? []).map((letter) => makeButton(`play-${letter}`, letter.toUpperCase(), letter, () => play(letter))));
  find("answers").replaceChildren(...(now.letters ? words.answers.map((text, place) => makeButton(`answer-${"ab"[place]}`, text, String(place + 1), () => void answer("ab"[place]))) : []));
  begin.hidden = !now.letters || audio !== null;
  for (const part of ["sounds", "answers"]) find(part).hidden = audio === null;
  showAnswers();
  if (now.summary) showSummary(now.summary, now.task);
  else if (audio) await load(now);
  else say("Use headphones, in a quiet place.");
}

/** @param {State} now */
async function load(now) {
  say("Making the sounds …");
  const letters = now.letters ?? [];
  const decoded = await Promise.all(letters.map(async (letter) => {
    const response = await ask(`sound/${now.done}/${letter}`);
    return /** @type {AudioContext} */ (audio).decodeAudioData(await response.arrayBuffer());
  }));
  letters.forEach((letter, place) => { buffers[letter] = decoded[place]; });
  say("");
  find(`play-${letters[0]}`).focus({ preventScroll: true });
}

/** @param {Row[]} rows @param {State["task"]} task */
function showSummary(rows, task) {
  const table = document.createElement("table");
  const percent = (/** @type {number} */ share) => `${Math.round(100 * share)} %`;
  const lines = rows.map((row) => [row.comparison, row.level, String(row.answers), percent(row.share), `${percent(row.interval[0])} to ${percent(row.interval[1])}`, String(row.p)]);
  for (const [place, cells] of [["comparison", "detail", "answers", task === "abx" ? "right" : "the first chosen", "95 % interval", "p"], ...lines].entries()) {
    const row = table.insertRow();
    for (const text of cells) {
      const cell = document.createElement(place ? "td" : "th");
      cell.textContent = text;
      row.append(cell);
    }
  }
  find("summary").replaceChildren(table);
  say("");
}

/** @param {() => Promise<void>} step */
const guard = (step) => step().catch((error) => say(error.message, true));

begin.addEventListener("click", () => guard(async () => {
  audio ??= new AudioContext();
  await audio.resume();
  if (state) await show(state);
}));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (state?.letters?.includes(key)) play(key);
  else if (key === "1" || key === "2") void answer("ab"[Number(key) - 1]);
  else return;
  event.preventDefault();
});
void guard(async () => show(await (await ask("state")).json()));

export {};
