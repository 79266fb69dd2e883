"""The sync meter of a session: its hits, or its clip's own sound, against the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.core.errors import BadInput
from engine.document.project import Project
from engine.onsets.track import Onset
from ui import clip_service
from ui.jobs import Job
from ui.protocol.syncing import MeasureSync, StopSync, SyncHit, SyncLone, SyncMeasured, SyncProgressed, SyncStopped
from ui.session import Session

HIT_STRENGTH = 0.9
"""Strength that a hit of the project counts with, whatever its velocity: it is heard for certain."""


def measure_sync(session: Session, request: MeasureSync) -> None:
    """Measure in the background; a request that follows takes the place of this one. Raises BadInput."""
    project = session.require_project()
    if request.what == "clip" and not project.clip.has_audio:
        raise BadInput("this clip has no sound of its own; measure Struck's hits")

    def run(job: Job) -> None:
        from engine.pipeline import measure_sync as meter

        try:
            clip_service.check_clip(session)
            report = None
            with session.context.analysis_lock.acquire(job.check) as yield_lock:
                for event in _iter_events(session, project, request.what):
                    job.check()
                    if isinstance(event, meter.SyncMeasured):
                        report = event.report
                    else:
                        session.send(SyncProgressed(event.fraction))
                    yield_lock()
            session.send_result(_to_message(report, project, request.what))
        except BaseException:
            session.send(SyncStopped())
            raise

    session.sync_meter.start(run)


def stop_sync(session: Session, request: StopSync) -> None:
    """Cancel the measurement, if one is going on."""
    session.sync_meter.cancel()


def _iter_events(session: Session, project: Project, what: str) -> Iterator[Any]:
    from engine.pipeline.measure_sync import find_networks, measure_clip_sync, measure_onset_sync

    networks = find_networks(session.context.options.checkpoint_folder)
    if what == "clip":
        return measure_clip_sync(project.clip, None, networks, session.context.cache)
    heard = [Onset(hit.time_s, HIT_STRENGTH) for hit in _list_heard(project)]
    return measure_onset_sync(project.clip, heard, networks, session.context.cache)


def _list_heard(project: Project) -> list[Any]:
    return sorted((hit for hit in project.hits if not hit.mute), key=lambda hit: hit.time_s)


def _to_message(report: Any, project: Project, what: str) -> SyncMeasured:
    from engine.sync.limits import grade_offset

    frame_s = 1.0 / float(project.clip.frame_rate)
    ids = {hit.time_s: hit.id for hit in project.hits if not hit.mute} if what == "hits" else {}
    hits = tuple(
        SyncHit(p.time_s, p.offset_s, p.confidence, grade_offset(p.offset_s, frame_s), ids.get(p.heard_s))  # type: ignore[arg-type]
        for p in report.hits
    )
    seen = tuple(SyncLone(lone.time_s, lone.confidence, None) for lone in report.seen_not_heard)
    heard = tuple(SyncLone(lone.time_s, lone.confidence, ids.get(lone.time_s)) for lone in report.heard_not_seen)
    return SyncMeasured(
        what,  # type: ignore[arg-type]
        report.lag_s,
        report.confidence,
        report.drift_s_per_s,
        report.middle_s,
        hits,
        seen,
        heard,
    )
