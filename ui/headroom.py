"""Headroom of a mix that nobody has touched: kept once, after an analysis."""

from __future__ import annotations

import threading
from typing import Protocol

from engine.document.edits.values import Edit
from engine.document.project import Mix, Project
from ui.renderer import Renderer


class Session(Protocol):
    """The parts of a session whose mix is lowered; ``headroom_gesture`` is that of an analysis not yet sampled."""

    lock: threading.RLock
    renderer: Renderer
    clip_number: int
    headroom_gesture: str | None

    def require_project(self) -> Project: ...

    def commit(self, edit: Edit, gesture: str | None = None, renames: bool = False) -> None: ...

    def note(self, message: str) -> None: ...


def keep_headroom(session: Session) -> None:
    """After an analysis, once all is sampled: lower an untouched mix where it would clip, in one history entry."""
    number = session.clip_number
    gesture, session.headroom_gesture = session.headroom_gesture, None
    mixed = session.renderer.mix() if gesture else None
    if mixed is None or mixed[0].mix != Mix():
        return
    from engine.pipeline import headroom

    edit = headroom.keep_headroom(*mixed)
    with session.lock:
        is_untouched = session.clip_number == number and session.require_project().mix == Mix()
        if edit is not None and is_untouched:  # the user may have set a level meanwhile
            session.commit(edit, gesture)
            session.note(f"{headroom.describe_headroom(session.require_project())}, so that no peak clips")
