"""Pro Tools' *Session Info as Text*: its markers, else the clips on its tracks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from engine.core.errors import BadInput
from engine.media.spotting.spots import Spot, SpottingList
from engine.media.spotting.times import parse_clock_s, parse_rate, parse_timecode_s, refuse_bars

_SPACED = re.compile(r"\s+")
_RATE = re.compile(r"([1-9]\d{3,5})(?:\.0*)?$", re.ASCII)
_SAMPLES = re.compile(r"\d{1,15}", re.ASCII)
_WORD = re.compile(r"[a-z]+")
_FADE = re.compile(r"\((?:fade|fade in|fade out|cross ?fade)\)", re.IGNORECASE)


def is_pro_tools(text: str) -> bool:
    """Whether a text is Pro Tools' description of a session."""
    return text.lstrip().upper().startswith("SESSION NAME:")


def read_pro_tools(text: str, frame_rate: Fraction, is_rate_given: bool, source: str) -> SpottingList:
    """Read markers, or clips where there are none; the session's own frame rate counts unless one is given.

    Times are those of the samples where they are listed, else of the main counter. Raises BadInput.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    head = dict(_read_head(lines))
    told = parse_rate(head.get("TIMECODE FORMAT", ""))
    drop = False
    if told is not None:
        drop = told[1]
        frame_rate = frame_rate if is_rate_given else told[0]
    start = head.get("SESSION START TIMECODE") or "00:00:00:00"
    drop = drop or ";" in start
    start_s = _parse_start(start, frame_rate, drop, source)
    rate = _RATE.match(head.get("SAMPLE RATE", "48000"))
    if rate is None:
        raise BadInput(f"{source} has no sample rate of a session; export it again")
    rate_hz = Fraction(rate[1])
    clock = _Counter(start_s, frame_rate, drop, rate_hz, source)
    spots = tuple(_read_markers(lines, clock)) or tuple(_read_clips(lines, clock))
    return SpottingList(spots, frame_rate, drop, start_s, is_clock=True)


def _parse_start(text: str, frame_rate: Fraction, drop: bool, source: str) -> Fraction:
    try:
        start_s = parse_timecode_s(text, frame_rate, drop)
    except BadInput as error:
        raise BadInput(f"{source}: {error}") from None
    if start_s is None:
        raise BadInput(f"{source} starts at {text[:40]!r}, which is no timecode such as 01:00:00:00; export it again")
    return start_s


class _Counter:
    """Positions of the session's main counter as seconds from midnight."""

    def __init__(self, start_s: Fraction, frame_rate: Fraction, drop: bool, rate_hz: Fraction, source: str) -> None:
        self.start_s, self.frame_rate, self.drop, self.rate_hz, self.source = start_s, frame_rate, drop, rate_hz, source

    def seconds(self, text: str, number: int) -> float:
        plain = text.strip()
        try:
            timecode_s = parse_timecode_s(plain, self.frame_rate, self.drop)
        except BadInput as error:
            raise BadInput(f"{self.source}, line {number}: {error}") from None
        if timecode_s is not None:
            return float(timecode_s)
        clock_time_s = parse_clock_s(plain)
        if clock_time_s is not None:
            return float(self.start_s + clock_time_s)
        if _SAMPLES.fullmatch(plain):
            return self.samples(plain)
        refuse_bars(plain, self.source)
        raise BadInput(
            f"{self.source}, line {number}: {plain[:30]!r} is no position that Struck reads; export timecode"
        )

    def samples(self, text: str) -> float:
        return float(self.start_s + Fraction(text) / self.rate_hz)


def _read_head(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines[:20]:
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip().upper(), value.strip()


def _title(line: str) -> str:
    """A heading such as ``M A R K E R S  L I S T I N G`` without its spaces."""
    return _SPACED.sub("", line).upper()


def _read_markers(lines: list[str], clock: _Counter) -> Iterator[Spot]:
    begin = next((k for k, line in enumerate(lines) if _title(line) == "MARKERSLISTING"), None)
    if begin is None:
        return
    columns: list[str] = []
    for number, line in enumerate(lines[begin + 1 :], begin + 2):
        cells = [cell.strip() for cell in line.split("\t")]
        if not columns:
            columns = [cell.upper() for cell in cells] if "LOCATION" in line.upper() else []
        elif cells[0].isdigit() and len(cells) >= 2:
            row = dict(zip(columns, cells, strict=False))
            place, units = row.get("TIME REFERENCE", ""), row.get("UNITS", "").lower()
            counts_samples = units == "samples" and _SAMPLES.fullmatch(place)
            time_s = clock.samples(place) if counts_samples else clock.seconds(cells[1], number)
            yield Spot(time_s, row.get("NAME", ""))
        elif line.strip():
            return


def _read_clips(lines: list[str], clock: _Counter) -> Iterator[Spot]:
    """The clips that sound: those on muted or inactive tracks, muted ones and fades are left out."""
    track = ""
    columns: list[str] = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if line.upper().startswith("TRACK NAME:"):
            track, columns = line.partition(":")[2].strip(), []
        elif line.upper().startswith("STATE:") and {"muted", "inactive"} & set(_WORD.findall(line.lower())):
            track = ""
        elif "START TIME" in line.upper() and track:
            columns = [cell.upper() for cell in cells]
        elif columns and cells[0].isdigit():
            row = dict(zip(columns, cells, strict=False))
            is_first_channel = row.get("CHANNEL", "1") == "1"
            if is_first_channel and row.get("START TIME"):
                name = row.get("CLIP NAME", row.get("REGION NAME", ""))
                is_muted = row.get("STATE", "").lower() == "muted"
                if not is_muted and not _FADE.fullmatch(name):
                    yield Spot(clock.seconds(row["START TIME"], number), name, track)
        elif not line.strip():
            columns = []
