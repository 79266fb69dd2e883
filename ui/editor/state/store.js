// @ts-check
// What the page knows: the server's last document, the changes it does not contain yet, and what is selected.

import { t } from "../texts/t.js";
import { createDrafts } from "./drafts.js";
import { createWatchers, shareUnchanged } from "./signals.js";
import { watchPress } from "./press.js";
import { createSocket } from "./socket.js";
/** @import { ClientMessage, DocumentState, EditMessage, ServerMessage } from "./protocol.d.ts" */
/** @import { Connection, Selection, Store } from "./types.d.ts" */

const NOT_CONNECTED = t("store.struck_is_not");

/**
 * The store of one tab. ``session`` is the id under which the server keeps this tab's document.
 * @param {string} session
 * @param {{createSocket?: typeof createSocket}} options
 * @returns {Store}
 */
export function createStore(session, options = {}) {
  /** @type {Map<string, Set<(data: any) => unknown>>} */
  const listeners = new Map();
  const watchers = createWatchers();
  const drafts = createDrafts();
  const press = watchPress();
  let frame = 0;
  /** @type {DocumentState | null} */
  let shown = null;
  let isStale = false; // drafts or the server's document have changed since

  const socket = (options.createSocket ?? createSocket)(session, receive, follow);

  /** @type {Store["on"]} */
  function on(name, react) {
    const reactions = listeners.get(name) ?? new Set();
    listeners.set(name, reactions.add(react));
    return () => void reactions.delete(react);
  }

  /** @type {Store["emit"]} */
  function emit(name, data) {
    for (const react of [...(listeners.get(name) ?? [])]) {
      try {
        react(data);
      } catch (error) {
        console.error(`Struck: "${name}" was not handled`, error); // one broken listener must not silence the rest
      }
    }
  }

  /** @param {Connection} state */
  function follow(state) {
    store.connection = state;
    if (state === "open") for (const change of drafts.unacknowledged) socket.send(change);
    emit("connection", state);
  }

  /** @param {ServerMessage} message */
  function receive(message) {
    switch (message.type) {
      case "document": return takeDocument(message);
      case "rendered":
        store.rendered = new Map(Object.entries(message.hits));
        return emit("rendered", store.rendered);
      case "status": store.status = message; break;
      case "media": store.media = message; break;
      case "welcome":
        store.welcome = message;
        refresh();
        break;
      default: break;
    }
    emit(message.type, /** @type {any} */ (message));
  }

  // --- the document as shown ----------------------------------------------------------------------

  /** @param {DocumentState} message */
  function takeDocument(message) {
    const before = store.acknowledged?.project;
    store.acknowledged = shareUnchanged(store.acknowledged, message);
    if (message.project?.clip.digest !== before?.clip.digest) {
      drafts.reset();
      press.end();
      emit("left", null);
      store.selection = { hits: new Set(), soundId: null, modes: new Set() };
    } else drafts.acknowledge(message.handled);
    isStale = true;
    refresh();
    forgetLostHits();
  }

  /** The document with its drafts, made when it is asked for: drafts may change more than once a frame. */
  function compose() {
    if (!isStale) return shown;
    isStale = false;
    const { acknowledged } = store;
    shown = shareUnchanged(shown, acknowledged?.project
      ? { ...acknowledged, project: drafts.apply(acknowledged.project), undo_gesture: drafts.newestGesture(acknowledged.undo_gesture) } : acknowledged);
    return shown;
  }

  function refresh() {
    cancelAnimationFrame(frame);
    frame = 0;
    watchers.notify();
  }

  /** Show the drafts: in the state at once, to the watchers once a frame. */
  function refreshSoon() {
    isStale = true;
    frame ||= requestAnimationFrame(refresh);
  }

  function forgetLostHits() {
    const known = new Set(store.view?.project?.hits.map((hit) => hit.id) ?? []);
    const kept = [...store.selection.hits].filter((id) => known.has(id));
    if (kept.length !== store.selection.hits.size) select({ hits: new Set(kept) });
  }

  // --- sending ------------------------------------------------------------------------------------

  /** @param {ClientMessage} message */
  function send(message) {
    const isChange = message.type === "edit" || message.type === "undo" || message.type === "redo" || message.type === "use_candidate";
    const change = isChange ? drafts.add(message, store.acknowledged?.project?.clip.digest) : null;
    if (change) {
      socket.send(change); // without a connection it is sent when that is back
      refreshSoon();
      return true;
    }
    if (!isChange && socket.send(message)) return true;
    emit("error", { type: "error", message: NOT_CONNECTED });
    return false;
  }

  /**
   * @param {EditMessage} edit
   * @param {string | null} gesture
   */
  function applyEdit(edit, gesture = null) {
    if (press.isOver) emit("selection", store.selection); // what was dragged shows what is there now
    else send({ type: "edit", edit, gesture });
  }

  /** @param {EditMessage | null} edit */
  function hold(edit) {
    if (press.isOver) return;
    drafts.hold(edit);
    refreshSoon();
  }

  /** @param {Partial<Selection>} partial */
  function select(partial) {
    store.selection = { ...store.selection, ...partial };
    emit("selection", store.selection);
  }

  /** @type {Store} */
  const store = {
    session,
    get view() { return compose(); },
    acknowledged: null,
    status: { type: "status", phase: "idle", done: 0, total: 0, message: "", elapsed_s: 0 },
    rendered: new Map(),
    selection: { hits: new Set(), soundId: null, modes: new Set() },
    media: { curve: null, waveform: null, filmstrip: false, lag_s: null },
    welcome: null,
    connection: "connecting",
    on, emit, send, select, hold,
    edit: applyEdit,
    watch: watchers.watch,
    /** The session's own address for bulk data, such as address("filmstrip"). */
    get isSending() { return drafts.unacknowledged.length > 0; },
    address: (route) => `/struck/${route}/${encodeURIComponent(session)}`,
    dispose() {
      cancelAnimationFrame(frame);
      press.dispose();
      socket.close();
      listeners.clear();
      watchers.clear();
    },
  };
  socket.open();
  return store;
}

const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** This tab's session id; a reload keeps it. */
export function sessionId() {
  try {
    const kept = sessionStorage.getItem("struck.session");
    const id = kept && /^[\w-]{6,64}$/.test(kept) ? kept : randomId();
    sessionStorage.setItem("struck.session", id);
    return id;
  } catch {
    return randomId(); // a page without storage gets a session that a reload does not find again
  }
}

/**
 * Continue the session of a closed tab: its document, its history while the server has it, its uploads.
 * @param {string} id
 */
export function continueSession(id) {
  try {
    sessionStorage.setItem("struck.session", id);
    location.reload();
  } catch {
    // a page without storage cannot change its session
  }
}
