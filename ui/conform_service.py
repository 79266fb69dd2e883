"""Conform the open project to a recut of its clip."""

from __future__ import annotations

from engine.document.project import Hit, Marker, Project
from ui import clip_service
from ui.jobs import Job
from ui.named_paths import resolve_path
from ui.protocol.conforming import Conform, Conformed, LostHit, LostMarker
from ui.session import Session


def conform_clip(session: Session, request: Conform) -> None:
    """Start to give the document a recut of its clip; until all is found, and where nothing is, it stays as it is.

    The conformed document begins anew, unsaved: the former project's file is not touched, and what is unsaved is kept.
    """
    session.require_project()
    path = resolve_path(session, request.path)

    def run(job: Job) -> None:
        from engine.pipeline.conform import conform

        clip_service.check_clip(session)

        with session.context.analysis_lock.acquire(job.check) as yield_lock:

            def report(share: float) -> None:
                job.check()
                yield_lock()
                percent = round(100 * share)
                session.set_status("work", "opening", percent, 100, f"Comparing the pictures, {percent} %")

            former = session.require_project()
            done = conform(former, path, report)
        clip_service.show_project(session, done.project, None, job)
        with session.lock:  # no project file holds this
            session.edited = session.dirty = True
        lost = tuple(_describe(former, hit) for hit in done.lost)
        markers = tuple(_describe_marker(former, marker) for marker in done.lost_markers)
        moved, left_out = len(done.project.hits) - done.copied, done.left_out + done.left_out_markers
        session.send_result(Conformed(moved, done.copied, lost, markers, left_out))

    session.worker.start(run, replace_others=False)  # an analysis of the former clip is ended first


def _describe(project: Project, hit: Hit) -> LostHit:
    from engine.pipeline.conform import clip_timecode

    return LostHit(clip_timecode(project.clip, hit.time_s), project.sound(hit.sound_id).name, hit.name)


def _describe_marker(project: Project, marker: Marker) -> LostMarker:
    from engine.pipeline.conform import clip_timecode

    return LostMarker(clip_timecode(project.clip, marker.time_s), marker.name)
