"""Messages of *Picture it* and of the small pictures of what was found, and of storyboards, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


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


@dataclass(frozen=True)
class MakeStoryboard:
    """A sheet of all hits, or of each sound's first; answered by ``storyboard_made`` or ``storyboard_stopped``.

    Its pictures are the clip's frames, or with ``drawn`` drawn from the sounds.
    """

    type: ClassVar[str] = "make_storyboard"
    each: Literal["hit", "sound"] = "hit"
    drawn: bool = False
    ending: Literal["png", "pdf"] = "png"


@dataclass(frozen=True)
class StopStoryboard:
    """Stop making it."""

    type: ClassVar[str] = "stop_storyboard"


@dataclass(frozen=True)
class StoryboardProgressed:
    """Share of the storyboard that is done, 0 to 1."""

    type: ClassVar[str] = "storyboard_progress"
    fraction: float


@dataclass(frozen=True)
class StoryboardMade:
    """The storyboard to download, and its panels."""

    type: ClassVar[str] = "storyboard_made"
    name: str
    url: str
    panels: int


@dataclass(frozen=True)
class StoryboardStopped:
    """It ended without one."""

    type: ClassVar[str] = "storyboard_stopped"
