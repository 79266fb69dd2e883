"""Locks that serve in order of asking, for work on the CPU that many sessions share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager


class FairLock:
    """First come, first served; long work yields the lock between its steps, so that sessions share it fairly."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: deque[object] = deque()

    def acquire(self, check: Callable[[], None]) -> AbstractContextManager[Callable[[], None]]:
        """Hold the lock for a ``with`` block, as ``acquire_all`` does with one."""
        return acquire_all((self,), check)

    @property
    def waiting(self) -> int:
        """Number of holders and waiters."""
        return len(self._queue)

    def wait(self, ticket: object, check: Callable[[], None]) -> None:
        """Queue a ticket and wait for its turn; ``check`` may raise, and then the ticket has to ``leave``."""
        with self._condition:
            self._queue.append(ticket)
            while self._queue[0] is not ticket:
                self._condition.wait(0.05)
                check()

    def leave(self, ticket: object) -> None:
        """Take a ticket, if it is there, from the queue."""
        with self._condition:
            if ticket in self._queue:
                self._queue.remove(ticket)
                self._condition.notify_all()


@contextmanager
def acquire_all(locks: Sequence[FairLock], check: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Hold locks for a ``with`` block, which gets ``yield_locks``: it lets the others go first and waits again.

    While it waits it calls ``check``, which may raise Cancelled. Several locks are taken in their order and yielded
    together: two holders of one each, that wait for the other's, would wait for ever.
    """
    ticket = object()

    def take() -> None:
        for lock in locks:
            lock.wait(ticket, check)

    def leave() -> None:
        for lock in reversed(locks):
            lock.leave(ticket)

    def yield_locks() -> None:
        if any(lock.waiting > 1 for lock in locks):
            leave()
            take()

    try:
        take()
        yield yield_locks
    finally:
        leave()
