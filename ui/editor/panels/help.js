// @ts-check
// What every key and gesture does, on one sheet.

import { focusedElement, make } from "../widgets/controls.js";

const COMMAND = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";
/** @type {[string, [string, string][]][]} */
const SECTIONS = [
  ["Playback", [
    ["Space", "play or pause"], [", .", "a frame back or on"], ["← →", "the same, while no hit is selected"], ["⇧ ← →", "ten frames"],
    ["Home End", "to the start or the end"], ["J K L", "backwards, hold, forwards; again for faster, K with J or L by frames"],
    ["C", "loop"], ["I O", "the loop's start and end"], ["⇧ C", "loop the whole clip"], ["H", "half speed"],
  ]],
  ["Timeline", [
    ["Double-click", "add a hit, or hear the one there"], ["N", "add a hit at the playhead"], ["Drag a hit", "its time, or its velocity up and down"],
    ["⇧ drag", "snap to frames"], ["Drag beside", "select with a box"], ["⇧ click", "add to the selection"], ["Right-click", "menu of a hit"],
    ["[ ]", "hit before or after"], ["⇧ N", "a marker at the playhead"], ["⇧ [ ]", "marker before or after"], ["Wheel", "zoom"], ["⇧ wheel", "scroll"], ["F", "see all"], ["S", "the spectrogram in large"], ["⇧ drag on Clip", "mark a span of its sound and take it"],
  ]],
  ["Selected hits", [
    ["← →", "move by a frame"], ["⇧ ← →", "move by 10 ms"], ["Alt ← →", "move by a sample"], ["P", "ripple: later hits move along"], ["Q", "quantise"], ["B", "a bounce, roll or other pattern from there"], ["V", "other takes of the hit, to hear and keep"], [`${COMMAND} C, X, V`, "copy, cut, paste at the playhead"], [`${COMMAND} D`, "duplicate"], [`${COMMAND} G`, "group: chosen, moved and copied as one"], [`${COMMAND} ⇧ G`, "ungroup"], ["Alt click", "one hit of a group"], ["↑ ↓", "velocity by 1 dB"], ["⇧ ↑ ↓", "velocity by 0.1 dB"], ["Enter", "hear the hit"],
    ["M", "mute"], ["D", "a sound of its own"], ["G", "merge their sounds into one"], ["T", "snap to the nearest transient"], ["Delete", "take away"], [`${COMMAND} A`, "select all"], ["A", "select all of the sound"], ["Esc", "select none"],
  ]],
  ["List", [
    ["↑ ↓", "row before or after, with ⇧ several"], ["← →", "cell beside"], ["Enter", "edit the cell"], ["Tab", "enter and go to the cell beside"], ["0 … 9 + −", "type a new value"], ["Esc", "give up"],
  ]],
  ["Perform", [
    ["E", "the pads"], ["1 … 0", "strike a sound, with ⇧ harder"], ["R", "record what is played, or stop"], ["Press a pad", "higher up is harder"], ["Drag the playhead", "hear what it passes"],
  ]],
  ["Modes", [
    ["Drag", "frequency and power"], ["⇧ drag", "one of the two"], ["Alt drag", "decay"], ["Drag beside", "select with a box"], ["Double-click", "add a mode"],
    ["Wheel", "zoom"], ["← →", "5 cents, with ⇧ 50"], ["↑ ↓", "0.5 dB, with ⇧ 5"], ["M", "mute"], ["N", "add a mode"], ["Delete", "take away"],
    ["Enter", "strike"],
  ]],
  ["Macros and morph", [
    ["Drag", "the whole object, over its own modes"], ["Double-click", "back to no change"], ["← →", "one step"], ["Bake", "applies macros and detail to the sound"], ["Another", "takes what Detail leaves out from another object"], ["Morph…", "towards another sound, or a new one between"],
  ]],
  ["Residual", [
    ["Drag", "paint the bands"], ["Click", "choose a band"], ["⇧ click", "choose up to there"], ["↑ ↓", "1 dB, with ⇧ 6"], [`${COMMAND} A`, "choose all"], ["Esc", "choose none"],
  ]],
  ["Find", [
    ["Press a row", "takes it and plays it with the picture"], ["▶", "hear it once; nothing changes"], ["☆", "keep it at the top"], ["↑ ↓", "row before or after"], ["Drop a folder", "adds its recordings to your bank"],
  ]],
  ["Match", [
    ["Enlarge", "model and recording, how near, and what is worst"], ["Esc", "back"],
  ]],
  ["Project", [
    [`${COMMAND} O`, "open"], [`${COMMAND} S`, "save"], [`${COMMAND} Z`, "undo"], [`${COMMAND} ⇧ Z`, "redo"], ["▾ beside Save", "folders, and a recut of the clip"], ["?", "this sheet"],
  ]],
];

/**
 * @param {HTMLElement} app
 * @param {() => void} about
 */
export function createHelp(app, about) {
  /** @type {HTMLElement | null} */
  let returnTo = null;
  const close = make("button", "st-close st-sheet-close", { type: "button", textContent: "×", title: "Close (Esc)", "aria-label": "Close", onclick: () => setOpen(false) });
  const sections = SECTIONS.map(([title, rows]) => make("section", "st-help-part", {}, make("h2", "", { textContent: title }),
    make("dl", "", {}, ...rows.flatMap(([keys, does]) => [make("dt", "", { textContent: keys }), make("dd", "", { textContent: does })]))));
  const more = make("button", "st-button st-help-about", { type: "button", textContent: "About Struck: licences of code, weights and data", onclick: () => {
    setOpen(false);
    about();
  } });
  const sheet = make("div", "st-help", { role: "dialog", "aria-modal": "true", "aria-label": "Keys and gestures" }, close, ...sections, more);
  const page = make("div", "st-scrim", { hidden: true }, sheet);
  app.append(page);

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    if (page.hidden !== isOpen) return;
    page.hidden = !isOpen;
    if (isOpen) {
      returnTo = focusedElement();
      close.focus({ preventScroll: true });
    } else if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }

  page.addEventListener("pointerdown", (event) => event.target === page && setOpen(false));
  page.addEventListener("keydown", (event) => {
    if (page.hidden) return; // the focus leaves a hidden sheet only with the next picture
    event.stopPropagation();
    if (event.key === "Tab") {
      (focusedElement() === close ? more : close).focus();
      event.preventDefault();
    }
    if (event.key === "Escape" || event.key === "?") setOpen(false);
  });
  return { open: () => setOpen(true) };
}
