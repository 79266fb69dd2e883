"""Sessions of closed tabs and ended processes that hold unsaved work: listed for the next visit, and forgotten."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterator
from pathlib import Path, PurePath

from engine.core.errors import BadInput
from engine.core.file_lock import hold_lock, is_locked
from engine.core.paths import ASSETS
from engine.document.storage import SUFFIX, Autosave, autosave_path, read_autosave
from ui.context import AppContext
from ui.protocol.events import KeptSession

MOST_LISTED = 8
MOST_READ = 60
"""Autosaves looked at, newest first: reading one takes milliseconds."""

RUNNING = "running"


def kept_sessions(context: AppContext) -> tuple[KeptSession, ...]:
    """Unsaved work that no tab shows, newest first; none where others can reach the app, since it may not be theirs."""
    if context.options.public:
        return ()
    watched = context.watched_sessions()
    found: list[KeptSession] = []
    for modified_ns, path in _newest(context.folder("sessions")):
        if path.name.removesuffix(SUFFIX) in watched:
            continue
        entry = _read(path, modified_ns)
        if entry is None or not entry.edited:
            continue
        clip = PurePath(entry.clip_path.replace("\\", "/"))
        found.append(
            KeptSession(
                session=entry.session_id,
                name=clip.stem or "clip",
                clip="demo" if Path(entry.clip_path).is_relative_to(ASSETS) else clip.name,
                hits=entry.hit_count,
                sounds=entry.sound_count,
                age_s=max(0.0, round(time.time() - entry.modified_s)),
                saved_as=PurePath(entry.saved_path).name if entry.saved_path else None,
                clip_there=os.path.isfile(entry.clip_path),
            )
        )
        if len(found) == MOST_LISTED:
            break
    return tuple(found)


def forget_session(context: AppContext, session_id: str) -> None:
    """Delete the autosave of a session that no tab shows; project files stay. BadInput for one that is open."""
    path = autosave_path(context.folder("sessions"), session_id)
    if context.options.public or session_id in context.watched_sessions():
        raise BadInput("this project is open in another tab; close it there first")
    path.unlink(missing_ok=True)


def _newest(folder: Path) -> list[tuple[int, Path]]:
    """Autosaves and when they were written, newest first."""
    dated = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):
            dated.append((path.stat().st_mtime_ns, path))
    return sorted(dated, reverse=True)[:MOST_READ]


@functools.lru_cache(maxsize=4 * MOST_READ)
def _read(path: Path, modified_ns: int) -> Autosave | None:
    return read_autosave(path)


@contextlib.contextmanager
def mark_running(context: AppContext) -> Iterator[None]:
    """While the block runs, show other processes that this one does; note in the context if one ended before its block.

    Each process holds the lock of a file of its own and deletes it at the end; a file that nobody holds is left of a
    process that crashed, was killed or lost its power.
    """
    folder = context.folder(RUNNING)
    for left in folder.iterdir():
        if not is_locked(left):
            context.crashed = True
            left.unlink(missing_ok=True)
    own = folder / f"{os.getpid()}-{time.time_ns()}"
    with hold_lock(own):
        yield
    own.unlink(missing_ok=True)
