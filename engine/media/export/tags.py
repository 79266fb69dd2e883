"""Metadata of a sound file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True)
class Category:
    """A category of the Universal Category System (UCS 8.2)."""

    cat_id: str = ""
    category: str = ""
    subcategory: str = ""


@dataclass(frozen=True)
class SoundTags:
    """Metadata of a sound file; empty fields are left out.

    ``time_reference_samples`` count from midnight at the file's rate. ``project`` is the JSON of the project that the
    sound was rendered from. ``created`` is local time.
    """

    title: str = ""
    comment: str = ""
    software: str = "Struck"
    artist: str = ""
    created: datetime | None = None
    time_reference_samples: int = 0
    frame_rate: Fraction | None = None
    drop_frame: bool = False
    category: Category | None = None
    fx_name: str = ""
    creator_id: str = ""
    source_id: str = ""
    project: bytes = b""
