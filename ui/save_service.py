"""Saving of a session's project: to its file, or as a folder with its clip and recordings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.core.files import check_target
from engine.core.names import make_file_stem
from engine.document.project import Project
from ui.jobs import Job
from ui.named_paths import resolve_path
from ui.protocol.requests import CollectProject, Save
from ui.welcome import PROJECT_ENDING, remember_recent

if TYPE_CHECKING:
    from ui.session import Session


def save(session: Session, message: Save) -> None:
    """Save the project where the message says, else where it was saved last, else in the data folder."""
    number, project = session.clip_number, session.require_project()
    files, context = session.context.project_files, session.context
    if message.path is None:
        wanted = session.saved_as or _default_place(session)
        was_there = wanted.exists()
        path = files.save(session, project, wanted)
    else:
        wanted = name_file(session, message.path)
        was_there = wanted.exists()
        path = files.overwrite(session, project, wanted)
    if path != wanted or not was_there:  # else it keeps its own permissions
        context.share_as_user(path)
    is_aside = session.saved_as is not None and wanted == session.saved_as and path != wanted
    _note_saved(session, number, project, path)
    place = path.name if context.options.public else path
    if is_aside:
        session.note(f"{wanted.name} was changed by another tab or program; yours is saved beside it as {place}")
    else:
        session.note(f"Saved {place}")


def name_file(session: Session, text: str) -> Path:
    """The project file that a message names; its ending may be left out. Raises BadInput."""
    path = check_target(resolve_path(session, text))
    return path if path.name.endswith(PROJECT_ENDING) else check_target(path.with_name(path.name + PROJECT_ENDING))


def collect(session: Session, message: CollectProject) -> None:
    """Save the project as a folder in the background; later saves go to the file in it."""
    number, project, context = session.clip_number, session.require_project(), session.context
    if context.options.public:
        raise BadInput("folders on this machine are closed while others can reach the app; export the project instead")
    name, named = session.name, message.inside and message.inside.strip()
    inside = resolve_path(session, named) if named else context.folder("projects")

    def run(job: Job) -> None:
        from engine.pipeline.collect import collect_project

        started = time.monotonic()

        def show(part: float) -> None:
            job.check()
            percent = round(100 * part)
            session.set_status("export", "exporting", percent, 100, f"Collecting the project, {percent} %", started)

        show(0.0)
        path = collect_project(project, inside, name, context.cache, show)
        for file in (path.parent, *path.parent.rglob("*")):
            context.share_as_user(file)
        with session.lock:
            if session.clip_number == number:
                context.project_files.open(session, path)
        _note_saved(session, number, project, path)
        session.set_status("export", "done", 100, 100, "Collected", started)
        session.note(f"Saved {path.parent}, with the clip and the recordings of its sounds")

    session.exports.start(run, of_document=False)  # a save is finished


def _note_saved(session: Session, number: int, project: Project, path: Path) -> None:
    """Note where the document of a clip number was saved, if the session still shows it."""
    with session.lock:
        if session.clip_number == number:
            session.saved_as, session.saved_project, session.dirty = path, project, True
            session.edited = session.project is not project
            session.board.forget_errors()
            session.push_document()
    remember_recent(session.context, path)


def _default_place(session: Session) -> Path:
    """Where a project is saved that has no file yet; where others can reach the app, in a folder of its session."""
    context = session.context
    folder = session.folder("projects") if context.options.public else context.folder("projects")
    return folder / f"{make_file_stem(session.name, f' 9999{PROJECT_ENDING}')}{PROJECT_ENDING}"
