"""All sessions of the process by id: autosaved, and dropped from memory when idle."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.core.memory import return_freed_memory
from ui.context import AppContext
from ui.kept_sessions import note_open_sessions
from ui.session import Session

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger("struck")

IDLE_S = 3 * 3600
REST_AFTER_S = 5.0
"""Time after which a session without tabs stops working; a reload takes less."""

KEEP_EVERY_S = 0.1
"""Least interval between two autosaves of a session."""

SWEEP_S = 0.5
TRIM_EVERY_S = 20.0
LEAVE_MEMORY_AFTER_S = 30.0
"""Time without open tabs after which sounds are kept on disk alone."""

TIDY_EVERY_S = 6 * 3600
MOST_SESSIONS = 2000
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")


class SessionRegistry:
    """All sessions of the process."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._closing = threading.Event()
        context.watched_sessions = self.watched
        self._thread = threading.Thread(target=self._sweep, name="autosave", daemon=True)
        self._thread.start()

    def get(self, session_id: str) -> Session:
        """The session of an id, made where it is not in memory; BadInput for what is no id."""
        if not SESSION_ID.fullmatch(session_id):
            raise BadInput("the session's id is not one of Struck's; reload the page")
        with self._lock:
            session = self._sessions.get(session_id)
            if session is not None:
                session.used_at = time.monotonic()
                return session
            if len(self._sessions) >= MOST_SESSIONS:
                self._make_room()
            session = self._sessions[session_id] = Session(self.context, session_id)
            return session

    def _make_room(self) -> None:
        """Drop the kept session that was used longest ago; BadInput where all are in use."""
        idle = [s for s in self._sessions.values() if not (s.watched or s.worker.busy or s.dirty or s.uploading)]
        if not idle:
            raise BadInput(f"Struck serves {MOST_SESSIONS} tabs already; close some, or try again later")
        del self._sessions[min(idle, key=lambda session: session.used_at).id]

    def find(self, session_id: str) -> Session | None:
        """The session of an id if it is in memory."""
        return self._sessions.get(session_id)

    def remove(self, session_id: str) -> None:
        """End a session's work and delete its autosave, uploads and exports."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
        if session is not None:
            session.rest()
            session.edited = False  # so that nothing of it is kept
            session.show(None)
            session.keep(is_last=True)  # without a document it deletes the autosave
            for kind in ("uploads", "exports"):
                shutil.rmtree(session.folder(kind), ignore_errors=True)

    def watched(self) -> set[str]:
        """Ids of the sessions that tabs show."""
        return {session.id for session in list(self._sessions.values()) if session.watched}

    def find_exports(self, export_key: str) -> Session | None:
        """The session whose exports have this key in their addresses, if it is in memory."""
        return next((s for s in list(self._sessions.values()) if s.export_key == export_key), None)

    def forget_sound(self, key: str) -> None:
        """Notify all sessions that the cache has dropped a sound."""
        for session in list(self._sessions.values()):
            session.renderer.forget(key)

    def find_part(self, key: str, what: str) -> np.ndarray | None:
        """``side`` or ``room`` of a rendered hit of any session; None where no document has it."""
        parts = (session.renderer.find_part(key, what) for session in list(self._sessions.values()))
        return next((part for part in parts if part is not None), None)

    def close(self) -> None:
        """Autosave every document before the process ends."""
        self._closing.set()
        self.context.changed.set()
        for session in list(self._sessions.values()):
            session.rest()
            session.keep(is_last=True)

    def _sweep(self) -> None:
        tidied_at = trimmed_at = watched_at = time.monotonic()
        was_alone = False
        while not self._closing.wait(KEEP_EVERY_S):
            self.context.changed.wait(SWEEP_S)
            self.context.changed.clear()
            now = time.monotonic()
            if now - tidied_at > TIDY_EVERY_S:
                tidied_at = now
                try:
                    self.context.tidy()
                except OSError:  # files that go meanwhile; without this thread nothing would be kept any more
                    log.warning("tidying the data folder failed", exc_info=True)
            if any(session.watched for session in list(self._sessions.values())):
                watched_at = now
            is_alone = now - watched_at > LEAVE_MEMORY_AFTER_S
            if is_alone:
                self.context.cache.leave_memory()
            if now - trimmed_at > TRIM_EVERY_S or (is_alone and not was_alone):
                trimmed_at = now
                return_freed_memory()
            was_alone = is_alone
            note_open_sessions(self.context)
            for session in list(self._sessions.values()):
                session.keep()
                with session.lock:  # so that no tab joins in between, whose work would stop
                    if not session.watched and now - session.used_at > REST_AFTER_S:
                        session.rest()
                with self._lock:  # so that no tab is given a session that is dropped
                    is_unused = not session.watched and time.monotonic() - session.used_at > IDLE_S
                    if is_unused and not (session.worker.busy or session.dirty):  # dirty: the autosave failed
                        self._sessions.pop(session.id, None)
