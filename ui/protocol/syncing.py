"""Messages of the sync meter, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class MeasureSync:
    """Measure the project's hits, or the clip's own sound, against the picture; answered by ``sync_measured``."""

    type: ClassVar[str] = "measure_sync"
    what: Literal["hits", "clip"] = "hits"


@dataclass(frozen=True)
class StopSync:
    """Stop measuring."""

    type: ClassVar[str] = "stop_sync"


@dataclass(frozen=True)
class SyncHit:
    """A blow seen at ``time_s`` and heard ``offset_s`` later (negative: earlier).

    ``grade`` is by BT.1359 and half a frame. ``hit_id`` is the hit that is heard, None in the clip's own sound.
    """

    time_s: float
    offset_s: float
    confidence: float
    grade: Literal["in step", "too small to notice", "detected", "unacceptable"]
    hit_id: str | None


@dataclass(frozen=True)
class SyncLone:
    """A blow that is only seen, or only heard; ``hit_id`` is the hit that is heard."""

    time_s: float
    confidence: float
    hit_id: str | None


@dataclass(frozen=True)
class SyncProgressed:
    """Share of the measurement that is done, 0 to 1."""

    type: ClassVar[str] = "sync_progress"
    fraction: float


@dataclass(frozen=True)
class SyncMeasured:
    """What the meter found; ``lag_s`` > 0: the sound comes late; it holds at ``middle_s``; None where it is unknown."""

    type: ClassVar[str] = "sync_measured"
    what: Literal["hits", "clip"]
    lag_s: float | None
    confidence: float
    drift_s_per_s: float
    middle_s: float
    hits: tuple[SyncHit, ...]
    seen_not_heard: tuple[SyncLone, ...]
    heard_not_seen: tuple[SyncLone, ...]


@dataclass(frozen=True)
class SyncStopped:
    """The measurement ended without a result."""

    type: ClassVar[str] = "sync_stopped"
