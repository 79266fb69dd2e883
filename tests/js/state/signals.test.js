// @ts-check
// Watchers are called for what they select only; unchanged parts keep their identity.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createWatchers, shareUnchanged } from "../../../ui/editor/state/signals.js";
import { makeProject } from "./project.js";

test("a watcher is called when a value it selects has changed, and not otherwise", () => {
  const state = { a: 1, b: 1 };
  /** @type {string[]} */
  const calls = [];
  const { watch, notify } = createWatchers();
  const end = watch(() => [state.a], () => calls.push("a"));
  watch(() => [state.b], () => calls.push("b"));
  notify();
  state.a = 2;
  notify();
  notify();
  assert.deepEqual(calls, ["a"]);
  state.a = state.b = 3;
  end();
  notify();
  assert.deepEqual(calls, ["a", "b"]);
});

test("an error in one watcher does not silence the others", (context) => {
  const logged = context.mock.method(console, "error", () => {});
  let value = 0;
  let calls = 0;
  const { watch, notify } = createWatchers();
  watch(() => [value], () => { throw new Error("broken"); });
  watch(() => [value], () => calls++);
  value = 1;
  notify();
  assert.equal(calls, 1);
  assert.equal(logged.mock.callCount(), 1);
});

test("equal parts of a new document are the old ones; changed parts are new all the way up", () => {
  const before = makeProject();
  const after = makeProject();
  assert.equal(shareUnchanged(before, after), before);
  after.hits[1].pan = 0.5;
  after.hits.push({ ...after.hits[0], id: "h4" });
  const shared = shareUnchanged(before, after);
  assert.deepEqual(shared, after);
  assert.equal(shared.sounds, before.sounds);
  assert.equal(shared.hits[0], before.hits[0]);
  assert.notEqual(shared.hits[1], before.hits[1]);
  assert.equal(shared.hits[1].offsets, before.hits[1].offsets);
  assert.notEqual(shared.hits, before.hits);
});

test("elements keep their identity by their id when others come before them; a missing and a null field differ", () => {
  const before = makeProject();
  const after = makeProject();
  after.hits.shift();
  assert.equal(shareUnchanged(before, after).hits[0], before.hits[1]);
  assert.deepEqual(shareUnchanged({ a: 1, b: null }, { a: 1 }), { a: 1 });
  assert.deepEqual(shareUnchanged({ a: [1, 2] }, { a: null }), { a: null });
});
