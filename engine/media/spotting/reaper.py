"""Markers and regions of a Reaper project (.rpp)."""

from __future__ import annotations

import re
from fractions import Fraction

from engine.media.spotting.spots import Spot, SpottingList

START = "<REAPER_PROJECT"
_OFFSET = re.compile(r"^ {2}PROJOFFS (-?\d{1,12}(?:\.\d{1,20})?)", re.MULTILINE | re.ASCII)
_MARKER = re.compile(
    r"""^ {2}MARKER (\d+) (-?\d{1,12}(?:\.\d{1,20})?) (?:"([^"]*)"|'([^']*)'|`([^`]*)`|(\S+))? ?(\d+)?""",
    re.MULTILINE | re.ASCII,
)


def read_reaper(text: str, frame_rate: Fraction) -> SpottingList:
    """Read markers and the starts of regions; the project's start offset is the timecode of its beginning."""
    offset = _OFFSET.search(text)
    offset_s = float(offset[1]) if offset else 0.0
    spots = []
    open_regions: set[str] = set()
    for found in _MARKER.finditer(text):
        number, name = found[1], next((part for part in found.groups()[2:6] if part is not None), "")
        if int(found[7] or 0) & 1:  # a region is two lines of one number: its start and its end
            if number in open_regions:
                open_regions.remove(number)
                continue
            open_regions.add(number)
        spots.append(Spot(offset_s + float(found[2]), name))
    return SpottingList(tuple(spots), frame_rate, None, Fraction(max(0.0, offset_s)), is_clock=True)
