"""Level of the mix: its loudness measured, and fitted to a true peak or a loudness on request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.edits.values import TARGET_RANGE_LUFS, check_number
from ui.jobs import Job
from ui.protocol.mixing import LoudnessMeasured
from ui.protocol.requests import FitLevel, MeasureLoudness

if TYPE_CHECKING:
    from engine.document.project import Project
    from engine.pipeline.events import RenderedHit
    from ui.session import Session

    Mixed = tuple[Project, Mapping[str, RenderedHit]]

TARGET_RANGE_DBTP = (-30.0, 0.0)


def fit_level(session: Session, message: FitLevel) -> None:
    """Set the mix level in the background, once the sound is up to date."""
    session.require_project()
    target_dbtp = check_number(message.true_peak_dbtp, "true_peak_dbtp", TARGET_RANGE_DBTP)
    target_lufs = message.integrated_lufs
    if target_lufs is not None:
        target_lufs = check_number(target_lufs, "integrated_lufs", TARGET_RANGE_LUFS)

    def run(job: Job) -> None:
        session.renderer.wait(job.check)
        mixed = session.renderer.mix()
        if mixed is None:
            raise BadInput("a sound is being made again; press once more when it is there")
        if target_lufs is None:
            _fit_peak(session, mixed, target_dbtp, message.channels, job)
        else:
            _fit_loudness(session, mixed, target_lufs, message.channels, job)

    session.leveller.start(run)


def _fit_peak(session: Session, mixed: Mixed, target_dbtp: float, channels: str, job: Job) -> None:
    from engine.pipeline.headroom import fit_level as fit
    from engine.pipeline.loudness import what_lets_hear

    edit = fit(*mixed, target_dbtp, channels)
    job.check()
    if edit is None:
        raise BadInput(f"there is nothing to hear, so there is no level to fit; {what_lets_hear(mixed[0])}")
    session.commit(edit)


def _fit_loudness(session: Session, mixed: Mixed, target_lufs: float, channels: str, job: Job) -> None:
    from engine.pipeline.loudness import describe_loudness, fit_loudness, is_reached, name_bounds

    edit, reached = fit_loudness(*mixed, target_lufs, job.check, channels)
    session.commit(edit)
    if not is_reached(reached, target_lufs):
        session.note(f"As near as {name_bounds(mixed[0])}: {describe_loudness(reached)}")
    elif reached.true_peak_dbtp > 0.0 and not mixed[0].mix.limit:
        session.note(f"{describe_loudness(reached)}: peaks would clip in an export; switch the limiter on")


def measure_loudness(session: Session, message: MeasureLoudness) -> None:
    """Measure the track in the background and send its loudness; nothing while hits are still to be sampled."""
    project = session.require_project()
    if len(session.renderer.message().hits) < len(project.hits):
        return

    def run(job: Job) -> None:
        from engine.pipeline.loudness import explain_missing, measure_track

        mixed = session.renderer.mix()
        if mixed is None:
            return
        found = measure_track(*mixed, job.check, message.channels)
        job.check()
        values = (None if math.isnan(value) else round(value, 2) for value in found)
        integrated, loudness_range, peak, _, short_term = values
        fault = explain_missing(found, mixed[0]) if integrated is None else None
        session.send_result(LoudnessMeasured(integrated, loudness_range, peak, short_term, fault))

    session.meter.start(run)
