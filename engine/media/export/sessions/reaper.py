"""Reaper project: tracks by sound, items at hits with takes, markers, the picture, frame rate and start."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from engine.core.files import create_file
from engine.core.names import to_text
from engine.core.units import db_to_gain
from engine.media.export.sessions.session import Item, Session, Track

_FRAME_RATES = {
    (Fraction(24000, 1001), False): (24, 2),
    (Fraction(24), False): (24, 0),
    (Fraction(25), False): (25, 0),
    (Fraction(30000, 1001), True): (30, 1),
    (Fraction(30000, 1001), False): (30, 2),
    (Fraction(30), False): (30, 0),
    (Fraction(48), False): (48, 0),
    (Fraction(50), False): (50, 0),
    (Fraction(60000, 1001), False): (30, 2),
    (Fraction(60000, 1001), True): (30, 1),
    (Fraction(60), False): (60, 0),
}
"""TIMEMODE's frame rate and its kind: 0 whole, 1 drop-frame, 2 slowed by 1000/1001.

Reaper has no 59.94: 29.97 counts the same hours, minutes and seconds, and half as many frames.
"""


def write_reaper(path: Path, session: Session) -> None:
    """Write a .rpp. Its sound files and the picture are named relative to it where they lie beside it."""
    text = "\n".join(_describe(session, path.parent)) + "\n"
    with create_file(path) as file:
        file.write(text.encode("utf-8"))


def _describe(session: Session, folder: Path) -> Iterator[str]:
    rate, start = session.sample_rate_hz, session.start
    frames, kind = _FRAME_RATES.get((start.frame_rate, start.drop_frame), (round(start.frame_rate), 0))
    yield '<REAPER_PROJECT 0.1 "7.0" 0'
    yield f"  PROJOFFS {_seconds(start.frame / start.frame_rate)} 0 0"
    yield "  RIPPLE 0"
    yield "  GROUPOVERRIDE 0 0 0"
    yield "  AUTOXFADE 0"
    yield "  PANLAW 1"
    yield f"  SAMPLERATE {rate} 1 0"
    yield f"  TIMEMODE 5 5 -1 {frames} {kind} 0 -1"
    yield "  PANMODE 3"
    yield "  TEMPO 120 4 4"
    for number, (_, item) in enumerate(session.hits(), 1):
        position = session.start.lead_s + Fraction(item.hit_s)
        yield f"  MARKER {number} {_seconds(position)} {_quote(item.name)} 0"
    if session.picture is not None:
        yield from _describe_picture(session, session.picture, folder)
    for track in session.tracks:
        yield from _describe_track(track, rate)
    yield ">"


def _describe_picture(session: Session, picture: Path, folder: Path) -> Iterator[str]:
    yield from _open_track("Picture", 0x93A0B0)
    yield from _open_item(float(session.start.lead_s), session.picture_s, picture.name)
    yield "      VOLPAN 1 0 1 -1"
    yield "      MUTE 0 0"
    yield "      SOFFS 0"
    yield "      <SOURCE VIDEO"
    yield f"        FILE {_quote(_place(picture, folder))}"
    yield "      >"
    yield "    >"
    yield "  >"


def _describe_track(track: Track, rate_hz: int) -> Iterator[str]:
    yield from _open_track(track.name, track.color)
    for item in track.items:
        if item.takes:
            yield from _describe_item(item, rate_hz)
    yield "  >"


def _describe_item(item: Item, rate_hz: int) -> Iterator[str]:
    length = max(take.length for take in item.takes)
    yield from _open_item(item.first_sample / rate_hz, length / rate_hz, item.name)
    for number, take in enumerate(item.takes, 1):
        if number > 1:
            yield "      TAKE"
            yield f"      NAME {_quote(f'{item.name} {number}')}"
        yield f"      {'VOLPAN' if number == 1 else 'TAKEVOLPAN'} {_take_levels(item, number)}"
        yield "      SOFFS 0"
        yield "      PLAYRATE 1 1 0 -1 0 0.0025"
        yield "      CHANMODE 0"
        yield f"      GUID {_make_id()}"
        yield "      <SOURCE WAVE"
        yield f"        FILE {_quote(take.file)}"
        yield "      >"
    yield "    >"


def _take_levels(item: Item, number: int) -> str:
    """Of the first take item volume, take pan, take volume; of others pan and volume."""
    gain, pan = f"{db_to_gain(item.gain_db):.9f}", f"{item.pan:.6f}"
    return f"{gain} {pan} 1 -1" if number == 1 else f"{pan} 1 -1"


def _open_track(name: str, color: int) -> Iterator[str]:
    red, green, blue = color >> 16, color >> 8 & 0xFF, color & 0xFF
    identity = _make_id()
    yield f"  <TRACK {identity}"
    yield f"    NAME {_quote(name)}"
    yield f"    PEAKCOL {0x1000000 | blue << 16 | green << 8 | red}"
    yield "    VOLPAN 1 0 -1 -1 1"
    yield "    MUTESOLO 0 0 0"
    yield "    NCHAN 2"
    yield f"    TRACKID {identity}"


def _open_item(position_s: float, length_s: float, name: str) -> Iterator[str]:
    yield "    <ITEM"
    yield f"      POSITION {position_s:.12g}"
    yield f"      LENGTH {length_s:.12g}"
    yield "      LOOP 0"
    yield "      ALLTAKES 0"
    yield "      FADEIN 0 0 0 0 0 0 0"
    yield "      FADEOUT 0 0 0 0 0 0 0"
    yield f"      IGUID {_make_id()}"
    yield f"      NAME {_quote(name)}"


def _seconds(value: Fraction) -> str:
    return f"{float(value):.12g}"


def _place(file: Path, folder: Path) -> str:
    """A path relative to the project's folder where it lies inside, else absolute."""
    if not file.is_absolute():
        return file.as_posix()
    inside = file.is_relative_to(folder.absolute())
    return file.relative_to(folder.absolute()).as_posix() if inside else str(file)


def _quote(text: str) -> str:
    """A text in the quotes that Reaper reads: those that it does not contain."""
    clean = " ".join(to_text(text).split())
    for mark in ('"', "'", "`"):
        if mark not in clean:
            return f"{mark}{clean}{mark}"
    return f"`{clean.replace('`', chr(39))}`"


def _make_id() -> str:
    return f"{{{str(uuid.uuid4()).upper()}}}"
