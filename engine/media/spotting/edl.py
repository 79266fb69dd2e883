"""Edit decision lists (CMX 3600): markers of Resolve, locators of Avid and Premiere, else the events' record-ins."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from engine.core.errors import BadInput
from engine.media.spotting.spots import Spot, SpottingList
from engine.media.spotting.times import parse_timecode_s

_TIME = r"\d{1,2}:\d{2}:\d{2}[:;]\d{2,3}"
_EVENT = re.compile(
    rf"\s*(\w+)\s+\S+\s+\S+\s+\S+(?:\s+\d+)?\s+({_TIME})\s+({_TIME})\s+({_TIME})\s+({_TIME})\s*", re.ASCII
)
_LOCATOR = re.compile(rf"\*\s*LOC:\s*({_TIME})\s+(\S+)\s*(.*)", re.IGNORECASE)
_MARKER = re.compile(r"\|M:([^|]*)")
_CLIP_NAME = re.compile(r"\*\s*(?:FROM CLIP NAME|COMMENT):\s*(.*)", re.IGNORECASE)
_INCOMING_NAME = re.compile(r"\*\s*TO CLIP NAME:\s*(.*)", re.IGNORECASE)


def is_edl(text: str) -> bool:
    """Whether a text is an EDL."""
    lines = text.splitlines()
    return any(_EVENT.fullmatch(line) or _LOCATOR.match(line.strip()) for line in lines)


def read_edl(text: str, frame_rate: Fraction, source: str) -> SpottingList:
    """Read an EDL; its timecode counts frames of ``frame_rate``. Raises BadInput that names the line.

    All record timecodes lie on one timeline: they drop frames where one of them has ``;`` or where FCM says so before
    the first event. Later FCM lines are about the sources.
    """
    found = _find_entries(text)
    entries = found.markers or found.locators or found.events
    drop = found.drop or any(";" in entry.timecode for entry in (*found.events, *found.locators))
    spots = tuple(Spot(_seconds(entry, frame_rate, drop, source), entry.name or entry.former) for entry in entries)
    return SpottingList(spots, frame_rate, drop, is_clock=True)


@dataclass
class _Entry:
    """A line with a record timecode; ``event`` is the number of an event, ``former`` the name of its first line."""

    line: int
    timecode: str
    name: str = ""
    event: str = ""
    former: str = ""


@dataclass
class _Found:
    """Entries of an EDL by kind, and whether it begins with drop-frame."""

    events: list[_Entry] = field(default_factory=list)
    markers: list[_Entry] = field(default_factory=list)
    locators: list[_Entry] = field(default_factory=list)
    drop: bool = False


def _find_entries(text: str) -> _Found:
    found = _Found()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.upper().startswith("FCM:"):
            found.drop = found.drop if found.events else "NON" not in stripped.upper()
        elif match := _EVENT.fullmatch(line):
            _add_event(found.events, _Entry(number, match[4], event=match[1]))
        elif match := _LOCATOR.match(stripped):
            found.locators.append(_Entry(number, match[1], match[3].strip()))
        elif found.events and (match := _MARKER.search(stripped)):
            event = found.events[-1]
            found.markers.append(_Entry(event.line, event.timecode, match[1].strip()))
        elif found.events:
            _name_event(found.events[-1], stripped)
    return found


def _add_event(events: list[_Entry], entry: _Entry) -> None:
    """Add an event; the second line of a dissolve, with the same number and record-in, takes the place of the first."""
    if events and (events[-1].event, events[-1].timecode) == (entry.event, entry.timecode):
        first = events.pop()
        entry.former = first.name or first.former
    events.append(entry)


def _name_event(event: _Entry, line: str) -> None:
    """Name an event by a comment about it: the clip that comes in, else the first clip or comment."""
    if incoming := _INCOMING_NAME.match(line):
        event.name = incoming[1].strip()
    elif not event.name and (clip := _CLIP_NAME.match(line)):
        event.name = clip[1].strip()


def _seconds(entry: _Entry, frame_rate: Fraction, drop: bool, source: str) -> float:
    try:
        seconds = parse_timecode_s(entry.timecode, frame_rate, drop)
    except BadInput as error:
        raise BadInput(f"{source}, line {entry.line}: {error}") from None
    assert seconds is not None  # the pattern is that of a timecode
    return float(seconds)
