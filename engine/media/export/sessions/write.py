"""Session files in the format of their name's ending."""

from __future__ import annotations

from pathlib import Path

from engine.media.export.sessions.aaf import write_aaf
from engine.media.export.sessions.cue_csv import write_cue_csv
from engine.media.export.sessions.cue_sheet import write_cue_sheet
from engine.media.export.sessions.dawproject import write_dawproject
from engine.media.export.sessions.edl import write_edl
from engine.media.export.sessions.midi import write_midi
from engine.media.export.sessions.otio import write_otio
from engine.media.export.sessions.reaper import write_reaper
from engine.media.export.sessions.session import Session

WITH_SOUND = (".rpp", ".aaf", ".otio", ".dawproject")
"""Endings of formats that refer to a sound file a hit."""

WITHOUT_LEVELS = (".aaf", ".otio")
"""Endings of formats whose sound files hold the hits' levels, since not every reader applies one."""

MONO = (".aaf",)
"""Endings of formats whose sound files are mono, as their readers require; they have no width and no room's side."""

PACKS = (".txt", ".tsv")
"""Endings of Wwise's import file, which refers to one-shots."""


def write_session(path: Path, session: Session, clip: Path | None, portable: bool = False) -> None:
    """Write a session whose sound files exist beside it; ``clip`` is the source of pictures. Raises BadInput.

    ``portable`` leaves out paths of this machine.
    """
    ending = path.suffix.lower()
    if ending == ".aaf":
        write_aaf(path, session, portable)
    elif ending in (".html", ".pdf"):
        write_cue_sheet(path, session, clip)
    else:
        writers = {
            ".rpp": write_reaper,
            ".otio": write_otio,
            ".edl": write_edl,
            ".mid": write_midi,
            ".csv": write_cue_csv,
            ".dawproject": write_dawproject,
        }
        writers[ending](path, session)
