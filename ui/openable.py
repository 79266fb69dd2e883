"""What a file is that is to be opened, and whether it can be."""

from __future__ import annotations

from pathlib import Path

from engine.document.storage import is_project_file, load_project
from engine.media.export.endings import EMBEDDING_ENDINGS


def read_project_inside(path: Path) -> bytes | None:
    """The project inside a sound file that Struck exported; None for any other file. Raises BadInput if damaged."""
    from engine.media.export.embedded import read_embedded_project

    return read_embedded_project(path) if path.suffix.lower() in EMBEDDING_ENDINGS else None


def check_opens(path: Path) -> None:
    """BadInput for a file that is neither a clip nor a project that can be read; its clip may be elsewhere."""
    from engine.media.probe import probe

    embedded = read_project_inside(path)
    if embedded is None and not is_project_file(path):
        probe(path)
        return
    load_project(path, allow_missing_clip=True, content=embedded)
