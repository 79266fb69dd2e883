"""What waits to be sent to one browser tab; a slow tab gets the newest state, not a backlog."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

STATES = {"view", "status", "rendered", "media", "welcome"}
MOST_WAITING = 200


class CoalescingSendQueue:
    """Filled from any thread, emptied by the tab's own task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._waiting: list[dict[str, Any]] = []
        self._filled = asyncio.Event()
        self.closed = False

    def put(self, message: dict[str, Any]) -> None:
        """Add a message; a newer state takes the place of an older one of its type."""
        with self._lock:
            if message["type"] in STATES:
                self._waiting = [m for m in self._waiting if m["type"] != message["type"]]
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(message)
        self._wake()

    def close(self) -> None:
        """Let the tab's task end."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._filled.set)

    async def take(self) -> list[str]:
        """The waiting messages as JSON text; waits until there is one, empty once closed."""
        while True:
            with self._lock:
                messages, self._waiting = self._waiting, []
                self._filled.clear()
            if messages or self.closed:
                return [json.dumps(m, separators=(",", ":"), allow_nan=False) for m in messages]
            await self._filled.wait()
