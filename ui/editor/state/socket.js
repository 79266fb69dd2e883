// @ts-check
// The conversation with the server: JSON over one websocket that comes back by itself.

/** @import { ClientMessage, ServerMessage } from "./protocol.d.ts" */
/** @import { Connection } from "./types.d.ts" */

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 4000;

/**
 * ``receive(message)`` for each message; ``report("connecting" | "open" | "lost")`` for each change of state.
 * @param {string} session
 * @param {(message: ServerMessage) => void} receive
 * @param {(state: Connection) => void} report
 */
export function createSocket(session, receive, report) {
  // The server counts the changes of each page by this id; a reload begins to count anew.
  const tab = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  /** @type {WebSocket | null} */
  let socket = null;
  let wait_ms = FIRST_WAIT_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isClosed = false;

  function open() {
    if (isClosed) return;
    clearTimeout(timer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams({ session, tab });
    socket = new WebSocket(`${scheme}://${location.host}/struck/ws?${query}`);
    socket.onopen = () => {
      wait_ms = FIRST_WAIT_MS;
      report("open");
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
   * Whether the message was sent.
   * @param {ClientMessage} message
   */
  function send(message) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
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
