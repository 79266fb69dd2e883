"""Find the missing clip of a project at a path that the user gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.history import move_clip
from ui import clip_service
from ui.jobs import Job

if TYPE_CHECKING:
    from ui.session import Session


def find_clip(session: Session, path: Path) -> None:
    """Look for the missing clip at a path, a file or a folder, and continue opening its project."""
    wanted = session.clip_search
    if wanted is None:
        raise BadInput("no project is waiting for its clip any more; open the project again")

    def run(job: Job) -> None:
        from engine.document.clip_search import search_clip
        from engine.media.open import digest_file

        clip = wanted.project.clip
        session.set_status("work", "opening", message=f"Looking for {wanted.message().name} in {path.name or path}")
        found = search_clip(clip, path, digest_file, job.check)
        if wanted.source is not None:
            project = replace(wanted.project, clip=replace(clip, path=str(found)))
            clip_service.show_project(session, project, wanted.source, job)
            return
        session.change_history(lambda history: move_clip(history, str(found)))
        session.want_clip(None)
        clip_service.take_up_clip(session, job)

    session.worker.start(run)
