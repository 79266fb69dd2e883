"""Messages about the queue of clips that are rendered with the choices of an export, in both directions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ui.protocol.exporting import ExportedFile, ExportOptions


@dataclass(frozen=True)
class QueueClips:
    """Render clips one after another, each into kinds of files as an export has them; answered by ``queue``.

    ``paths`` as in ``open``, or a folder or a list of paths.
    """

    type: ClassVar[str] = "queue_clips"
    paths: tuple[str, ...]
    what: tuple[str, ...]
    options: ExportOptions = field(default_factory=ExportOptions)


@dataclass(frozen=True)
class CancelQueued:
    """Cancel a clip of the queue by its id, or all that are not done."""

    type: ClassVar[str] = "cancel_queued"
    id: str | None = None


@dataclass(frozen=True)
class ClearQueue:
    """Take what is done, failed or cancelled from the queue; its files stay."""

    type: ClassVar[str] = "clear_queue"


@dataclass(frozen=True)
class QueueItem:
    """A clip of the queue; ``message`` is what is done to it, or why it failed; ``fraction`` is the share done.

    ``warning`` is what is to be known of the clip, or wrong with what is written of it.
    """

    id: str
    name: str
    phase: Literal["waiting", "rendering", "done", "failed", "cancelled"]
    fraction: float = 0.0
    message: str = ""
    files: tuple[ExportedFile, ...] = ()
    warning: str = ""


@dataclass(frozen=True)
class QueueState:
    """The queue as it stands; ``report`` is the address of the page about its clips, "" while there is none."""

    type: ClassVar[str] = "queue"
    items: tuple[QueueItem, ...] = ()
    report: str = ""
