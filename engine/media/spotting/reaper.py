"""Markers and regions of a Reaper project (.rpp)."""

from __future__ import annotations

import re
from fractions import Fraction

from engine.media.spotting.spots import Spot, SpottingList

START = "<REAPER_PROJECT"
_OFFSET = re.compile(r"^ {2}PROJOFFS (-?\d{1,12}(?:\.\d{1,20})?)", re.MULTILINE | re.ASCII)
_TEXT = r"""(?P<text>"[^"]*"|'[^']*'|`[^`]*`|\S+)"""
_MARKER = re.compile(
    rf"^ {{2}}MARKER (\d+) (-?\d{{1,12}}(?:\.\d{{1,20}})?) {_TEXT}? ?(?P<flags>\d+)?", re.MULTILINE | re.ASCII
)
_TRACK = re.compile(rf"^ {{4}}NAME {_TEXT}\s*$", re.MULTILINE | re.ASCII)


def read_reaper(text: str, frame_rate: Fraction) -> SpottingList:
    """Read markers and the starts of regions; the project's start offset is the timecode of its beginning.

    A marker that is named after a track and a hit, as Struck names its own, tells the sound.
    """
    offset = _OFFSET.search(text)
    offset_s = float(offset[1]) if offset else 0.0
    tracks = {_unquote(found["text"]) for found in _TRACK.finditer(text)}
    spots = []
    open_regions: set[str] = set()
    for found in _MARKER.finditer(text):
        number, name = found[1], _unquote(found["text"] or "")
        if int(found["flags"] or 0) & 1:  # a region is two lines of one number: its start and its end
            if number in open_regions:
                open_regions.remove(number)
                continue
            open_regions.add(number)
        before = (name[: hit.start()] for hit in re.finditer(r" h\d", name))
        spots.append(Spot(offset_s + float(found[2]), name, next((part for part in before if part in tracks), "")))
    return SpottingList(tuple(spots), frame_rate, None, Fraction(max(0.0, offset_s)), is_clock=True)


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`" else text
