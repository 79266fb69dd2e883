"""Messages of animatics: a still that moves at the project's hits, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class MakeAnimatic:
    """Make a film of a still that is struck at the hits; answered by ``animatic_made``.

    ``image`` is a picture as in ``open``, None the clip's frame at ``time_s``. ``at_x`` and ``at_y`` (0 to 1 from the
    upper left) are where it is struck, None where it is to be found. ``guidance`` 0 ignores the hits, 1 follows them as
    learnt, 4 at most.
    """

    type: ClassVar[str] = "make_animatic"
    image: str | None = None
    time_s: float = 0.0
    at_x: float | None = None
    at_y: float | None = None
    guidance: float = 1.5
    striker: Literal["stick", "mallet", "hammer", "none"] = "stick"
    seed: int = 0


@dataclass(frozen=True)
class StopAnimatic:
    """Stop making it."""

    type: ClassVar[str] = "stop_animatic"


@dataclass(frozen=True)
class AnimaticProgressed:
    """Share of the film that is done, 0 to 1."""

    type: ClassVar[str] = "animatic_progress"
    fraction: float


@dataclass(frozen=True)
class AnimaticMade:
    """The film to download, where it is struck, and at how many of the hits the striker comes down."""

    type: ClassVar[str] = "animatic_made"
    name: str
    url: str
    at_x: float
    at_y: float
    hits: int
    struck: int


@dataclass(frozen=True)
class AnimaticStopped:
    """It ended without a film."""

    type: ClassVar[str] = "animatic_stopped"
