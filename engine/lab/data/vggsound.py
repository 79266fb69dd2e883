"""Excerpts of film in VGGSound's layout: a table of excerpts beside their files, labelled by what is heard in them.

Chen et al., "VGGSound: a large-scale audio-visual dataset", ICASSP 2020. A row of ``vggsound.csv`` is a video's id,
the start of its 10 s in seconds, a label and ``train`` or ``test``; the excerpt is ``ID_000123.mp4`` in any subfolder.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import BadInput

TABLE = "vggsound.csv"
STRUCK = re.compile(
    r"hammer|drum|chopp|knock|tapp|bouncing|\bhitting|striking|tennis|golf|basketball|bowling|xylophone|marimba|"
    r"glockenspiel|vibraphone|cymbal|gong|bell\b|tabla|bongo|timpani|tambourine|steelpan|castanets|breaking|typing",
    re.IGNORECASE,
)
"""Labels of things that are struck; other excerpts are left out."""


@dataclass(frozen=True)
class Excerpt:
    """An excerpt that is there: its file, its video, its label, and whether it is for evaluation alone."""

    path: Path
    video: str
    label: str
    held_out: bool


def list_excerpts(folder: Path) -> list[Excerpt]:
    """Excerpts of struck things whose files are in a folder or those in it, by name. BadInput, naming the line."""
    files = {path.name: path for path in sorted(folder.rglob("*.mp4"))}
    excerpts = []
    with open(folder / TABLE, encoding="utf-8", errors="replace", newline="") as table:
        for number, row in enumerate(csv.reader(table), 1):
            if not row:
                continue
            if len(row) != 4 or not row[1].strip().isdecimal() or len(row[1]) > 6 or row[3] not in ("train", "test"):
                reason = "is not ID,START,LABEL,train or ID,START,LABEL,test"
                raise BadInput(f"{folder / TABLE} line {number} {reason}; restore the file")
            path = files.get(f"{row[0]}_{int(row[1]):06d}.mp4")
            if path is not None and STRUCK.search(row[2]):
                excerpts.append(Excerpt(path, row[0], row[2], row[3] == "test"))
    return sorted(excerpts, key=lambda excerpt: excerpt.path.name)
