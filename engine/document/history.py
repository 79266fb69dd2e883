"""Undo and redo over immutable documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.document.edits.values import Edit
from engine.document.project import Project, Setting

LEVELS = 500


@dataclass(frozen=True)
class Step:
    """One entry: an edit's label and the document before it (after it, once undone); ``gesture`` identifies a drag."""

    label: str
    project: Project
    gesture: str | None = None


@dataclass(frozen=True)
class History:
    """The present document, the steps before it and the undone steps; the nearest is last in both."""

    now: Project
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    @property
    def undo_label(self) -> str | None:
        """Label of the edit that undo reverts; None without one."""
        return self.past[-1].label if self.past else None

    @property
    def undo_gesture(self) -> str | None:
        """Gesture of the edit that undo reverts; None without one, and for one that was redone."""
        return self.past[-1].gesture if self.past else None

    @property
    def redo_label(self) -> str | None:
        """Label of the edit that redo applies; None without one."""
        return self.future[-1].label if self.future else None


def move_clip(history: History, path: str) -> History:
    """The same history with the clip in another place in every document, since no undo brings a moved file back."""
    return _change_all(history, lambda project: replace(project, clip=replace(project.clip, path=path)))


def note_export(history: History, settings: tuple[tuple[str, Setting], ...]) -> History:
    """The same history with the settings of an export in every document: an undo changes sound and keeps them."""
    return history if history.now.export == settings else _change_all(history, lambda p: replace(p, export=settings))


def _change_all(history: History, change: Callable[[Project], Project]) -> History:
    past, future = (
        tuple(replace(step, project=change(step.project)) for step in steps) for steps in (history.past, history.future)
    )
    return History(change(history.now), past, future)


def commit(history: History, edit: Edit, gesture: str | None = None, renames: bool = False) -> History:
    """Apply an edit; raises what the edit raises, and then nothing has changed.

    An equal document adds nothing. Edits of one gesture in a row make one entry, which vanishes if
    the gesture ends where it began. Its first edit names it, as "Detect hits" an analysis, unless a
    later one ``renames`` it, since it takes the place of those before. At most LEVELS entries are kept.
    """
    project = edit.apply(history.now)
    if project == history.now:
        return history
    last = history.past[-1] if history.past else None
    if last is not None and gesture is not None and last.gesture == gesture:
        if project == last.project:
            return History(project, history.past[:-1])
        return History(project, (*history.past[:-1], replace(last, label=edit.label)) if renames else history.past)
    return History(project, (*history.past, Step(edit.label, history.now, gesture))[-LEVELS:])


def undo(history: History) -> History:
    """Revert the last step; the same history without one."""
    if not history.past:
        return history
    last = history.past[-1]
    return History(last.project, history.past[:-1], (*history.future, Step(last.label, history.now)))


def redo(history: History) -> History:
    """Apply the last undone step again; the same history without one."""
    if not history.future:
        return history
    step = history.future[-1]
    return History(step.project, (*history.past, Step(step.label, history.now)), history.future[:-1])
