import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** @type {Map<string, string>} */
const kept = new Map();
Object.assign(globalThis, { localStorage: { getItem: (/** @type {string} */ name) => kept.get(name) ?? null, setItem: (/** @type {string} */ name, /** @type {string} */ value) => kept.set(name, value) } });
kept.set("struck.keys", JSON.stringify({ fit: ["Alt+F"], nonsense: ["X"], loop: 7 }));
const { findAction, findConflicts, keysOf, keyText, resetKeys, setKey, watchKeys } = await import("../../../ui/editor/actions/bindings.js");
const { comboOf, formatCombo, refuseCombo } = await import("../../../ui/editor/actions/combos.js");
const { searchActions } = await import("../../../ui/editor/actions/palette.js");
const { ACTIONS } = await import("../../../ui/editor/actions/table.js");

/**
 * @param {string} key
 * @param {Partial<KeyboardEvent>} [held]
 */
const press = (key, held = {}) => ({ key, code: /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : "", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, getModifierState: () => false, ...held });
/**
 * @param {string} key
 * @param {Partial<KeyboardEvent>} [held]
 */
const found = (key, held = {}) => findAction(press(key, held), false)?.id;
const taken = { fit: [...keysOf("fit")], loop: [...keysOf("loop")] };

beforeEach(() => resetKeys());

test("what the browser kept is taken, without nonsense", () => {
  assert.deepEqual(taken, { fit: ["Alt+F"], loop: ["C"] });
});

test("every action has a name of its own, and no two share a key in one situation", () => {
  assert.equal(new Set(ACTIONS.map(({ id }) => id)).size, ACTIONS.length);
  assert.equal(new Set(ACTIONS.map(({ category, name }) => `${category} ${name}`)).size, ACTIONS.length);
  for (const { id, keys } of ACTIONS) for (const key of keys) assert.deepEqual(findConflicts(id, key), [], `${id}: ${key}`);
});

test("presses are told apart as on real keyboards", () => {
  assert.equal(found("?", { shiftKey: true }), "help"); // US: Shift and /
  assert.equal(found("{", { shiftKey: true }), "previous_marker");
  assert.equal(found("[", { ctrlKey: true, altKey: true, getModifierState: (/** @type {string} */ name) => name === "AltGraph" }), "previous_hit"); // German: AltGr and 8
  assert.equal(found("с", { code: "KeyC" }), "loop"); // a Cyrillic letter
  assert.equal(found("C", { shiftKey: true }), "loop_whole");
  assert.equal(found("z", { metaKey: true }), "undo");
  assert.equal(found("+", { shiftKey: true }), "zoom_in");
  assert.equal(comboOf(press("Shift", { shiftKey: true })), "");
  assert.equal(comboOf(press("˚", { code: "KeyK", altKey: true })), "Alt+K"); // Mac: Option writes another character
});

test("the arrows act on hits where some are selected, else on the playhead", () => {
  assert.equal(findAction(press("ArrowLeft"), false)?.id, "step_back");
  assert.equal(findAction(press("ArrowLeft"), true)?.id, "frame_earlier");
  assert.equal(findAction(press("ArrowUp"), false), null);
});

test("a key is moved from one action to another, kept, and given back", () => {
  let told = 0;
  const stop = watchKeys(() => told++);
  assert.deepEqual(findConflicts("fit", "C").map(({ id }) => id), ["loop"]);
  assert.deepEqual(findConflicts("frame_earlier", "ArrowLeft"), []); // step_back has it only while no hit is selected
  setKey("fit", "C");
  assert.deepEqual([keyText("fit"), keyText("loop"), found("c"), found("f")], ["C", "", "fit", undefined]);
  assert.deepEqual(JSON.parse(kept.get("struck.keys") ?? ""), { fit: ["C"], loop: [] });
  resetKeys("loop");
  assert.deepEqual([found("c"), [...keysOf("fit")]], ["loop", []]);
  setKey("play", null);
  assert.equal(found(" "), undefined);
  resetKeys();
  assert.deepEqual([found(" "), found("f"), told], ["play", "fit", 4]);
  stop();
});

test("keys of browser, clipboard, pads and focus are refused with a reason", () => {
  for (const combo of ["Mod+W", "Mod+C", "Tab", "4", "Shift+4", "F5"]) assert.match(refuseCombo(combo), /choose another/);
  assert.equal(refuseCombo("Mod+Shift+S"), "");
  assert.equal(formatCombo("Mod+Shift+Z"), "Ctrl ⇧ Z");
  assert.equal(formatCombo("+"), "+");
});

test("the palette finds by all words and puts what begins so first", () => {
  assert.equal(searchActions(ACTIONS, "loop")[0].id, "loop");
  assert.deepEqual(searchActions(ACTIONS, "hits mute").map(({ id }) => id), ["mute"]);
  assert.deepEqual(searchActions(ACTIONS, "no such thing"), []);
  assert.equal(searchActions(ACTIONS, "").length, ACTIONS.length);
});
