"""The onset curve of a session's clip: drawn where a document has its hits already, shown, and drawn anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.document.project import Project
from engine.pipeline.events import OnsetsFound
from ui.context import AppContext
from ui.jobs import Job
from ui.protocol.events import BulkArray

if TYPE_CHECKING:
    from engine.pipeline.process import ProcessSettings
    from ui.session import Session


def sought_in(project: Project) -> tuple[str, int]:
    """What onsets are sought in: picture, sound or both, and which sound track."""
    return project.detection.source, project.clip.audio_track


def draw_curve(session: Session) -> None:
    """Begin to draw the onset curve of a document that already has hits."""
    session.detector.start(lambda job: _find_onsets(session, job))


def _find_onsets(session: Session, job: Job) -> None:
    """Compute the curve without a status, since nothing waits for it."""
    from engine.pipeline.process import find_hits

    number, project = session.clip_number, session.require_project()
    with session.context.analysis_lock.acquire(job.check) as yield_lock:
        for event in find_hits(project, process_settings(session.context)):
            job.check()
            if isinstance(event, OnsetsFound):
                with session.lock:
                    now = session.project
                    if now is not None and sought_in(now) == sought_in(project) and session.clip_number == number:
                        session.track = event.track
                        show_curve(session)
            yield_lock()


def renew_curve(session: Session) -> None:
    """Draw the onset curve anew, since an undo changed what onsets are sought in; a search in the other ends."""
    if session.unfinished:
        session.worker.cancel()
    with session.lock:
        session.track = None
        session.set_media(curve=None, lag_s=None)
    draw_curve(session)


def show_curve(session: Session) -> None:
    """Announce the curve of the session's onset track."""
    curve = session.track.curve
    session.set_media(
        curve=BulkArray(
            url=f"/struck/curve/{session.id}?v={session.clip_number}-{int(time.time() * 1000)}",
            rate_hz=float(curve.rate_hz),
            count=len(curve.values),
        ),
        lag_s=session.track.lag_s,
    )


def process_settings(context: AppContext, check: Callable[[], None] = lambda: None) -> ProcessSettings:
    """How the app runs the pipeline; ``check`` may raise to end it."""
    from engine.pipeline.process import ProcessSettings

    return ProcessSettings(
        partial_hits=True,
        checkpoint_folder=context.options.checkpoint_folder,
        open_bank=context.bank,
        cache=context.cache,
        check=check,
    )
