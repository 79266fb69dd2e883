"""Project files of the sessions: no session overwrites the file of another."""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from pathlib import Path
from typing import Protocol

from engine.core.errors import BadInput
from engine.core.files import make_write_error
from engine.document.project import Project
from engine.document.storage import SUFFIX, save_project

MOST_NUMBERED = 10_000


class Session(Protocol):
    """The owner of an open project file: ``watched`` while a tab is connected."""

    @property
    def watched(self) -> bool: ...


class ProjectFiles:
    """Which session has which project file open, and the content each session knows; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: weakref.WeakKeyDictionary[Session, tuple[Path, str]] = weakref.WeakKeyDictionary()

    def open(self, session: Session, path: Path, digest: str = "") -> bool:
        """Register a file that a session opened, with its digest; returns whether another tab has it open too."""
        with self._lock:
            self._known[session] = (path, digest or _digest(path))
            return any(
                other is not session and other.watched and os.path.realpath(place) == os.path.realpath(path)
                for other, (place, _) in self._known.items()
            )

    def forget(self, session: Session) -> None:
        """Unregister a session's file, since it has another document now."""
        with self._lock:
            self._known.pop(session, None)

    def digest_of(self, session: Session) -> str:
        """Digest of the file that a session opened or wrote last, "" where there is none."""
        return self._known.get(session, (None, ""))[1]

    def is_as_known(self, session: Session, path: Path) -> bool:
        """Whether a file is there and as the session last read or wrote it."""
        known, digest = self._known.get(session, (None, ""))
        return path == known and digest == _digest(path) and os.path.isfile(path)

    def save(self, session: Session, project: Project, path: Path) -> Path:
        """Save to a file that is as the session last read or wrote it; else to a free name beside it.

        Returns the path written. BadInput where it cannot be written.
        """
        with self._lock:
            if not self.is_as_known(session, path):
                path = _reserve(path)
            return self._write(session, project, path)

    def overwrite(self, session: Session, project: Project, path: Path) -> Path:
        """Save to a file that the user named, whatever its content. BadInput where it cannot be written."""
        with self._lock:
            return self._write(session, project, path)

    def _write(self, session: Session, project: Project, path: Path) -> Path:
        try:
            save_project(project, path)
        except BadInput:
            _drop_empty(path)
            raise
        self._known[session] = (path, _digest(path))
        return path


def _reserve(path: Path) -> Path:
    """Create an empty file of a name that is free: ``name``, else ``name 2``, ``name 3`` and so on."""
    stem = path.name.removesuffix(SUFFIX)
    for number in range(1, MOST_NUMBERED):
        free = path.with_name(f"{stem}{f' {number}' if number > 1 else ''}{SUFFIX}")
        try:
            os.close(os.open(free, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # another process may save too
            return free
        except FileExistsError:
            continue
        except OSError as error:
            raise make_write_error(free, error) from None
    raise BadInput(f"{path} and {MOST_NUMBERED} names like it are taken; rename the clip")


def _drop_empty(path: Path) -> None:
    """Remove a reserved file that nothing was written to."""
    try:
        if path.is_file() and path.stat().st_size == 0:
            path.unlink()
    except OSError:
        pass


def _digest(path: Path) -> str:
    """Digest of a file's content, "" where it cannot be read, and for a device or a pipe, which may have no end."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if os.path.isfile(path) else ""
    except OSError:
        return ""
