"""Edit decision lists (CMX 3600): markers of Resolve, locators of Avid and Premiere, else the events' record-ins."""

from __future__ import annotations

import re
from fractions import Fraction

from engine.core.errors import BadInput
from engine.media.spotting.spots import Spot, SpottingList
from engine.media.spotting.times import parse_timecode_s

_TIME = r"\d{1,2}:\d{2}:\d{2}[:;]\d{2,3}"
_EVENT = re.compile(
    rf"\s*\w+\s+\S+\s+\S+\s+\S+(?:\s+\d+)?\s+({_TIME})\s+({_TIME})\s+({_TIME})\s+({_TIME})\s*", re.ASCII
)
_LOCATOR = re.compile(rf"\*\s*LOC:\s*({_TIME})\s+(\S+)\s*(.*)", re.IGNORECASE)
_MARKER = re.compile(r"\|M:([^|]*)")
_CLIP_NAME = re.compile(r"\*\s*(?:FROM CLIP NAME|COMMENT):\s*(.*)", re.IGNORECASE)


def is_edl(text: str) -> bool:
    """Whether a text is an EDL."""
    lines = text.splitlines()
    return any(_EVENT.fullmatch(line) or _LOCATOR.match(line.strip()) for line in lines)


def read_edl(text: str, frame_rate: Fraction, source: str) -> SpottingList:
    """Read an EDL; its timecode counts frames of ``frame_rate``. Raises BadInput that names the line."""
    drop = False
    events: list[Spot] = []
    markers: list[Spot] = []
    locators: list[Spot] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        try:
            if stripped.upper().startswith("FCM:"):
                drop = "NON" not in stripped.upper()
            elif found := _EVENT.fullmatch(line):
                events.append(Spot(_seconds(found[3], frame_rate, drop)))
            elif found := _LOCATOR.match(stripped):
                locators.append(Spot(_seconds(found[1], frame_rate, drop), found[3].strip()))
            elif events and (found := _MARKER.search(stripped)):
                markers.append(Spot(events[-1].time_s, found[1].strip()))
            elif events and not events[-1].name and (found := _CLIP_NAME.match(stripped)):
                events[-1] = Spot(events[-1].time_s, found[1].strip())
        except BadInput as error:
            raise BadInput(f"{source}, line {number}: {error}") from None
    spots = tuple(markers or locators or events)
    return SpottingList(spots, frame_rate, drop, is_clock=True)


def _seconds(timecode: str, frame_rate: Fraction, drop: bool) -> float:
    seconds = parse_timecode_s(timecode, frame_rate, drop)
    assert seconds is not None  # the pattern is that of a timecode
    return float(seconds)
