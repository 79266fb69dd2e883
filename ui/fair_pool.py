"""A thread pool that serves sessions in turn, so that many requests of one do not delay those of another."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio import to_thread

from engine.core.errors import StruckError

T = TypeVar("T")


class Busy(StruckError):
    """A session has too many waiting requests."""


class FairPool:
    """Runs blocking functions in at most ``threads`` threads; each owner waits in its own queue of bounded length."""

    def __init__(self, threads: int, most_waiting: int) -> None:
        self._threads = threads
        self._most_waiting = most_waiting
        self._running = 0
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(
        self, owner: str, function: Callable[[], T], is_dropped: Callable[[], Awaitable[bool]] | None = None
    ) -> T | None:
        """The function's result, None where it is cancelled before its turn; Busy where too many requests wait."""
        await self._enter(owner)
        try:
            if is_dropped is not None and await is_dropped():
                return None
            if self._limiter is None:
                self._limiter = anyio.CapacityLimiter(self._threads)
            return await to_thread.run_sync(function, limiter=self._limiter)
        finally:
            self._leave()

    async def _enter(self, owner: str) -> None:
        if self._running < self._threads:
            self._running += 1
            return
        queue = self._queues.setdefault(owner, deque())
        if len(queue) >= self._most_waiting:
            raise Busy("Struck is busy with earlier requests of this tab; try again in a moment")
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        """Release the thread for the next owner in turn."""
        while self._queues:
            owner, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[owner] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1
