"""Versions of what is heard at chosen hits, side by side: as it is, as it was, and the clip's own sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class CompareVersions:
    """Mix the track around hits (by id) as it is and as it was ``back`` audible changes ago, beside the clip's sound.

    Answered by ``versions``.
    """

    type: ClassVar[str] = "compare_versions"
    hits: tuple[str, ...]
    back: int = 1


@dataclass(frozen=True)
class Version:
    """One version: stereo samples by their key, and the gain that makes it as loud as the others.

    ``loudness_lufs`` is the highest momentary loudness (EBU R 128), None for silence.
    """

    name: Literal["now", "before", "clip"]
    key: str
    loudness_lufs: float | None
    gain_db: float


@dataclass(frozen=True)
class Versions:
    """All versions of a span of the clip; ``changes`` are the labels of the edits that are heard here, newest first."""

    type: ClassVar[str] = "versions"
    hits: tuple[str, ...]
    back: int
    start_s: float
    end_s: float
    changes: tuple[str, ...]
    versions: tuple[Version, ...]
