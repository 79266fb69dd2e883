"""Scrapes and rubs as the browser shows and edits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class StrokeState:
    """A scrape or rub: ``speeds`` (0 to 1 of ``top_speed_m_per_s``) at even steps, ``grain_mm`` between grains."""

    length_s: float
    speeds: tuple[float, ...]
    top_speed_m_per_s: float
    grain_mm: float


@dataclass(frozen=True)
class ClearStrokes:
    """Let hits strike their object again instead of scraping it."""

    kind: ClassVar[str] = "clear_strokes"
    ids: tuple[str, ...]


@dataclass(frozen=True)
class FollowPicture:
    """Give scrapes (hits by id) the speed of the fastest movement in the picture during them."""

    type: ClassVar[str] = "follow_picture"
    hits: tuple[str, ...]
