"""Read a spotting list of any format, told apart by its content, and place it in a clip."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.files import read_bounded
from engine.media.spotting.edl import is_edl, read_edl
from engine.media.spotting.midi import MAGIC, read_midi
from engine.media.spotting.pro_tools import is_pro_tools, read_pro_tools
from engine.media.spotting.reaper import START, read_reaper
from engine.media.spotting.spots import Placed, SpottingList, place_spots
from engine.media.spotting.table import read_table
from engine.media.spotting.timeline import is_timeline, read_timeline

ENDINGS = (".csv", ".tsv", ".txt", ".edl", ".mid", ".midi", ".rpp", ".otio")
LARGEST_BYTES = 16 << 20


def is_spotting_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name ends as a spotting list's does."""
    return Path(path).suffix.lower() in ENDINGS


def read_spotting(
    path: str | os.PathLike[str],
    frame_rate: Fraction,
    duration_s: float,
    clip_start: str | None = None,
    wanted_start: str | None = None,
    wanted_rate: Fraction | None = None,
) -> Placed:
    """Hits of a spotting list by rising time in a clip of ``duration_s`` at ``frame_rate``.

    ``clip_start`` is the clip's own timecode. ``wanted_start`` is what the list calls the clip's first frame, and
    ``wanted_rate`` the frame rate of its timecode, where the user gives them; else they are those of the list, else of
    the clip. Raises BadInput for a file that is no such list, or of which nothing lies in the clip.
    """
    file = Path(path)
    data = read_bounded(file, LARGEST_BYTES, "spotting list")
    found = _parse(data, file.name, wanted_rate or frame_rate, wanted_rate is not None)
    return place_spots(found, duration_s, clip_start, frame_rate, wanted_start, file.name)


def _parse(data: bytes, source: str, frame_rate: Fraction, is_rate_given: bool) -> SpottingList:
    if data.startswith(MAGIC):
        return read_midi(data, frame_rate, is_rate_given, source)
    text = _decode(data, source)
    if text.startswith(START):
        return read_reaper(text, frame_rate)
    if is_pro_tools(text):
        return read_pro_tools(text, frame_rate, is_rate_given, source)
    if is_timeline(text):
        return read_timeline(text, frame_rate, source)
    if is_edl(text):
        return read_edl(text, frame_rate, source)
    return read_table(text, frame_rate, is_rate_given, source)


def _decode(data: bytes, source: str) -> str:
    """Text in UTF-8, in UTF-16 with its mark, or else as Windows writes it, Pro Tools in the Mac's old encoding."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("mac_roman")
            text = text if is_pro_tools(text) else data.decode("cp1252", "replace")
    if "\0" in text:
        raise BadInput(
            f"{source} is no spotting list that Struck reads; give CSV, MIDI, EDL, OTIO, Pro Tools or Reaper text"
        )
    return text
