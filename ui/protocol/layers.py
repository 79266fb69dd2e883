"""Velocity layers of a sound, as the browser shows and asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class LayerState:
    """A velocity layer: its velocity, where it was measured in the clip, and the number of its modes."""

    velocity_db: float
    time_s: float | None
    modes: int


@dataclass(frozen=True)
class DeleteLayers:
    """Delete velocity layers by their places."""

    kind: ClassVar[str] = "delete_layers"
    sound_id: str
    indices: tuple[int, ...]


@dataclass(frozen=True)
class MeasureLayers:
    """Measure velocity layers of a sound from hits (by id) that strike it, in place of those that it has."""

    type: ClassVar[str] = "measure_layers"
    sound_id: str
    hits: tuple[str, ...]
