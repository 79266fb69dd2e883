"""Tables of hits: Struck's CSV, markers of Reaper and Audition, Audacity's labels, spreadsheets with known columns."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from fractions import Fraction

from engine.core.errors import BadInput
from engine.media.spotting.midi import velocity_db as midi_velocity_db
from engine.media.spotting.spots import Spot, SpottingList
from engine.media.spotting.times import parse_clock_s, parse_rate, parse_seconds, parse_timecode_s, refuse_bars
from engine.physics.model import VELOCITY_RANGE_DB

_TIME_COLUMNS = ("time_s", "timecode", "tc", "tc in", "timecode in", "in", "start", "start time", "time", "position")
_NAME_COLUMNS = ("name", "marker", "marker name", "label", "hit", "cue", "description", "comment", "notes")
_SOUND_COLUMNS = ("sound", "track", "track name", "category", "object")
_SEPARATOR = re.compile(r'"?sep=([\t;,|])"?', re.IGNORECASE)
_WHOLE_SECONDS = re.compile(r"\d{1,2}:\d{2}:\d{2}", re.ASCII)
_FRAMES = re.compile(r"\d{2}(?:\.\d{1,2})?", re.ASCII)
_LABEL = re.compile(r"\d{1,9}\.\d{1,9}\t\d{1,9}\.\d{1,9}(\t.*)?", re.ASCII)


def read_table(text: str, frame_rate: Fraction, is_rate_given: bool, source: str) -> SpottingList:
    """Read a table whose first row names its columns, separated by commas, semicolons or tabs. Raises BadInput.

    ``time_s`` counts seconds from the clip's first frame, as ``--markers`` and cue lists write them. Other columns may
    hold timecode, clock time or seconds, on the timeline's clock.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    if _LABEL.fullmatch(first):
        return _read_labels(text, frame_rate)
    told_separator = _SEPARATOR.fullmatch(first)  # Excel's first line ``sep=;``
    if told_separator:
        text = text.replace(first, "", 1)  # its line end stays, so that rows are counted as they are in the file
    delimiter = told_separator[1] if told_separator else max("\t;,", key=first.count)
    rows = _read_rows(text, delimiter, source)
    header = [cell.strip().lower().lstrip("#").strip() for cell in rows[0][1]] if rows else []
    time_column = next((name for name in _TIME_COLUMNS if name in header), None)
    if time_column is None:
        raise BadInput(
            f"{source} names no column of times in its first row; begin it with time_s,velocity_db or timecode,name"
        )
    records = [
        (number, dict(zip(header, _fit_cells(cells, header, number, delimiter, source), strict=False)))
        for number, cells in rows[1:]
    ]
    told = next((parse_rate(record.get("time format", "")) for _, record in records), None)  # Audition
    drop = bool(told and told[1])
    if told and not is_rate_given:
        frame_rate = told[0]
    clock = _Clock(frame_rate, drop, source)
    spots = tuple(
        Spot(
            clock.seconds(record.get(time_column, ""), number, time_column),
            _first(record, _NAME_COLUMNS),
            _first(record, _SOUND_COLUMNS),
            _read_velocity(record, number, source),
        )
        for number, record in records
        if record.get(time_column)
    )
    return SpottingList(spots, frame_rate, clock.counting(), is_clock=time_column != "time_s")


def _read_rows(text: str, delimiter: str, source: str) -> list[tuple[int, list[str]]]:
    """Cells of the rows that are not empty, with the numbers of their lines. Raises BadInput."""
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, skipinitialspace=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise BadInput(f"{source}, row {reader.line_num} is not CSV ({error}); correct it") from None


def _fit_cells(cells: list[str], header: list[str], row: int, delimiter: str, source: str) -> list[str]:
    """Cells of a row, no more than the header's but for empty ones behind them. Raises BadInput.

    A drop-frame timecode that is not in quotes makes two cells of a table with semicolons: they are joined where the
    row has more cells than the header.
    """
    fitted = [cell.strip() for cell in cells]
    at = 0
    while delimiter == ";" and len(fitted) > len(header) and at + 1 < len(fitted):
        if _WHOLE_SECONDS.fullmatch(fitted[at]) and _FRAMES.fullmatch(fitted[at + 1]):
            fitted[at : at + 2] = [";".join(fitted[at : at + 2])]
        at += 1
    if any(fitted[len(header) :]):
        raise BadInput(
            f"{source}, row {row} has {len(fitted)} cells, more than the {len(header)} columns that the first row "
            f"names; put text with {delimiter!r} in quotes"
        )
    return fitted


class _Clock:
    """Times of cells in seconds, and how the timecode among them counts."""

    def __init__(self, frame_rate: Fraction, drop: bool, source: str) -> None:
        self.frame_rate, self.drop, self.source = frame_rate, drop, source
        self._marks: set[bool] = set()  # whether the timecodes seen drop frames

    def counting(self) -> bool | None:
        """Whether the timecode drops frames; None where there was none."""
        return any(self._marks) if self._marks else None

    def seconds(self, text: str, row: int, column: str) -> float:
        try:
            timecode_s = parse_timecode_s(text, self.frame_rate, self.drop)
        except BadInput as error:
            raise BadInput(f"{self.source}, row {row}: {error}") from None
        if timecode_s is not None:
            self._marks.add(self.drop or ";" in text)
            return float(timecode_s)
        value = parse_clock_s(text)
        value = parse_seconds(text) if value is None else value
        if value is None:
            refuse_bars(text, self.source)
            raise BadInput(f"{self.source}, row {row}: {column} {text[:40]!r} is no time; write 01:00:03:14 or 3.48")
        return float(value)


def _first(record: Mapping[str, str], columns: tuple[str, ...]) -> str:
    return next((record[name] for name in columns if record.get(name)), "")


def _read_velocity(record: Mapping[str, str], row: int, source: str) -> float | None:
    """Force in dB of ``velocity_db``, or of a MIDI ``velocity`` from 1 to 127."""
    for column, lowest, highest in (("velocity_db", *VELOCITY_RANGE_DB), ("velocity", 1.0, 127.0)):
        text = record.get(column, "").replace(",", ".")
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest:
            raise BadInput(
                f"{source}, row {row}: {column} {text[:40]!r} is no number from {lowest:g} to {highest:g}; correct it"
            )
        return value if column == "velocity_db" else midi_velocity_db(round(value))
    return None


def _read_labels(text: str, frame_rate: Fraction) -> SpottingList:
    """Audacity's labels: start, end and text, in seconds."""
    rows = [line.split("\t") for line in text.splitlines() if _LABEL.fullmatch(line)]
    spots = tuple(Spot(float(cells[0]), cells[2].strip() if len(cells) > 2 else "") for cells in rows)
    return SpottingList(spots, frame_rate)
