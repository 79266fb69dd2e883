"""Scrapes that follow the picture."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.edits.hits import set_each_hit
from engine.document.edits.values import check_hits, count_of
from ui.clip_service import check_clip
from ui.jobs import Job
from ui.protocol.strokes import FollowPicture

if TYPE_CHECKING:
    from ui.session import Session


def follow(session: Session, message: FollowPicture) -> None:
    """Give scrapes the speeds that the picture has during them, in one edit."""
    wanted = check_hits(session.require_project(), message.hits)
    if not any(hit.stroke for hit in session.require_project().hits if hit.id in wanted):
        raise BadInput("the selected hits are no scrapes; make one first")

    def run(job: Job) -> None:
        from engine.pipeline.follow_picture import follow_picture

        check_clip(session)
        project = session.require_project()
        found = {}
        for hit in project.hits:
            job.check()
            if hit.id in wanted and hit.stroke is not None:
                found[hit.id] = {"stroke": asdict(follow_picture(project.clip, hit))}
        edit = set_each_hit(found)
        session.commit(replace(edit, label=f"Follow the picture with {count_of(len(found), 'scrape')}"))

    session.leveller.start(run, replace_others=False)
