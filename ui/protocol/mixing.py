"""The mix: strips of sounds and the master as the browser shows them, their edits, and measured loudness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class StripState:
    """A sound's channel strip; see ``engine.document.strip``."""

    gain_db: float
    pan: float
    distance_m: float
    room_db: float
    high_pass_hz: float
    low_pass_hz: float
    surround_deg: float
    lfe_db: float
    mute: bool
    solo: bool


@dataclass(frozen=True)
class MixState:
    """Levels of the rendered track and of the clip's own sound, width of noise and room (0 to 1), and the limiter."""

    gain_db: float
    clip_gain_db: float
    width: float
    limit: bool


@dataclass(frozen=True)
class StripValues:
    """New values of a strip; those left out stay."""

    gain_db: float | None = None
    pan: float | None = None
    distance_m: float | None = None
    room_db: float | None = None
    high_pass_hz: float | None = None
    low_pass_hz: float | None = None
    surround_deg: float | None = None
    lfe_db: float | None = None
    mute: bool | None = None
    solo: bool | None = None


@dataclass(frozen=True)
class SetStrip:
    """New values of a sound's strip."""

    kind: ClassVar[str] = "set_strip"
    sound_id: str
    values: StripValues


@dataclass(frozen=True)
class SetColor:
    """A new colour of a sound, ``#rrggbb``; "" for that of its place in the list."""

    kind: ClassVar[str] = "set_color"
    sound_id: str
    color: str


@dataclass(frozen=True)
class SetMix:
    """New levels of the mix and of the clip's own sound, a new width of the noise, and whether the limiter is on."""

    kind: ClassVar[str] = "set_mix"
    gain_db: float | None = None
    clip_gain_db: float | None = None
    width: float | None = None
    limit: bool | None = None


@dataclass(frozen=True)
class LoudnessMeasured:
    """Loudness of the track by EBU R 128; None where it is undefined, and then ``fault`` says why."""

    type: ClassVar[str] = "loudness"
    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    short_term_lufs: float | None
    fault: str | None = None
