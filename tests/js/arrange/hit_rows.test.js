// @ts-check
// The rows of the list: their order, what clicks choose, and that a long list draws only what is in sight.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chooseRow, orderRows, rowsInSight } from "../../../ui/editor/arrange/hit_rows.js";
import { makeHit, makeProject } from "../state/project.js";

const project = makeProject();
project.sounds.push({ ...project.sounds[0], id: "s2", name: "Anvil" });
project.hits = [makeHit("h1", 3), makeHit("h2", 1), makeHit("h3", 2)];
Object.assign(project.hits[0], { sound_id: "s2", velocity_db: -20, name: "step 10" });
Object.assign(project.hits[1], { velocity_db: -1, name: "step 9" });

/** @param {import("../../../ui/editor/arrange/hit_rows.js").Order} order */
const idsBy = (order) => orderRows(project, order).map(({ hit }) => hit.id);

test("rows are sorted by every column, both ways, and numbered by time", () => {
  assert.deepEqual(idsBy({ column: "time", isDown: false }), ["h2", "h3", "h1"]);
  assert.deepEqual(idsBy({ column: "seconds", isDown: true }), ["h1", "h3", "h2"]);
  assert.deepEqual(idsBy({ column: "velocity", isDown: false }), ["h1", "h3", "h2"]);
  assert.deepEqual(idsBy({ column: "sound", isDown: false }), ["h1", "h2", "h3"]); // Anvil, then Bell by time
  assert.deepEqual(idsBy({ column: "name", isDown: false }), ["h2", "h1", "h3"]); // 9 before 10, nameless last
  assert.deepEqual(orderRows(project, { column: "velocity", isDown: false }).map(({ number }) => number), [3, 2, 1]);
});

test("a click chooses one row, with the keys several", () => {
  const rows = orderRows(project, { column: "time", isDown: false }); // h2 h3 h1
  assert.deepEqual([...chooseRow(rows, new Set(["h1"]), 0, 2, {})], ["h2"]);
  assert.deepEqual([...chooseRow(rows, new Set(["h1"]), 0, 2, { toggles: true })], ["h1", "h2"]);
  assert.deepEqual([...chooseRow(rows, new Set(["h1"]), 2, 2, { toggles: true })], []);
  assert.deepEqual([...chooseRow(rows, new Set(["h1"]), 1, 0, { extends: true })], ["h2", "h3"]);
});

test("only what is in sight is drawn", () => {
  assert.deepEqual(rowsInSight(500, 26, 26 * 100, 260), { first: 94, end: 116 });
  assert.deepEqual(rowsInSight(3, 26, 0, 260), { first: 0, end: 3 });
  assert.deepEqual(rowsInSight(0, 26, 500, 260), { first: 0, end: 0 });
  assert.deepEqual(rowsInSight(10, 26, 26 * 500, 260), { first: 10, end: 10 }); // the list grew shorter
});
