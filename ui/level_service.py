"""Level of the mix: kept from clipping after an analysis, and fitted to a true peak on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.edits.values import check_number
from engine.document.project import Mix
from ui.jobs import Job
from ui.protocol.requests import FitLevel

if TYPE_CHECKING:
    from ui.session import Session

TARGET_RANGE_DBTP = (-30.0, 0.0)


def keep_headroom(session: Session) -> None:
    """After an analysis, once all is sampled: lower an untouched mix where it would clip, in the same history entry."""
    gesture, session.headroom_gesture = session.headroom_gesture, None
    mixed = session.renderer.mix() if gesture else None
    if mixed is None or mixed[0].mix != Mix():
        return
    from engine.pipeline.headroom import keep_headroom as lower

    edit = lower(*mixed)
    if edit is not None:
        session.commit(edit, gesture)
        session.note(f"the mix is lowered to {session.require_project().mix.gain_db:.1f} dB, so that no peak clips")


def fit_level(session: Session, message: FitLevel) -> None:
    """Set the mix level in the background, once the sound is up to date."""
    session.require_project()
    target_dbtp = check_number(message.true_peak_dbtp, "true_peak_dbtp", TARGET_RANGE_DBTP)

    def run(job: Job) -> None:
        from engine.pipeline.headroom import fit_level as fit

        session.renderer.wait(job.check)
        mixed = session.renderer.mix()
        edit = None if mixed is None else fit(*mixed, target_dbtp)
        job.check()
        if edit is None:
            raise BadInput("there is nothing to hear, so there is no level to fit; add a hit first")
        session.commit(edit)

    session.leveller.start(run)
