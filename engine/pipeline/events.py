"""Events of the pipeline: what opening, detection, estimation and sampling yield, in this order.

Events with an ``edit`` change the document: whoever iterates applies the edit before taking the next event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from engine.document.edits.values import Edit
from engine.document.project import Project

if TYPE_CHECKING:
    from engine.media.probe import MediaInfo
    from engine.onsets.track import OnsetTrack


@dataclass(frozen=True)
class ClipOpened:
    """The clip was probed; ``project`` is its document without hits, with the default sound."""

    info: MediaInfo
    project: Project


@dataclass(frozen=True)
class DetectionProgress:
    """Share of the clip, 0 to 1, in which onset detection is complete."""

    fraction: float


@dataclass(frozen=True, eq=False)
class OnsetsUpdated:
    """Onsets of the part of the clip that was read so far; ``edit`` puts them into a document as hits."""

    track: OnsetTrack
    edit: Edit


@dataclass(frozen=True, eq=False)
class OnsetsFound:
    """Onsets of the whole clip; ``edit`` replaces the hits that the user has not edited."""

    track: OnsetTrack
    edit: Edit


@dataclass(frozen=True)
class AnalysisProgress:
    """Number of hits whose sound was analysed, of ``total``."""

    done: int
    total: int


@dataclass(frozen=True)
class PictureProgress:
    """Share of the hits, 0 to 1, whose video frames were read."""

    fraction: float


@dataclass(frozen=True)
class Notice:
    """A message for the user that is not an error."""

    message: str


@dataclass(frozen=True, eq=False)
class SoundsFound:
    """``edit`` gives the hits the sounds that were estimated from the clip's audio or picture."""

    edit: Edit


@dataclass(frozen=True)
class RenderedHit:
    """A hit's sound: mono float32 at 48 kHz from the onset on, and the render key it was made for.

    That of a hit with a part before it begins ``part_strikes.hit_lead`` samples earlier.
    """

    key: str
    samples: np.ndarray


@dataclass(frozen=True, eq=False)
class HitsSampled:
    """Hits, by id, whose sound is ready since the last such event, and how many of the missing ones are sampled."""

    hits: Mapping[str, RenderedHit]
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class LevelKept:
    """``edit`` lowers the mix where the track or a stem would clip."""

    edit: Edit


@dataclass(frozen=True)
class Done:
    """The document as it stands at the end."""

    project: Project


DetectionEvent = DetectionProgress | OnsetsUpdated | OnsetsFound
SoundEvent = AnalysisProgress | PictureProgress | Notice | SoundsFound
Event = ClipOpened | DetectionEvent | SoundEvent | HitsSampled | LevelKept | Done

E = TypeVar("E")


def last_event(events: Iterable[object], kind: type[E]) -> E:
    """Run a step to its end and return its last event of a kind, for callers that show no progress."""
    found = [event for event in events if isinstance(event, kind)]
    return found[-1]
