"""A lock that serves in order of asking, for work on the CPU that many sessions share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class FairLock:
    """First come, first served; long work yields the lock between its steps, so that sessions share it fairly."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def acquire(self, check: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """Hold the lock for a ``with`` block, which gets ``yield_lock``: it lets the others go first and waits again.

        While it waits it calls ``check``, which may raise Cancelled.
        """
        ticket = object()

        def wait() -> None:
            self._queue.append(ticket)
            while self._queue[0] is not ticket:
                self._condition.wait(0.05)
                check()

        def leave() -> None:
            if ticket in self._queue:
                self._queue.remove(ticket)
                self._condition.notify_all()

        def yield_lock() -> None:
            with self._condition:
                if len(self._queue) > 1:
                    leave()
                    wait()

        try:
            with self._condition:
                wait()
            yield yield_lock
        finally:
            with self._condition:
                leave()

    @property
    def waiting(self) -> int:
        """Number of holders and waiters."""
        return len(self._queue)
