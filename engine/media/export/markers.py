"""Markers of hits as CSV: write them, and read onsets."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from engine.core.errors import BadInput
from engine.core.files import create_file, read_bounded
from engine.core.words import format_number
from engine.physics.model import VELOCITY_RANGE_DB

_LARGEST_BYTES = 16 << 20
_MOST_ROWS = 10_000


class Marker(NamedTuple):
    """One row of the CSV."""

    time_s: float
    velocity_db: float = 0.0
    name: str = ""
    sound: str = ""


def write_markers(path: str | os.PathLike[str], rows: Iterable[Marker]) -> None:
    """Write markers in order of time as UTF-8 CSV: ``time_s,velocity_db,name,sound``. Raises BadInput."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Marker._fields)
    for row in sorted(rows):
        writer.writerow([f"{max(0.0, row.time_s):.6f}", format_number(row.velocity_db, ".2f"), row.name, row.sound])
    with create_file(path) as file:
        file.write(text.getvalue().encode("utf-8"))


def read_onsets(path: str | os.PathLike[str], duration_s: float) -> list[tuple[float, float | None]]:
    """Onsets of a CSV by rising time: (time_s, velocity_db or None where it is not given).

    Columns and rows may come in any order, other columns are ignored. Raises BadInput that names the
    row for a time that is negative, not finite or past ``duration_s``.
    """
    file = Path(path)
    # Spreadsheets end lines in three ways.
    reader = csv.reader(io.StringIO(_read_text(file), newline=None), skipinitialspace=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if "time_s" not in header:
            raise BadInput(f"{file.name} has no column time_s in its first row; begin it with time_s,velocity_db")
        onsets = [
            _read_row(file, reader.line_num, header, cells, duration_s)
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise BadInput(f"{file.name}, row {reader.line_num} is not CSV ({error}); correct it") from None
    if len(onsets) > _MOST_ROWS:
        raise BadInput(f"{file.name} has {len(onsets)} onsets, more than {_MOST_ROWS}; shorten it")
    return sorted(onsets, key=lambda onset: onset[0])


def _read_text(file: Path) -> str:
    data = read_bounded(file, _LARGEST_BYTES, "list of onsets")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{file.name} is not UTF-8 text; save it as CSV in UTF-8") from None


def _read_row(
    file: Path, row: int, header: list[str], cells: list[str], duration_s: float
) -> tuple[float, float | None]:
    values = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    time_s = _read_number(file, row, "time_s", values.get("time_s", ""))
    if time_s < 0.0:
        raise BadInput(f"{file.name}, row {row}: time_s {time_s:g} is negative; correct it")
    if time_s > duration_s:
        raise BadInput(
            f"{file.name}, row {row}: time_s {time_s:g} is past the clip's end at {duration_s:.3f} s; correct it"
        )
    if not values.get("velocity_db"):
        return time_s, None
    velocity_db = _read_number(file, row, "velocity_db", values["velocity_db"])
    softest_db, hardest_db = VELOCITY_RANGE_DB
    if not softest_db <= velocity_db <= hardest_db:
        raise BadInput(
            f"{file.name}, row {row}: velocity_db {velocity_db:g} is outside {softest_db:g} to {hardest_db:g}; "
            "correct it"
        )
    return time_s, velocity_db


def _read_number(file: Path, row: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadInput(f"{file.name}, row {row}: {name} {text[:40]!r} is not a number; correct it") from None
    if not math.isfinite(value):
        raise BadInput(f"{file.name}, row {row}: {name} {text[:40]} is not finite; correct it")
    return value
