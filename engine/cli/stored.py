"""Documents that commands are given: project files, and those inside sound files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.core.errors import BadInput
from engine.document.project import Project
from engine.document.storage import is_project_file
from engine.media.export.endings import EMBEDDING_ENDINGS


def open_stored(source: str, clip_place: str | None = None) -> Project | None:
    """The document of a project file, or inside a sound file, with its clip; None for a clip. Raises BadInput."""
    embedded = _read_embedded(source)
    if embedded is None and not is_project_file(source):
        return None
    return load_with_clip(source, clip_place, embedded)


def _read_embedded(source: str) -> bytes | None:
    """The project inside a sound file that Struck wrote; None for anything else."""
    from engine.media.export.embedded import read_embedded_project

    return read_embedded_project(source) if source.lower().endswith(EMBEDDING_ENDINGS) else None


def load_with_clip(source: str, clip_place: str | None, content: bytes | None = None) -> Project:
    """A project, with its clip from ``--clip`` where that names one, opened as it is now. Raises BadInput."""
    from engine.document.clip_search import search_clip
    from engine.document.storage import ClipMissing, load_project
    from engine.media.open import digest_file
    from engine.pipeline.open_clip import match_clip

    try:
        missing = clip_place is not None
        project = load_project(source, (Path.cwd(),), digest_file, allow_missing_clip=missing, content=content)
    except ClipMissing as error:
        raise BadInput(f"{error}, or give its place, or a folder that holds it, by --clip") from None
    if clip_place is not None:
        found = search_clip(project.clip, Path(clip_place), digest_file)
        project = replace(project, clip=replace(project.clip, path=str(found)))
    return match_clip(project)
