"""Markers of an OpenTimelineIO timeline, else the clips on its tracks; read by opentimelineio."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from engine.core.bounded_json import parse_json
from engine.core.errors import BadInput
from engine.media.spotting.spots import Spot, SpottingList
from engine.physics.model import VELOCITY_RANGE_DB

_MARK = '"OTIO_SCHEMA"'


def is_timeline(text: str) -> bool:
    """Whether a text is OpenTimelineIO's JSON."""
    return text.lstrip().startswith("{") and _MARK in text[:2000]


def read_timeline(text: str, frame_rate: Fraction, source: str) -> SpottingList:
    """Read the markers of a timeline, its tracks and its clips, else the beginnings of enabled clips with media.

    Times count from the timeline's own start. Raises BadInput for what is no timeline, or where the library is missing.
    """
    try:
        import opentimelineio as otio
    except ImportError:
        raise BadInput(
            f"{source} cannot be read: opentimelineio has no build for this system; give CSV, MIDI or EDL"
        ) from None
    try:
        parse_json(text)
        timeline = otio.adapters.read_from_string(text, "otio_json")
    except Exception as error:  # the library's own errors, of many kinds
        raise BadInput(f"{source} is no whole timeline ({str(error)[:80]}); export it again") from None
    if not isinstance(timeline, otio.schema.Timeline):
        raise BadInput(f"{source} holds {type(timeline).__name__} instead of a timeline; export the timeline itself")
    try:
        start_s = _seconds(timeline.global_start_time) if timeline.global_start_time else Fraction(0)
        spots = tuple(_read_markers(otio, timeline, start_s)) or tuple(_read_clips(otio, timeline, start_s))
    except Exception as error:  # a range that lies in nothing, a rate of 0
        raise BadInput(f"{source} has places that cannot be told ({str(error)[:80]}); export it again") from None
    return SpottingList(spots, frame_rate, None, start_s, is_clock=True)


def _seconds(time: Any) -> Fraction:
    """A RationalTime; its rate is a number such as 23.976023976, which stands for 24000/1001."""
    nominal = Fraction(round(time.rate))
    slowed = nominal * Fraction(1000, 1001)
    rate = slowed if abs(time.rate - float(slowed)) < 0.003 else Fraction(time.rate)
    return Fraction(time.value) / rate


def _read_markers(otio: Any, timeline: Any, start_s: Fraction) -> Iterator[Spot]:
    top = timeline.tracks
    for item in (top, *top.find_children(descended_from_type=otio.schema.Track), *timeline.find_clips()):
        for marker in item.markers:
            at = item.transformed_time(marker.marked_range.start_time, top)
            struck = marker.metadata.get("struck", {})
            time_s, velocity_db = float(start_s + _seconds(at)), struck.get("velocity_db")
            is_number = isinstance(velocity_db, (int, float)) and not isinstance(velocity_db, bool)
            is_told = is_number and VELOCITY_RANGE_DB[0] <= velocity_db <= VELOCITY_RANGE_DB[1]
            yield Spot(time_s, marker.name, str(struck.get("sound", "")), velocity_db if is_told else None)


def _read_clips(otio: Any, timeline: Any, start_s: Fraction) -> Iterator[Spot]:
    for clip in timeline.find_clips():
        if not clip.enabled or isinstance(clip.media_reference, otio.schema.MissingReference):
            continue
        at = clip.transformed_time(clip.trimmed_range().start_time, timeline.tracks)
        track = clip.parent()
        yield Spot(float(start_s + _seconds(at)), clip.name, track.name if track is not None else "")
