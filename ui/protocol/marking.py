"""Markers, named places in the clip: as the browser shows them, and their edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class MarkerState:
    """A named place in the clip."""

    id: str
    time_s: float
    name: str


@dataclass(frozen=True)
class AddMarker:
    """A new marker; without a name it is called by its number."""

    kind: ClassVar[str] = "add_marker"
    time_s: float
    name: str | None = None


@dataclass(frozen=True)
class SetMarker:
    """A new place or name of a marker; what is left out stays."""

    kind: ClassVar[str] = "set_marker"
    marker_id: str
    time_s: float | None = None
    name: str | None = None


@dataclass(frozen=True)
class DeleteMarker:
    """Delete a marker."""

    kind: ClassVar[str] = "delete_marker"
    marker_id: str
