"""Cue list as CSV: a row a hit."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from engine.core.files import create_file
from engine.core.names import to_text
from engine.media.export.sessions.session import Session, list_cues

_COLUMNS = (
    "number", "timecode", "time_s", "sample", "name", "sound", "cat_id", "velocity_db", "gain_db", "pan",
)  # fmt: skip


def write_cue_csv(path: Path, session: Session) -> None:
    """Write UTF-8 CSV; ``--onsets`` reads it back."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in list_cues(session):
        writer.writerow({name: to_text(value) for name, value in row.items()})
    with create_file(path) as file:
        file.write(text.getvalue().encode("utf-8"))
