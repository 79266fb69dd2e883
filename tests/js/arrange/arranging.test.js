// @ts-check
// Copies that are on their way, with a store of their own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createArranging } from "../../../ui/editor/arrange/arranging.js";
import { makeProject } from "../state/project.js";

Object.assign(globalThis, { document: new EventTarget() });

test("hits of a clip that comes up before copies have arrived are not taken for them", () => {
  /** @type {Map<string, (data: any) => void>} */
  const listeners = new Map();
  /** @type {any[]} */
  const chosen = [];
  /** @type {() => void} */
  let follow = () => {};
  const project = makeProject();
  /** @type {any} */
  const store = {
    view: { project }, selection: { hits: new Set([project.hits[0].id]) },
    on: (/** @type {string} */ name, /** @type {(data: any) => void} */ react) => (listeners.set(name, react), () => {}),
    watch: (/** @type {unknown} */ _of, /** @type {() => void} */ react) => ((follow = react), () => {}),
    emit() {}, edit() {}, select: (/** @type {unknown} */ what) => chosen.push(what),
  };
  const arranging = createArranging(store, /** @type {any} */ ({ time_s: 0 }));
  const withOneMore = () => {
    const other = makeProject();
    return { project: { ...other, hits: [...other.hits, { ...other.hits[0], id: "h99" }] } };
  };
  arranging.duplicate();
  listeners.get("left")?.(null);
  store.view = withOneMore();
  follow();
  assert.equal(chosen.length, 0);
  store.view = { project };
  arranging.duplicate();
  store.view = withOneMore();
  follow();
  assert.deepEqual(chosen.map((what) => [...what.hits]).flat(), ["h99"]);
});
