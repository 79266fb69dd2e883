"""Marker EDL as DaVinci Resolve imports it: an event of one frame a hit, its name and the sound's colour."""

from __future__ import annotations

from pathlib import Path

from engine.core.files import create_file
from engine.core.names import to_text
from engine.core.units import format_timecode, parse_timecode
from engine.core.words import format_number
from engine.media.export.sessions.session import COLORS, Session

_NAMES = ("Cyan", "Purple", "Red", "Blue", "Yellow", "Green", "Pink", "Lavender")
"""Resolve's marker colours nearest to each of COLORS."""


def write_edl(path: Path, session: Session) -> None:
    """Write a CMX 3600 list in frames of the picture's rate, from the session's start timecode."""
    start = session.start
    lines = [
        f"TITLE: {_clean(session.title)}",
        f"FCM: {'DROP FRAME' if start.drop_frame else 'NON-DROP FRAME'}",
        "",
    ]
    for number, (track, item) in enumerate(session.hits(), 1):
        first = start.format_time(item.hit_s)
        frame = parse_timecode(first, start.frame_rate)
        last = format_timecode(frame + 1, start.frame_rate, start.drop_frame)
        color = _name_color(track.color)
        lines.append(f"{number:03d}  001      V     C        {first} {last} {first} {last}  ")
        name = f"{item.name} {format_number(item.velocity_db, '+.1f')} dB"
        lines.append(f" |C:ResolveColor{color} |M:{_clean(name)} |D:1")
        lines.append("")
    with create_file(path) as file:
        file.write("\r\n".join(lines).encode("utf-8"))


def _name_color(color: int) -> str:
    """Resolve's name of the one of COLORS that is nearest to a track's, 0xRRGGBB."""

    def distance(other: int) -> int:
        return sum(((color >> shift & 255) - (other >> shift & 255)) ** 2 for shift in (16, 8, 0))

    return _NAMES[COLORS.index(min(COLORS, key=distance))]


def _clean(text: str) -> str:
    """Text without separators of fields and lines."""
    return " ".join(to_text(text).replace("|", "/").split())
