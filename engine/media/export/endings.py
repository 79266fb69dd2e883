"""File name endings that can be written."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.names import make_file_stem

WAVE_ENDINGS = (".wav", ".bwf", ".rf64")
SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".caf", ".w64", ".bwf", ".rf64")
LOSSY = {".ogg": "VORBIS", ".opus": "OPUS", ".mp3": "MPEG_LAYER_III"}
"""Coding of libsndfile of formats that have no bit depth."""

EMBEDDING_ENDINGS = (*WAVE_ENDINGS, ".flac")
"""Sound files that carry the project."""

VIDEO_ENDINGS = (".mp4", ".mov", ".mkv", ".m4v")
SESSION_ENDINGS = (
    ".rpp", ".aaf", ".otio", ".edl", ".mid", ".csv", ".dawproject", ".txt", ".tsv", ".html", ".pdf",
)  # fmt: skip
SILENT_SESSIONS = (".edl", ".mid", ".csv", ".html", ".pdf")
"""Sessions that need no sampled sound."""


def find_output(ending: str) -> str | None:
    """The output of ``render`` that an ending such as ".wav" belongs to: out, video or session; None for another."""
    known = {"out": SOUND_ENDINGS, "video": VIDEO_ENDINGS, "session": SESSION_ENDINGS}
    return next((output for output, endings in known.items() if ending.lower() in endings), None)


def check_output(path: Path) -> str:
    """The output of a file's ending, as ``find_output``. BadInput for another."""
    found = find_output(path.suffix)
    if found is None:
        offered = ", ".join((*SOUND_ENDINGS, *VIDEO_ENDINGS, *SESSION_ENDINGS))
        raise BadInput(f"{path}: {path.suffix!r} cannot be written; give one of {offered}")
    return found


def find_media_folder(session: Path) -> Path:
    """Folder of a session's sound files, beside it; each format has its own, since their files differ in level."""
    after = f" {session.suffix.lower()[1:]} media"
    return session.with_name(make_file_stem(session.stem, after) + after)


def check_session(path: Path) -> None:
    """BadInput for a session whose library is not installed."""
    if path.suffix.lower() == ".otio" and importlib.util.find_spec("opentimelineio") is None:
        raise BadInput(
            f"{path.name} cannot be written: opentimelineio has no build for this system; choose .edl, .aaf or .csv"
        )
