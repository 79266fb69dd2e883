"""Clips that a tab queues: files, and what folders and lists name, rendered one after another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.storage import is_project_file
from engine.media.export.endings import EMBEDDING_ENDINGS
from ui.named_paths import resolve_path
from ui.protocol.queue import CancelQueued, ClearQueue, QueueClips

if TYPE_CHECKING:
    from ui.session import Session


def queue_clips(session: Session, message: QueueClips) -> None:
    """Queue clips. Raises BadInput, and then none is."""
    sources = [source for text in message.paths for source in _list_sources(session, text)]
    if not sources:
        raise BadInput("no clip was found there; choose clips, or a folder that holds some")
    session.queue.add(sources, message.what, message.options)


def cancel_queued(session: Session, message: CancelQueued) -> None:
    """Cancel one clip of the queue, or all."""
    session.queue.cancel(message.id)


def clear_queue(session: Session, message: ClearQueue) -> None:
    """Take what has ended from the queue."""
    session.queue.clear()


def _list_sources(session: Session, text: str) -> list[Path]:
    from engine.cli.batch import list_clips

    path = resolve_path(session, text)
    if session.context.options.public:  # a project or list could name any file of this machine
        if is_project_file(path) or path.suffix.lower() in EMBEDDING_ENDINGS:
            raise BadInput(f"{path.name} is no clip, and the queue takes clips alone here; open it instead")
        return [path]
    if not path.exists():
        raise BadInput(f"{path} does not exist; check the name")
    return [Path(source) for source in list_clips([str(path)], session.queue.folder())]
