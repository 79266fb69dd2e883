"""Messages of *Picture it* and of the small pictures of what was found, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PictureSound:
    """Draw pictures of a sound of the document; answered by ``sound_pictured`` or ``picturing_stopped``."""

    type: ClassVar[str] = "picture_sound"
    sound_id: str
    seed: int = 0


@dataclass(frozen=True)
class StopPicturing:
    """Stop drawing."""

    type: ClassVar[str] = "stop_picturing"


@dataclass(frozen=True)
class PicturingProgressed:
    """Share of the pictures' drawing that is done, 0 to 1."""

    type: ClassVar[str] = "picturing_progress"
    fraction: float


@dataclass(frozen=True)
class SoundPictured:
    """Pictures of a sound, data addresses of images."""

    type: ClassVar[str] = "sound_pictured"
    sound_id: str
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class PicturingStopped:
    """The drawing ended without pictures."""

    type: ClassVar[str] = "picturing_stopped"


@dataclass(frozen=True)
class PictureCandidates:
    """Draw a small picture of each candidate of a search, quietly; answered by ``candidates_pictured``, some at a time.

    A request that follows takes the place of this one; one without ids stops the drawing.
    """

    type: ClassVar[str] = "picture_candidates"
    ids: tuple[str, ...]


@dataclass(frozen=True)
class CandidatesPictured:
    """Pictures of candidates by their ids, data addresses of images; "" for one that has none."""

    type: ClassVar[str] = "candidates_pictured"
    pictures: tuple[tuple[str, str], ...]
