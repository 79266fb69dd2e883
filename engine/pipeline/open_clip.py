"""Open a clip: probe it once and make a document of it."""

from __future__ import annotations

from pathlib import Path

from engine.document.project import Clip, Project
from engine.document.source import SILENT, WAITING
from engine.media.probe import find_track, probe
from engine.pipeline.events import ClipOpened
from engine.pipeline.sound_sources import default_sound


def open_clip(path: str | Path, track: int | None = None) -> ClipOpened:
    """Probe a clip; its document has no hits, and the default preset as its only sound.

    ``track`` is the sound track to use, None the default one. Raises BadInput when the file is missing, empty,
    truncated or no clip, or has no such track.
    """
    info = probe(path)
    clip = Clip(
        path=str(Path(path).absolute()),
        digest=info.digest,
        duration_s=info.duration_s,
        frame_rate=info.frame_rate,
        width=info.width,
        height=info.height,
        start_timecode=info.start_timecode,
        has_audio=info.has_audio,
        audio_track=info.default_track if track is None else find_track(info, track).number,
    )
    return ClipOpened(info, Project(clip, sounds=(default_sound(WAITING if clip.has_audio else SILENT),)))
