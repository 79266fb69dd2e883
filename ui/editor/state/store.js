// What the page knows: the server's last word, the edits it has not answered yet, and what is selected.
//
// An edit of hits shows at once: it lies over the document as a layer until a view arrives that contains it.

import { createSocket } from "./socket.js";
/** @import { DocumentState, ServerMessage } from "./protocol.d.ts" */
/** @import { Hit, HitChange, Project, Selection } from "./types.d.ts" */

const LAYER_LIVES_MS = 3000;
const KINDS_SHOWN_AT_ONCE = new Set(["move_hits", "set_hits", "delete_hits"]);
const TWEAKS = new Set(["pitch_cents", "decay_ratio", "residual_db"]);
const IDLE = { type: "status", phase: "idle", done: 0, total: 0, message: "", elapsed_s: 0 };

/**
 * The store of one tab. ``session`` is the id under which the server keeps this tab's document.
 * @param {string} session
 */
export function createStore(session, options = {}) {
  const listeners = new Map();
  /** @type {{changes: Map<string, HitChange | null>, sent_ms: number}[]} */
  const layers = []; // {changes: Map hit id -> partial hit or null, sent_ms}
  /** @type {DocumentState | null} */
  let base = null; // the server's view
  /** @type {Map<string, HitChange | null> | null} */
  let preview = null; // a drag's changes, not sent yet
  let framed = 0;

  const socket = (options.createSocket ?? createSocket)(session, receive, (state) => {
    store.connection = state;
    emit("connection", state);
  });

  /**
   * @param {string} name
   * @param {(data: any) => unknown} react
   */
  function on(name, react) {
    if (!listeners.has(name)) listeners.set(name, new Set());
    listeners.get(name).add(react);
    return () => listeners.get(name).delete(react);
  }

  /**
   * @param {string} name
   * @param {any} data
   */
  function emit(name, data) {
    for (const react of [...(listeners.get(name) ?? [])]) {
      try {
        react(data);
      } catch (error) {
        console.error(`Struck: "${name}" was not handled`, error); // one broken listener must not silence the rest
      }
    }
  }

  /** @param {ServerMessage} message */
  function receive(message) {
    const { type } = message;
    if (type === "document") takeView(message);
    else if (type === "status") store.status = message;
    else if (type === "media") store.media = message;
    else if (type === "welcome") store.welcome = message;
    else if (type === "rendered") store.rendered = new Map(Object.entries(message.hits));
    else if (type === "error") dropLayers();
    if (type === "rendered") emit(type, store.rendered);
    else if (type !== "document") emit(type, message);
  }

  // --- the document as shown ----------------------------------------------------------------------

  /** @param {DocumentState} view */
  function takeView(view) {
    keepUnchangedSounds(view.project);
    const isOther = view.project?.clip.digest !== base?.project?.clip.digest;
    base = view;
    if (isOther) {
      layers.length = 0;
      preview = null;
      store.selection = { hits: new Set(), soundId: null, modes: new Set() };
    } else settleLayers();
    compose();
    emit("view", store.view);
    forgetLostHits();
  }

  /**
   * A sound that did not change stays the same object, so that what is derived from it need not be made again.
   * @param {Project | null} project
   */
  function keepUnchangedSounds(project) {
    const before = new Map(base?.project?.sounds.map((sound) => [sound.id, sound]) ?? []);
    if (!project) return;
    project.sounds = project.sounds.map((sound) => {
      const old = before.get(sound.id);
      return old && JSON.stringify(old) === JSON.stringify(sound) ? old : sound;
    });
  }

  function compose() {
    const all = preview ? [...layers.map((layer) => layer.changes), preview] : layers.map((layer) => layer.changes);
    if (!base?.project || !all.length) {
      store.view = base;
      return;
    }
    const hits = [];
    for (const hit of base.project.hits) {
      let shown = hit;
      for (const changes of all) {
        if (!shown || !changes.has(hit.id)) continue;
        const change = changes.get(hit.id);
        shown = change && { ...shown, ...change, tweak: { ...shown.tweak, ...change.tweak } };
      }
      if (shown) hits.push(shown);
    }
    store.view = { ...base, project: { ...base.project, hits } };
  }

  function settleLayers() {
    const now = performance.now();
    const byId = new Map(base.project?.hits.map((hit) => [hit.id, hit]) ?? []);
    for (let i = layers.length - 1; i >= 0; i--) {
      const { changes, sent_ms } = layers[i];
      const arrived = [...changes].every(([id, change]) => holds(byId.get(id), change));
      if (arrived || now - sent_ms > LAYER_LIVES_MS) layers.splice(i, 1);
    }
  }

  /**
   * @param {Hit | undefined} hit
   * @param {HitChange} change
   */
  function holds(hit, change) {
    if (!hit || !change) return !hit && !change;
    /**
     * @param {number} a
     * @param {number} b
     */
    const near = (a, b) => (typeof b === "number" ? Math.abs(a - b) < 1e-3 : a === b);
    return Object.entries(change).every(([name, value]) =>
      name === "tweak" ? Object.entries(value).every(([field, v]) => near(hit.tweak[field], v)) : near(hit[name], value));
  }

  function dropLayers() {
    if (!layers.length) return;
    layers.length = 0;
    refresh();
  }

  function refresh() {
    compose();
    emit("view", store.view);
  }

  function forgetLostHits() {
    const known = new Set(store.view?.project?.hits.map((hit) => hit.id) ?? []);
    const kept = [...store.selection.hits].filter((id) => known.has(id));
    if (kept.length !== store.selection.hits.size) select({ hits: new Set(kept) });
  }

  // --- asking -------------------------------------------------------------------------------------

  /** @param {ServerMessage} message */
  function send(message) {
    if (message.type === "undo" || message.type === "redo") dropLayers();
    if (socket.send(message)) return true;
    emit("error", { type: "error", message: "Struck is not connected; your last action was not taken. It works again once the connection is back" });
    return false;
  }

  /** @param {HitChange} change */
  function edit(change, gesture = null) {
    if (!send({ type: "edit", edit: change, gesture })) return;
    preview = null;
    compose(); // so that what is foreseen starts from the document and not from the drag's preview
    if (KINDS_SHOWN_AT_ONCE.has(change.kind) && base?.project) {
      layers.push({ changes: foresee(change), sent_ms: performance.now() });
      setTimeout(() => {
        settleLayers();
        if (store.view !== base) refresh();
      }, LAYER_LIVES_MS + 50);
      compose();
    }
    refreshSoon();
  }

  /** @param {HitChange} change */
  function foresee(change) {
    const hits = store.view.project.hits.filter((hit) => change.ids.includes(hit.id));
    if (change.kind === "delete_hits") return new Map(hits.map((hit) => [hit.id, null]));
    if (change.kind === "move_hits") {
      const end_s = store.view.project.clip.duration_s;
      return new Map(hits.map((hit) => [hit.id, { time_s: Math.min(end_s, Math.max(0, hit.time_s + change.delta_s)) }]));
    }
    const plain = {};
    const tweak = {};
    for (const [name, value] of Object.entries(change.values)) (TWEAKS.has(name) ? tweak : plain)[name] = value;
    if (Object.keys(tweak).length) plain.tweak = tweak;
    return new Map(hits.map((hit) => [hit.id, plain]));
  }

  /**
   * Show changed hits (id -> partial hit) while a drag lasts; null takes them back. Heard and seen once a frame.
   * @param {Map<string, HitChange> | null} changes
   */
  function previewHits(changes) {
    preview = changes;
    refreshSoon();
  }

  function refreshSoon() {
    if (framed) return;
    framed = requestAnimationFrame(() => {
      framed = 0;
      refresh();
    });
  }

  /** @param {Partial<Selection>} partial */
  function select(partial) {
    store.selection = { ...store.selection, ...partial };
    emit("selection", store.selection);
  }

  const store = {
    session,
    view: null,
    status: IDLE,
    rendered: new Map(),
    selection: { hits: new Set(), soundId: null, modes: new Set() },
    media: { curve: null, waveform: null, filmstrip: false },
    welcome: null,
    connection: "connecting",
    on, emit, send, edit, select, previewHits,
    /** The session's own address for bulk data, such as address("filmstrip"). */
    address: (route) => `/struck/${route}/${encodeURIComponent(session)}`,
    dispose() {
      cancelAnimationFrame(framed);
      socket.close();
      listeners.clear();
    },
  };
  socket.open();
  return store;
}

/** This tab's session id; a reload keeps it, a duplicated tab makes its own. */
export function sessionId() {
  const fresh = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  try {
    const kept = sessionStorage.getItem("struck.session");
    const id = kept && /^[\w-]{6,64}$/.test(kept) ? kept : fresh();
    sessionStorage.setItem("struck.session", id);
    return id;
  } catch {
    return fresh(); // a page without storage gets a session that a reload does not find again
  }
}
