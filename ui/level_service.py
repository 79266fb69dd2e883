"""Level of the mix: fitted to a true peak on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.edits.values import check_number
from ui.jobs import Job
from ui.protocol.requests import FitLevel

if TYPE_CHECKING:
    from ui.session import Session

TARGET_RANGE_DBTP = (-30.0, 0.0)


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
