"""File name endings that can be written."""

from __future__ import annotations

WAVE_ENDINGS = (".wav", ".bwf", ".rf64")
SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".caf", ".w64", ".bwf", ".rf64")
EMBEDDING_ENDINGS = (*WAVE_ENDINGS, ".flac")
"""Sound files that carry the project."""

VIDEO_ENDINGS = (".mp4", ".mov", ".mkv", ".m4v")
SESSION_ENDINGS = (
    ".rpp", ".aaf", ".otio", ".edl", ".mid", ".csv", ".dawproject", ".txt", ".tsv", ".html", ".pdf",
)  # fmt: skip
