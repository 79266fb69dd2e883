// @ts-check
// The conversation with the server: JSON over one websocket that comes back by itself.

/** @import { ClientMessage, ServerMessage } from "./protocol.d.ts" */
/** @import { Connection } from "./types.d.ts" */

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 4000;
const MOST_WAITING = 200;

/**
 * ``receive(message)`` for each message; ``report("connecting" | "open" | "lost")`` for each change of state.
 * @param {string} session
 * @param {(message: ServerMessage) => void} receive
 * @param {(state: Connection) => void} report
 */
export function createSocket(session, receive, report) {
  /** @type {WebSocket | null} */
  let socket = null;
  let wait_ms = FIRST_WAIT_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isClosed = false;
  /** @type {ClientMessage[]} */
  let waiting = []; // edits made while the connection is away; the server keeps the session, so they still apply

  function open() {
    if (isClosed) return;
    clearTimeout(timer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/struck/ws?session=${encodeURIComponent(session)}`);
    socket.onopen = () => {
      wait_ms = FIRST_WAIT_MS;
      report("open");
      const messages = waiting;
      waiting = [];
      messages.forEach(send);
    };
    socket.onmessage = (event) => receive(JSON.parse(event.data));
    socket.onclose = () => {
      if (isClosed) return;
      report("lost");
      timer = setTimeout(open, wait_ms);
      wait_ms = Math.min(LONGEST_WAIT_MS, wait_ms * 1.6);
    };
  }

  /**
   * Whether the message is on its way, or kept until the connection is back (edits only).
   * @param {ClientMessage} message
   */
  function send(message) {
    if (socket?.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify(message));
      return true;
    }
    const keeps = ["edit", "undo", "redo"].includes(message.type) && waiting.length < MOST_WAITING;
    if (keeps) waiting.push(message);
    return keeps;
  }

  const comeBack = () => {
    if (socket?.readyState === WebSocket.CLOSED) open();
  };
  window.addEventListener("online", comeBack);

  return {
    open, send,
    close() {
      isClosed = true;
      clearTimeout(timer);
      window.removeEventListener("online", comeBack);
      socket?.close();
    },
  };
}
