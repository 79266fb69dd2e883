"""Files that appear whole or not at all, and targets checked before long work."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from engine.core.errors import BadInput


def check_target(path: str | os.PathLike[str]) -> Path:
    """The path itself when a file can be written there; BadInput when its folder is missing or locked."""
    target = Path(path)
    if target.is_dir():
        raise BadInput(f"{target} is a folder; give the name of a file in it")
    _try_folder(target, target.absolute().parent)
    if target.exists() and not os.access(target, os.W_OK):
        raise BadInput(f"{target} cannot be written (it is read-only); give another name")
    return target


def check_folder(path: str | os.PathLike[str]) -> Path:
    """The folder when files can be written into it or it can be made; BadInput when not."""
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; give the name of a folder")
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    _try_folder(folder, existing)
    return folder


def _try_folder(target: Path, folder: Path) -> None:
    if not folder.is_dir():
        raise BadInput(f"{target} cannot be written: there is no folder {folder}; make it or choose another")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise make_write_error(target, error) from None


def make_write_error(target: Path, error: OSError) -> BadInput:
    """The one sentence for a target that the system refuses."""
    reason = (error.strerror or type(error).__name__).lower()
    return BadInput(f"{target} cannot be written ({reason}); choose another place or free some space")


@contextmanager
def replace_file(path: str | os.PathLike[str], sync: bool = False) -> Iterator[Path]:
    """The path of a new file beside ``path`` that replaces it when the block ends well, else leaves nothing.

    ``sync`` waits until the disk holds the content, for documents that must survive a power cut. Raises OSError.
    """
    target = Path(path)
    partial = target.with_name(f".struck-{secrets.token_hex(8)}.part")  # a name of its own: threads may race
    try:
        yield partial
        if sync:
            with open(partial, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_file(path: str | os.PathLike[str], data: bytes, sync: bool = False) -> None:
    """Write a file whole or not at all; ``sync`` as in ``replace_file``. Raises OSError."""
    with replace_file(path, sync) as partial:
        partial.write_bytes(data)


@contextmanager
def create_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that replaces ``path`` when the block ends well, else leaves nothing. Raises BadInput."""
    target = check_target(path)
    try:
        with replace_file(target) as partial, open(partial, "wb") as file:
            yield file
    except OSError as error:
        raise make_write_error(target, error) from None
