"""Storyboards of a session: a panel for each hit, or for each sound, as a file to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.files import write_file
from ui import clip_service
from ui.animatic_service import address_export, choose_export
from ui.jobs import Job
from ui.protocol.picturing import (
    MakeStoryboard,
    StopStoryboard,
    StoryboardMade,
    StoryboardProgressed,
    StoryboardStopped,
)

if TYPE_CHECKING:
    from ui.session import Session


def make_storyboard(session: Session, request: MakeStoryboard) -> None:
    """Make it in the background; a request that follows takes the place of this one. Raises BadInput."""
    from engine.pipeline.make_storyboard import list_project
    from engine.pipeline.picture_sound import find_scene_network

    list_project(session.require_project(), "the project", None, request.each)  # what it refuses is refused at once
    if request.drawn:
        find_scene_network(session.context.options.checkpoint_folder)

    def run(job: Job) -> None:
        try:
            session.send_result(_make(session, job, request))
        except BaseException:
            session.send(StoryboardStopped())
            raise

    session.storyboards.start(run)


def stop_storyboard(session: Session, request: StopStoryboard) -> None:
    """Cancel the storyboard, if one is being made."""
    session.storyboards.cancel()


def _make(session: Session, job: Job, request: MakeStoryboard) -> StoryboardMade:
    from engine.pipeline import make_storyboard as pipeline

    session.send(StoryboardProgressed(0.0))
    project, rendered = session.renderer.wait_for_mix(job.check) if request.drawn else (session.require_project(), None)
    if not request.drawn:
        clip_service.check_clip(session)
    hits = pipeline.list_project(project, session.name or "project", rendered, request.each)
    options = pipeline.StoryboardOptions(request.each, request.drawn)
    target = choose_export(session, f" storyboard.{request.ending}")
    with session.context.analysis_lock.acquire(job.check) as yield_lock:

        def show(fraction: float) -> None:
            job.check()
            session.send(StoryboardProgressed(round(fraction, 3)))
            yield_lock()

        folder = session.context.options.checkpoint_folder
        data = pipeline.make_storyboard(hits, options, folder, target.suffix, show)
    job.check()
    write_file(target, data)
    return StoryboardMade(target.name, address_export(session, target), len(hits.cues))
