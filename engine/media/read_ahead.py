"""Produce the items of a generator in a thread, some ahead of who takes them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterator[T], most: int) -> Iterator[T]:
    """The same items in the same order, at most ``most`` of them produced ahead by a thread, beside what takes them.

    Decoding a film, which releases the interpreter's lock, thus goes on while its frames are looked at. An error of the
    items' source is raised where one would have come. Closing this iterator closes a generator, in its thread.
    """
    waiting: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(most)
    stopped = threading.Event()

    def put(kind: str, item: T | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((kind, item), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:  # whatever it is, it is who takes the items that has to know
            put("error", error)
        finally:
            if isinstance(items, Generator):
                items.close()

    thread = threading.Thread(target=produce, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            kind, item = waiting.get()
            if kind == "end":
                return
            if isinstance(item, BaseException) and kind == "error":
                raise item
            yield item  # type: ignore[misc]  # an item, as its kind says
    finally:
        stopped.set()
        thread.join()
