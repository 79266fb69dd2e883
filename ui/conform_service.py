"""Conform the open project to a recut of its clip."""

from __future__ import annotations

from engine.document.project import Hit, Project
from ui import clip_service
from ui.jobs import Job
from ui.named_paths import resolve_path
from ui.protocol.conforming import Conform, Conformed, LostHit
from ui.session import Session


def conform_clip(session: Session, request: Conform) -> None:
    """Start to give the document a recut of its clip; until all is found, and where nothing is, it stays as it is.

    The conformed document begins anew, unsaved: the former project's file is not touched.
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
        session.send_result(Conformed(len(done.project.hits) - done.copied, done.copied, lost))

    session.worker.start(run)


def _describe(project: Project, hit: Hit) -> LostHit:
    from engine.pipeline.conform import clip_timecode

    return LostHit(clip_timecode(project.clip, hit.time_s), project.sound(hit.sound_id).name, hit.name)
