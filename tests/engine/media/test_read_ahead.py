"""Items produced in a thread: the same, not too far ahead, errors and the end included."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from engine.core.errors import BadInput
from engine.media.read_ahead import read_ahead


def count(made: list[int], closed: threading.Event, most: int = 100) -> Generator[int, None, None]:
    try:
        for number in range(most):
            made.append(number)
            yield number
    finally:
        closed.set()


def test_the_same_items_come_in_order_from_another_thread() -> None:
    threads: set[int] = set()

    def produce() -> Generator[int, None, None]:
        for number in range(50):
            threads.add(threading.get_ident())
            yield number

    assert list(read_ahead(produce(), 4)) == list(range(50))
    assert threads and threading.get_ident() not in threads


def test_no_more_are_produced_than_asked_for_and_leaving_closes_their_source() -> None:
    made: list[int] = []
    closed = threading.Event()
    items = read_ahead(count(made, closed), 3)
    assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(made) <= 5 + 3 + 1  # taken, waiting, and one in the thread's hand
    items.close()  # type: ignore[attr-defined]
    assert closed.wait(10.0)
    assert len(made) < 100
    assert not any(thread.name == "read-ahead" for thread in threading.enumerate())


def test_an_error_comes_where_its_item_would_have() -> None:
    def fail() -> Generator[int, None, None]:
        yield 1
        raise BadInput("frame 2 is damaged; export the clip again")

    items = read_ahead(fail(), 8)
    assert next(items) == 1
    with pytest.raises(BadInput, match="frame 2"):
        next(items)


def test_errors_may_be_items_and_nothing_is_no_error() -> None:
    given = [ValueError("an item"), None, 0]
    assert list(read_ahead((item for item in given), 2)) == given
    assert list(read_ahead(count([], threading.Event(), 0), 2)) == []
