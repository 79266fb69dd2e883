"""Autosave of one session's document, its return after a restart, and its keeping where another takes its place."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Protocol

from engine.core.errors import BadInput
from engine.document.history import History
from engine.document.project import Project
from engine.document.storage import autosave, autosave_path, load_autosave
from ui.change_numbers import ChangeNumbers
from ui.context import AppContext
from ui.jobs import check_running_job, hide_folders

KEEP_AGAIN_S = 5.0
ANALYSIS = "analysis "
"""What the gestures of edits that an analysis made begin with."""


class Session(Protocol):
    """The parts of a session that the autosave needs: its document, and flags of what is saved and detected."""

    context: AppContext
    id: str
    lock: threading.RLock
    name: str
    history: History | None
    changes: ChangeNumbers
    saved_as: Path | None
    dirty: bool
    edited: bool
    unfinished: bool
    kept_ids: list[str]

    @property
    def watched(self) -> bool: ...

    @property
    def project(self) -> Project | None: ...

    def show(self, project: Project | None, *, resumed: bool = False) -> None: ...

    def note(self, message: str) -> None: ...

    def send_welcome(self) -> None: ...

    def report(self, error: Exception, what: str) -> str: ...


class SessionAutosave:
    """Writes a session's document whenever it changed; thread safe."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._not_before = 0.0  # after a failure
        self._fault = ""

    def write(self, is_last: bool = False) -> None:
        """Write the autosave if the document changed since the last one; returns once it is written.

        A failure is reported once and tried again every KEEP_AGAIN_S, and when the process ends (``is_last``).
        """
        session = self._session
        with self._lock:
            with session.lock:
                if not session.dirty or (time.monotonic() < self._not_before and not is_last):
                    return
                session.dirty = False
                project, saved_as = session.project, session.saved_as
                marks = session.unfinished, session.edited, session.changes.handled_by_tab()
            digest = session.context.project_files.digest_of(session)
            try:
                folder = session.context.folder("sessions")
                if project is not None:
                    autosave(folder, project, session.id, str(saved_as) if saved_as else None, digest, *marks)
                else:
                    autosave_path(folder, session.id).unlink(missing_ok=True)
                self._fault = ""
            except Exception as error:
                with session.lock:
                    session.dirty = True
                self._not_before = time.monotonic() + KEEP_AGAIN_S
                if str(error) != self._fault:
                    session.report(error, "autosave")
                self._fault = str(error)

    def set_aside(self, resumed: bool = False) -> None:
        """Keep the document under an id of its own, before another takes its place; *Open clip* offers it then.

        Only where a user changed it since it was saved: what an analysis alone has found is found again. Not where it
        is ``resumed`` itself. BadInput where it cannot be written.
        """
        check_running_job()  # one that was cancelled begins no document
        session = self._session
        with session.lock:
            history = session.history
            if resumed or history is None or not session.edited:
                return
            if history.past and all((step.gesture or "").startswith(ANALYSIS) for step in history.past):
                return
            saved_as = str(session.saved_as) if session.saved_as else None
            digest = session.context.project_files.digest_of(session)
            folder = session.context.folder("sessions")
            kept_id = secrets.token_hex(16)
            try:
                autosave(folder, history.now, kept_id, saved_as, digest, session.unfinished)
            except BadInput as error:
                raise BadInput(f"{session.name} stays open: its unsaved changes cannot be kept; {error}") from None
            session.kept_ids.append(kept_id)
            session.note(f"{session.name} is kept with its unsaved changes; Open clip lists it")
            session.send_welcome()

    def restore(self) -> bool:
        """Restore the document of the session before a restart; False when there is none."""
        session = self._session
        try:
            found = load_autosave(session.context.folder("sessions"), session.id)
        except BadInput as error:
            session.note(hide_folders(str(error), session.context.home))
            return False
        if found is None:
            return False
        session.changes.restore(found.handled)
        session.show(found.project, resumed=True)
        session.unfinished, session.edited = found.unfinished, found.edited
        if found.saved_path:
            session.saved_as = Path(found.saved_path)
            session.context.project_files.open(session, session.saved_as, found.saved_digest)
        return True
