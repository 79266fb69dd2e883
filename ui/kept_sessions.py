"""List sessions of closed tabs and ended processes with unsaved work, and delete them on request."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

from engine.core.errors import BadInput
from engine.core.file_lock import hold_lock, is_locked
from engine.core.files import write_file
from engine.core.paths import ASSETS
from engine.document.storage import SUFFIX, Autosave, autosave_path, read_autosave
from ui.context import AppContext
from ui.protocol.events import KeptSession

MOST_LISTED = 8
MOST_READ = 60
"""Number of autosaves read, newest first: each takes milliseconds."""

RUNNING, TABS = "running", ".tabs"
"""Folder of the files whose locks running processes hold, and ending of the lists of their open sessions."""


def kept_sessions(context: AppContext, own: Collection[str] = ()) -> tuple[KeptSession, ...]:
    """Unsaved work without an open tab, newest first; where others can reach the app, only a tab's ``own``, by id."""
    if context.options.public and not own:
        return ()
    watched = {*context.watched_sessions(), *_read_open_elsewhere(context)}
    found: list[KeptSession] = []
    for modified_ns, path in _newest(context.folder("sessions")):
        name = path.name.removesuffix(SUFFIX)
        if name in watched or (context.options.public and name not in own):
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


def forget_session(context: AppContext, session_id: str, own: Collection[str] = ()) -> None:
    """Delete the autosave of a session without an open tab; project files stay. BadInput for one that is open."""
    path = autosave_path(context.folder("sessions"), session_id)
    if (context.options.public and session_id not in own) or session_id in {
        *context.watched_sessions(),
        *_read_open_elsewhere(context),
    }:
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
    """Mark this process as running while the block runs; note in the context whether an earlier one crashed.

    Each process locks a file of its own and deletes it at the end; an unlocked file belongs to a process that crashed,
    was killed or lost power.
    """
    folder = context.folder(RUNNING)
    for left in folder.iterdir():
        if left.suffix != TABS and not is_locked(left):
            context.crashed = True
            left.unlink(missing_ok=True)
            left.with_suffix(TABS).unlink(missing_ok=True)
    own = folder / f"{os.getpid()}-{time.time_ns()}"
    context.running_file = own
    with hold_lock(own):
        yield
    context.running_file = None
    own.with_suffix(TABS).unlink(missing_ok=True)
    own.unlink(missing_ok=True)


def note_open_sessions(context: AppContext) -> None:
    """List the sessions open in tabs of this process for other processes, so that none is opened twice."""
    own, watched = context.running_file, sorted(context.watched_sessions())
    if own is not None and watched != context.noted_sessions:
        with contextlib.suppress(OSError):
            write_file(own.with_suffix(TABS), "\n".join(watched).encode())
            context.noted_sessions = watched


def _read_open_elsewhere(context: AppContext) -> set[str]:
    """Sessions open in tabs of other running processes."""
    found: set[str] = set()
    for place in context.folder(RUNNING).glob(f"*{TABS}"):
        if place.with_suffix("") != context.running_file and is_locked(place.with_suffix("")):
            with contextlib.suppress(OSError, ValueError):
                found.update(place.read_text(encoding="ascii").split())
    return found
