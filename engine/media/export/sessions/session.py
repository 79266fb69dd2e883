"""The source of every session format: tracks by sound, items at hits, in samples from the session's start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.core.words import format_number
from engine.media.export.options import Start
from engine.media.export.tags import Category


@dataclass(frozen=True)
class Take:
    """A sound file, relative to the session's folder with ``/``, its length in samples and its channels, 1 or 2."""

    file: str
    length: int
    channels: int = 1


@dataclass(frozen=True)
class Item:
    """One hit. ``hit_s`` is on the picture's clock, ``first_sample`` where its files begin in the session.

    ``gain_db`` and ``pan`` (-1 to 1, balance law) give the files the level they have in the track; ``takes`` are the
    hit's own sound and alternatives, none where a format needs no sound.
    """

    name: str
    hit_s: float
    first_sample: int
    takes: tuple[Take, ...] = ()
    gain_db: float = 0.0
    pan: float = 0.0
    velocity_db: float = 0.0


@dataclass(frozen=True)
class Track:
    """The hits of one sound by rising time."""

    name: str
    items: tuple[Item, ...]
    category: Category = field(default_factory=Category)
    color: int = 0x4FD1C5


@dataclass(frozen=True)
class Session:
    """A session: its clock, the picture and the tracks. ``length`` and all positions are samples at its rate."""

    title: str
    sample_rate_hz: int
    start: Start
    length: int
    tracks: tuple[Track, ...]
    picture: Path | None = None
    picture_s: float = 0.0

    @property
    def lead_samples(self) -> int:
        """Samples from the session's start to the picture's first frame."""
        return round(self.start.lead_s * self.sample_rate_hz)

    def hits(self) -> list[tuple[Track, Item]]:
        """All items with their tracks, by rising time."""
        pairs = [(track, item) for track in self.tracks for item in track.items]
        return sorted(pairs, key=lambda pair: (pair[1].hit_s, pair[1].name))

    def hit_sample(self, item: Item) -> int:
        """Sample of the session at which a hit lies."""
        return self.lead_samples + round(item.hit_s * self.sample_rate_hz)


def separate(track: Track) -> list[list[Item]]:
    """A track's items with sound, on the least number of lanes without overlap, each by rising time."""
    lanes: list[list[Item]] = []
    ends: list[int] = []
    for item in sorted(track.items, key=lambda item: item.first_sample):
        if not item.takes:
            continue
        end = item.first_sample + item.takes[0].length
        free = next((k for k, last in enumerate(ends) if last <= item.first_sample), None)
        if free is None:
            lanes.append([item])
            ends.append(end)
        else:
            lanes[free].append(item)
            ends[free] = end
    return lanes


COLORS = (0x4FD1C5, 0xA78BFA, 0xFF7B72, 0x6CB6FF, 0xFFB454, 0x7EE787, 0xF778BA, 0xD2A8FF)
"""Colours of the tracks, in turn, 0xRRGGBB."""


def list_cues(session: Session) -> list[dict[str, str]]:
    """One row a hit for tables: number, timecode, time, sample, sound, category, level, pan and file."""
    rows = []
    for number, (track, item) in enumerate(session.hits(), 1):
        rows.append(
            {
                "number": str(number),
                "timecode": session.start.format_time(item.hit_s),
                "time_s": f"{max(0.0, item.hit_s):.6f}",
                "sample": str(session.hit_sample(item)),
                "name": item.name,
                "hit": item.name.removeprefix(f"{track.name} "),
                "sound": track.name,
                "cat_id": track.category.cat_id,
                "velocity_db": format_number(item.velocity_db, ".2f"),
                "gain_db": format_number(item.gain_db, ".2f"),
                "pan": format_number(item.pan, ".3f"),
            }
        )
    return rows
