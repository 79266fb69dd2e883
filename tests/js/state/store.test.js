// @ts-check
// The store with a server that answers when the test wants it to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStore } from "../../../ui/editor/state/store.js";
import { makeProject } from "./project.js";

/** @import { ClientMessage, EditMessage, ServerMessage } from "../../../ui/editor/state/protocol.d.ts" */
/** @import { Connection, Project } from "../../../ui/editor/state/types.d.ts" */

/** @type {(() => void)[]} */
const frames = [];
Object.assign(globalThis, { requestAnimationFrame: (/** @type {() => void} */ act) => frames.push(act), cancelAnimationFrame: () => {} });

function start() {
  /** @type {any[]} */
  const sent = [];
  const server = {
    /** @type {(message: ServerMessage) => void} */
    receive: () => {},
    /** @type {(state: Connection) => void} */
    report: () => {},
    isOpen: true,
    revision: 0,
    /**
     * The server's document, with the changes up to a number.
     * @param {Project | null} project
     * @param {number} handled
     */
    show(project, handled) {
      this.receive({ type: "document", revision: ++this.revision, project, undo: null, redo: null, handled, undo_gesture: "first" });
    },
  };
  const store = createStore("session", {
    createSocket(_session, receive, report) {
      Object.assign(server, { receive, report });
      const send = (/** @type {ClientMessage} */ message) => {
        if (server.isOpen) sent.push(structuredClone(message));
        return server.isOpen;
      };
      return { send, open: () => report("open"), close() {} };
    },
  });
  server.show(makeProject(), 0);
  return { store, server, sent };
}

/** @param {Project | null | undefined} project */
const velocities = (project) => project?.hits.map((hit) => hit.velocity_db);
const velocity = (/** @type {string} */ id, /** @type {number} */ velocity_db) => /** @type {EditMessage} */ ({ kind: "set_hits", ids: [id], values: { velocity_db } });

test("two quick edits, acknowledged out of step, show at once and never fall back", () => {
  const { store, server, sent } = start();
  store.edit(velocity("h1", -1));
  store.edit(velocity("h2", -2));
  assert.deepEqual(sent.map((message) => message.number), [1, 2]);
  assert.deepEqual(velocities(store.view?.project), [-1, -2, -6]);
  server.show(makeProject(), 0); // sent before either edit arrived
  assert.deepEqual(velocities(store.view?.project), [-1, -2, -6]);
  const one = makeProject();
  one.hits[0].velocity_db = -1;
  server.show(one, 1); // contains the first edit only
  assert.deepEqual(velocities(store.view?.project), [-1, -2, -6]);
  const both = structuredClone(one);
  both.hits[1].velocity_db = -2.5; // the server's word counts, also where it differs from the prediction
  server.show(both, 2);
  assert.deepEqual(velocities(store.view?.project), [-1, -2.5, -6]);
});

test("an edit whose value the server rounds is acknowledged by its number", () => {
  const { store, server } = start();
  store.edit(velocity("h1", -1.23456789));
  const rounded = makeProject();
  rounded.hits[0].velocity_db = -1.2346;
  server.show(rounded, 1);
  assert.equal(store.view?.project?.hits[0].velocity_db, -1.2346);
});

test("a refused edit is dropped when the server has handled it; later ones stay", () => {
  const { store, server } = start();
  store.edit(velocity("h1", -1));
  store.edit(velocity("h2", -2));
  server.receive({ type: "error", message: "refused" });
  assert.deepEqual(velocities(store.view?.project), [-1, -2, -6]);
  server.show(makeProject(), 1);
  assert.deepEqual(velocities(store.view?.project), [-6, -2, -6]);
});

test("a drag is shown without being sent, taken back, or sent once", () => {
  const { store, sent } = start();
  for (let k = 1; k <= 20; k++) store.hold({ kind: "set_each_hit", values: { h1: { velocity_db: -k }, h2: { velocity_db: -k } } });
  assert.deepEqual(velocities(store.view?.project), [-20, -20, -6]);
  store.hold(null);
  assert.deepEqual(velocities(store.view?.project), [-6, -6, -6]);
  store.hold({ kind: "set_each_hit", values: { h1: { velocity_db: -7 } } });
  store.edit({ kind: "set_each_hit", values: { h1: { velocity_db: -8 } } });
  assert.deepEqual(velocities(store.view?.project), [-8, -6, -6]);
  assert.equal(sent.length, 1);
});

test("an undo during a drag takes back what was sent before, and the drag goes on", () => {
  const { store, server, sent } = start();
  store.edit(velocity("h1", -1));
  store.hold(velocity("h2", -2));
  store.send({ type: "undo" });
  assert.deepEqual(velocities(store.view?.project), [-6, -2, -6]);
  server.show(makeProject(), 2);
  assert.deepEqual(velocities(store.view?.project), [-6, -2, -6]);
  store.edit(velocity("h2", -2));
  assert.deepEqual(sent.map((message) => [message.type, message.number]), [["edit", 1], ["undo", 2], ["edit", 3]]);
});

