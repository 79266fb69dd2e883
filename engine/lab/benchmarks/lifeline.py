"""Processes that end with the one that started them, even where that is killed and cleans up nothing.

The child's standard input is a pipe on which nothing is written. Only its parent has the writing end, which the system
closes when the parent ends; the child waits for that. Standard library only, for programs that shall load nothing else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def open_lifeline() -> Iterator[int]:
    """Standard input for one child of ``subprocess.run``, which would close a pipe of its own at once.

    Each child needs its own: Windows lets no process begin whose standard input another one is reading.
    """
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(writing)
        os.close(reading)


def end_with_parent() -> None:
    """End this process as soon as its standard input ends."""
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock would be missing at the interpreter's own end
        pass
    os._exit(1)
