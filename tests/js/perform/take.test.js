// @ts-check
// A take: what is recorded, what is replaced, and what is one entry of the history.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createTake } from "../../../ui/editor/perform/take.js";
import { nextPace } from "../../../ui/editor/perform/shuttle.js";
import { withEdge } from "../../../ui/editor/perform/range.js";
import { grainStart } from "../../../ui/editor/audio/scrub.js";

/** Takes named t1, t2 and so on. */
function makeTake() {
  let count = 0;
  return createTake(() => `t${++count}`);
}

/**
 * @param {number} time_s
 * @param {string} sound_id
 */
const played = (time_s, sound_id = "a") => ({ time_s, sound_id, velocity_db: -3 });
/**
 * @param {string} id
 * @param {number} time_s
 * @param {string} sound_id
 */
const old = (id, time_s, sound_id = "a") => ({ id, time_s, sound_id });

test("recording begins where the playhead reaches the start, with a first hit that came a little early", () => {
  const take = makeTake();
  assert.deepEqual(take.strike(played(1), []), []); // off
  take.begin({ start_s: 2, from_s: 0, mode: "overdub", duration_s: 10 });
  assert.equal(take.phase, "preroll");
  take.reach(1, []);
  assert.deepEqual(take.strike(played(1.5), []), []);
  assert.equal(take.phase, "preroll");
  assert.deepEqual(take.strike(played(1.9), []), [{ kind: "play_hit", ...played(1.9) }]);
  assert.equal(take.phase, "recording");
  assert.deepEqual(take.reach(2.5, [old("h1", 2.2)]), []); // overdub leaves what is there
  assert.equal(take.countIn([old("h1", 2.2), old("h2", 1.9)]), 1);
  take.end();
  assert.deepEqual(take.strike(played(3), []), []);
});

test("at the clip's start, what is played while clicks count is left out, and a first early hit lies at 0", () => {
  const take = makeTake();
  take.begin({ start_s: 0, from_s: -2, mode: "overdub", duration_s: 10 });
  assert.equal(take.phase, "preroll");
  assert.deepEqual(take.strike(played(-1), []), []);
  assert.deepEqual(take.strike(played(-0.04), []), [{ kind: "play_hit", ...played(0) }]);
  assert.deepEqual(take.strike(played(10.02), []), [{ kind: "play_hit", ...played(10) }]); // nor after its end
});

test("replace takes away older hits of played sounds, once each, as far as the playhead came", () => {
  const take = makeTake();
  const hits = [old("before", 0.9), old("h1", 1.2), old("h2", 2.4), old("b", 1.3, "b"), old("h3", 3)];
  take.begin({ start_s: 1, from_s: 1, mode: "replace", duration_s: 10 });
  assert.deepEqual(take.reach(1.5, hits), []); // nothing is played yet
  assert.equal(take.isReplaced(hits[1]), false);
  const edits = take.strike(played(1.45), hits);
  assert.deepEqual(edits, [{ kind: "play_hit", ...played(1.45) }, { kind: "delete_hits", ids: ["h1"] }]);
  assert.deepEqual(hits.map((hit) => take.isReplaced(hit)), [true, false, true, false, true]); // not heard any more
  const now = [...hits.filter(({ id }) => id !== "h1"), old("h9", 1.45)]; // the server named the played hit
  assert.deepEqual(take.reach(2, now), []);
  assert.deepEqual(take.reach(2.5, now), [{ kind: "delete_hits", ids: ["h2"] }]);
  assert.deepEqual(take.reach(2.6, now), []); // sent already, though the document still has it
  take.end();
  assert.equal(take.isReplaced(hits[4]), false);
});

test("every round of a loop is a take of its own, and the next one replaces it", () => {
  const take = makeTake();
  take.begin({ start_s: 1, from_s: 1, mode: "replace", duration_s: 10 });
  const first = take.gesture;
  take.strike(played(1.5), []);
  const hits = [old("late", 1.9), old("h1", 1.5)];
  assert.deepEqual(take.goRound(2, 1, hits), { gesture: first, edits: [{ kind: "delete_hits", ids: ["late"] }] });
  assert.notEqual(take.gesture, first);
  assert.equal(take.phase, "recording");
  assert.deepEqual(take.reach(1.6, hits), []); // what the first round recorded stays until something is played
  assert.deepEqual(take.strike(played(1.7), hits)[1], { kind: "delete_hits", ids: ["h1"] });
});

test("the shuttle doubles in its direction up to eight times, and turns at plain speed", () => {
  const paces = [];
  for (let pace = 0, k = 0; k < 5; k++) paces.push((pace = nextPace(pace, 1)));
  assert.deepEqual(paces, [1, 2, 4, 8, 8]);
  assert.deepEqual([nextPace(0, -1), nextPace(-1, -1), nextPace(4, -1), nextPace(-8, 1)], [-1, -2, -1, 1]);
});

test("an edge sets the range within the clip, and never turns it over", () => {
  assert.deepEqual(withEdge(null, "start_s", 3, 10, 0.1), { start_s: 3, end_s: 10 });
  assert.deepEqual(withEdge(null, "end_s", 3, 10, 0.1), { start_s: 0, end_s: 3 });
  assert.deepEqual(withEdge({ start_s: 2, end_s: 4 }, "start_s", 5, 10, 0.1), { start_s: 5, end_s: 10 });
  assert.deepEqual(withEdge({ start_s: 2, end_s: 4 }, "end_s", 1, 10, 0.1), { start_s: 0, end_s: 1 });
  assert.deepEqual(withEdge(null, "start_s", 10, 10, 0.1), { start_s: 9.9, end_s: 10 });
  assert.deepEqual(withEdge(null, "end_s", 0, 10, 0.1), { start_s: 0, end_s: 0.1 });
});

test("a drag of the playhead sounds the first attack that it passes, either way", () => {
  assert.equal(grainStart([1, 2, 2.5], 1.5, 2.6), 1.996);
  assert.equal(grainStart([1, 2, 2.5], 2.6, 1.5), 1.996);
  assert.equal(grainStart([1, 2], 1.2, 1.5), 1.5);
  assert.equal(grainStart([0.001], 0.2, 0), 0);
});
