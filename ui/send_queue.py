"""Queue of messages to one browser tab; newer state messages replace older ones, so that a slow tab has no backlog."""

from __future__ import annotations

import asyncio
import threading

from ui.protocol.events import ClipWanted, DocumentState, Media, Rendered, ServerMessage, Status, Welcome
from ui.protocol.queue import QueueState

STATES = (DocumentState, Status, Rendered, Media, Welcome, ClipWanted, QueueState)
MOST_WAITING = 200


class CoalescingSendQueue:
    """Filled from any thread, emptied by the connection's task; ``tab`` is the id that the browser tab chose."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tab: str = "") -> None:
        self.tab = tab
        self._loop = loop
        self._lock = threading.Lock()
        self._waiting: list[ServerMessage] = []
        self._filled = asyncio.Event()
        self.closed = False

    def put(self, message: ServerMessage) -> None:
        """Add a message; a newer state replaces an older one of its type. Where too many wait, states alone join."""
        with self._lock:
            is_state = isinstance(message, STATES)
            if is_state:
                self._waiting = [m for m in self._waiting if type(m) is not type(message)]
            if is_state or len(self._waiting) < MOST_WAITING:
                self._waiting.append(message)
        self._wake()

    def close(self) -> None:
        """Let the connection's task end."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._filled.set)

    async def take(self) -> list[ServerMessage]:
        """The waiting messages; waits until there is one, empty once closed."""
        while True:
            with self._lock:
                messages, self._waiting = self._waiting, []
                self._filled.clear()
            if messages or self.closed:
                return messages
            await self._filled.wait()
