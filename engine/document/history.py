"""Undo and redo: the document as it is, as it was, and as it may be again."""

from __future__ import annotations

from dataclasses import dataclass

from engine.document.edits.values import Edit
from engine.document.project import Project

LEVELS = 500


@dataclass(frozen=True)
class Step:
    """One entry: what was done, and the document on the other side of it; ``gesture`` names a drag."""

    label: str
    project: Project
    gesture: str | None = None


@dataclass(frozen=True)
class History:
    """The present document between the steps that led to it and those undone, nearest last."""

    now: Project
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    @property
    def undo_label(self) -> str | None:
        """What undo would take back, or None."""
        return self.past[-1].label if self.past else None

    @property
    def redo_label(self) -> str | None:
        """What redo would do again, or None."""
        return self.future[-1].label if self.future else None


def commit(history: History, edit: Edit, gesture: str | None = None) -> History:
    """The history after an edit; raises what the edit raises, and then nothing has changed.

    An equal document adds nothing. Edits of one gesture in a row make one entry, which vanishes if
    the gesture ends where it began. At most LEVELS entries are kept.
    """
    project = edit.apply(history.now)
    if project == history.now:
        return history
    last = history.past[-1] if history.past else None
    if last is not None and gesture is not None and last.gesture == gesture:
        if project == last.project:
            return History(project, history.past[:-1])
        return History(project, history.past)
    return History(project, (*history.past, Step(edit.label, history.now, gesture))[-LEVELS:])


def undo(history: History) -> History:
    """Take the last entry back; nothing to do without one."""
    if not history.past:
        return history
    last = history.past[-1]
    return History(last.project, history.past[:-1], (*history.future, Step(last.label, history.now)))


def redo(history: History) -> History:
    """Do the last undone entry again; nothing to do without one."""
    if not history.future:
        return history
    step = history.future[-1]
    return History(step.project, (*history.past, Step(step.label, history.now)), history.future[:-1])
