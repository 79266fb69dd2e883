"""File name endings that can be written."""

from __future__ import annotations

SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".caf", ".w64")
VIDEO_ENDINGS = (".mp4", ".mov", ".mkv", ".m4v")
