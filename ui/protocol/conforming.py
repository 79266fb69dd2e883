"""Messages about conforming a project to a recut of its clip, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Conform:
    """Give the project a recut of its clip (``path`` as in ``open``); hits move with their shots."""

    type: ClassVar[str] = "conform"
    path: str


@dataclass(frozen=True)
class LostHit:
    """A hit without a place in the new clip, by its timecode in the former one, its sound and its name."""

    timecode: str
    sound: str
    name: str


@dataclass(frozen=True)
class LostMarker:
    """A marker without a place in the new clip, by its timecode in the former one and its name."""

    timecode: str
    name: str


@dataclass(frozen=True)
class Conformed:
    """What became of the hits: how many moved, how many more where shots are shown again, and what is lost.

    ``left_out`` hits and markers were of shots that the former clip repeats and the new one does not.
    """

    type: ClassVar[str] = "conformed"
    moved: int
    copied: int
    lost: tuple[LostHit, ...]
    lost_markers: tuple[LostMarker, ...]
    left_out: int
