"""A lock between processes, which the system releases when its holder ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.files import make_write_error

_RETRY_S = 0.02


@contextmanager
def hold_lock(path: str | os.PathLike[str], check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a file, made where it is not there, while the block runs.

    ``check`` is called while another process or thread holds it, and may raise to give up. Raises BadInput where the
    file cannot be made.
    """
    target = Path(path)
    try:
        file = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise make_write_error(target, error) from None
    try:
        while not _try_lock(file):
            check()
            time.sleep(_RETRY_S)
        yield
    finally:
        os.close(file)  # which lets the lock go; the file stays, since removing it would let two hold one name


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Whether some process or thread holds the lock of a file; false for a file that is not there."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(file)
    finally:
        os.close(file)


def _try_lock(file: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