test("what was not acknowledged is sent again when the connection comes back, in order and with its numbers", () => {
  const { store, server, sent } = start();
  store.edit(velocity("h1", -1));
  store.edit(velocity("h2", -2));
  server.show(makeProject(), 1);
  server.isOpen = false;
  server.report("lost");
  store.edit(velocity("h3", -3)); // made while the connection is away
  assert.deepEqual(velocities(store.view?.project), [-6, -2, -3]);
  sent.length = 0;
  server.isOpen = true;
  server.report("open");
  assert.deepEqual(sent.map((message) => message.number), [2, 3]);
  const other = makeProject();
  other.clip.digest = "another clip";
  server.show(other, 1);
  assert.deepEqual(velocities(store.view?.project), [-6, -6, -6]); // drafts of a document end with it
  server.report("open");
  assert.equal(sent.length, 2);
});

test("what is no change of the document is refused while the connection is away", () => {
  const { store, server } = start();
  /** @type {string[]} */
  const errors = [];
  store.on("error", ({ message }) => errors.push(message));
  server.isOpen = false;
  assert.equal(store.send({ type: "detect" }), false);
  assert.match(errors[0], /not connected/);
});

test("only watchers of what changed are called", () => {
  const { store, server } = start();
  /** @type {string[]} */
  const calls = [];
  store.watch(() => [store.view?.project?.hits], () => calls.push("hits"));
  store.watch(() => [store.view?.project?.sounds], () => calls.push("sounds"));
  store.watch(() => [store.view?.undo], () => calls.push("undo"));
  const next = makeProject();
  next.saved = true;
  server.show(next, 0);
  assert.deepEqual(calls, []);
  store.hold(velocity("h1", -1));
  store.hold(velocity("h1", -2));
  frames.splice(0).forEach((act) => act());
  assert.deepEqual(calls, ["hits"]);
  const moved = makeProject();
  moved.sounds[0].name = "Bowl";
  server.receive({ type: "document", revision: 9, project: moved, undo: "Rename", redo: null, handled: 0, undo_gesture: null });
  assert.deepEqual(calls, ["hits", "sounds", "undo"]);
});

test("watchers of the welcome are called when another comes, as after an export preset was kept", () => {
  const { store, server } = start();
  /** @type {ServerMessage & {type: "welcome"}} */
  const welcome = { type: "welcome", demos: [], presets: [], checkpoints: [], device: "cpu", version: "1", recent: [], kept: [], crashed: false, local: true, export_presets: [] };
  /** @type {(string[] | undefined)[]} */
  const calls = [];
  store.watch(() => [store.welcome], () => calls.push(store.welcome?.export_presets.map(({ name }) => name)));
  server.receive(welcome);
  server.receive({ ...welcome, export_presets: [{ name: "Mine", what: ["wav"], options: {} }] });
  server.receive(welcome);
  assert.deepEqual(calls, [[], ["Mine"], []]);
});

test("the gesture of the newest entry is that of the last change sent, unknown after an undo, and then the server's", () => {
  const { store, server } = start();
  assert.equal(store.view?.undo_gesture, "first");
  store.send({ type: "use_candidate", id: "f1", sound_id: "s1", gesture: "second" });
  assert.equal(store.view?.undo_gesture, "second");
  store.edit(velocity("h1", -1));
  assert.equal(store.view?.undo_gesture, null);
  server.show(makeProject(), 1);
  assert.equal(store.view?.undo_gesture, null); // the edit is under way
  server.show(makeProject(), 2);
  assert.equal(store.view?.undo_gesture, "first");
  store.send({ type: "undo" });
  assert.equal(store.view?.undo_gesture, null);
});

test("what is dragged while another clip is shown is not done to that clip, and each change names its clip", async () => {
  const page = new EventTarget();
  Object.assign(globalThis, { window: page });
  const { store, server, sent } = start();
  page.dispatchEvent(new Event("pointerdown"));
  store.hold(velocity("h1", -1));
  const other = makeProject();
  other.clip.digest = "another";
  server.show(other, 0);
  store.hold(velocity("h1", -2)); // the hand goes on
  page.dispatchEvent(new Event("pointerup"));
  let shownAgain = 0;
  store.on("selection", () => ++shownAgain);
  store.edit(velocity("h1", -2));
  assert.equal(shownAgain, 1); // every control shows what is there now
  assert.deepEqual([sent, velocities(store.view?.project)], [[], [-6, -6, -6]]);
  await new Promise((done) => setTimeout(done));
  store.edit(velocity("h1", -3));
  assert.deepEqual(sent.map((change) => change.clip), ["another"]);
  // A press whose release the page was not told of, as of a button that opened the browser's menu, holds nothing back.
  page.dispatchEvent(Object.assign(new Event("pointerdown"), { button: 2 }));
  server.show(makeProject(), 1);
  store.edit(velocity("h1", -4));
  assert.equal(sent.length, 2);
  Reflect.deleteProperty(globalThis, "window");
});
