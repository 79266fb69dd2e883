"""Least-recently-used cache, bounded by count or total size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LRU(Generic[Key, Value]):
    """Most recently used values whose sizes sum to at most ``bound``; thread-safe.

    Without ``size_of`` every value has size 1. A value larger than the bound is not stored.
    """

    def __init__(self, bound: int, size_of: Callable[[Value], int] | None = None) -> None:
        self._bound, self._size_of = bound, size_of or (lambda value: 1)
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._used = 0

    def get(self, key: Key) -> Value | None:
        """The value of a key, which becomes the most recently used; None where it is not stored."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        """Store a value in place of an earlier one of its key."""
        with self._lock:
            self._remove(key)
            size = self._size_of(value)
            if size > self._bound:
                return
            self._values[key] = value
            self._used += size
            while self._used > self._bound:
                self._remove(next(iter(self._values)))

    def items(self) -> list[tuple[Key, Value]]:
        """Keys and values, the least recently used first."""
        with self._lock:
            return list(self._values.items())

    def remove(self, key: Key) -> None:
        """Remove a key, if it is stored."""
        with self._lock:
            self._remove(key)

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            self._values.clear()
            self._used = 0

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._values

    def _remove(self, key: Key) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._used -= self._size_of(value)
