"""A spotting list as hits of a project."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from engine.core.words import counted
from engine.document.edits.arranging import add_hits
from engine.document.edits.hits import delete_hits
from engine.document.edits.values import NAME_LENGTH, Edit, chain
from engine.document.project import Project
from engine.media.spotting.read import read_spotting
from engine.media.spotting.spots import Spot

_REST = re.compile(r" h\d+(?: (?P<called>.*?))??(?: (?P<velocity_db>[+-]\d+\.\d) dB)?")
_OF_ANY_SOUND = re.compile(r"(?P<sound>.+?) h\d+(?: (?P<called>.*?))?? (?P<velocity_db>[+-]\d+\.\d) dB")
_LONGEST_NAME = 3 * NAME_LENGTH
"""Of a sound, a hit's id, its name and velocity; a list of another kind may have names of any length."""


def spot_hits(
    project: Project,
    path: str | os.PathLike[str],
    replace: bool = False,
    start: str | None = None,
    frame_rate: Fraction | None = None,
) -> tuple[Edit, str]:
    """The edit that adds the hits of a spotting list, and a sentence of what was read.

    With ``replace`` they take the place of all hits. ``start`` is what the list calls the clip's first frame and
    ``frame_rate`` that of its timecode, where they are given. A spot whose sound has the name of one of the project's
    strikes it, others that of the nearest hit. Raises BadInput.
    """
    clip = project.clip
    placed = read_spotting(path, clip.frame_rate, clip.duration_s, clip.start_timecode, start, frame_rate)
    edit = add_hits(hit_values(project, placed.spots), "import")
    if replace and project.hits:
        edit = chain(edit.label, edit, delete_hits([hit.id for hit in project.hits]))
    words = f"{counted(len(placed.spots), 'hit')} from {Path(path).name}"
    return edit, f"{words}; {placed.note}" if placed.note else words


def hit_values(project: Project, spots: Sequence[Spot]) -> list[Mapping[str, Any]]:
    """Values of hits as ``add_hits`` takes them."""
    by_name = {sound.name.casefold(): sound.id for sound in reversed(project.sounds)}
    names = [sound.name for sound in project.sounds]
    values: list[Mapping[str, Any]] = []
    for spot in spots:
        sound, listed = _match_own(spot, names) or ("", None)
        name = (listed["called"] or "") if listed else spot.name
        unnamed = re.fullmatch(r"h\d+", name)  # markers name a hit without a name by its id
        given: dict[str, Any] = {"time_s": spot.time_s, "name": "" if unnamed else _label(name)}
        if spot.velocity_db is not None:
            given["velocity_db"] = spot.velocity_db
        elif listed and listed["velocity_db"]:
            given["velocity_db"] = float(listed["velocity_db"])
        sound_id = by_name.get((spot.sound or sound).casefold())
        values.append(given | {"sound_id": sound_id} if sound_id else given)
    return values


def _match_own(spot: Spot, sounds: Sequence[str]) -> tuple[str, re.Match[str]] | None:
    """The sound and the rest of a name as Struck's own lists give it: a sound's, the hit's id and what it is called,
    which alone is its name; an EDL adds the velocity, since it has no other place for it.

    The sound is one of some, or that which the list tells beside; where neither is known, as of a clip that is opened
    anew, the velocity shows whose list it is.
    """
    for name in (*sounds, spot.sound):
        if name and spot.name.startswith(name) and (rest := _REST.fullmatch(spot.name, len(name))):
            return name, rest
    unknown = _OF_ANY_SOUND.fullmatch(spot.name) if len(spot.name) <= _LONGEST_NAME else None
    return (unknown["sound"], unknown) if unknown else None


def _label(text: str) -> str:
    """A name as a hit may have it: printable, on one line, not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:NAME_LENGTH].strip()
