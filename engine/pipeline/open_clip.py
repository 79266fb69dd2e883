"""Open a clip: probe it once and make a document of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.core.errors import BadInput, quote
from engine.document.project import Clip, Detection, Project
from engine.document.source import SILENT, WAITING
from engine.media.probe import MediaInfo, find_track, probe
from engine.pipeline.events import ClipOpened
from engine.pipeline.sound_sources import default_sound

_SLACK_S = 1.0
"""How far past the end of a clip, measured anew, its hits may lie: older versions measured a little otherwise."""


def open_clip(path: str | Path, track: int | None = None) -> ClipOpened:
    """Probe a clip; its document has no hits, and the default preset as its only sound.

    ``track`` is the sound track to use, None the default one. Raises BadInput when the file is missing, empty,
    truncated or no clip, or has no such track.
    """
    info = probe(path)
    clip = _describe_clip(info, track)
    return ClipOpened(info, Project(clip, sounds=(default_sound(WAITING if clip.has_audio else SILENT),)))


def match_clip(project: Project, info: MediaInfo | None = None) -> Project:
    """A document that was read from a file, with its clip as it is: the file may say anything.

    ``info`` is the clip's, where it is probed already. Raises BadInput where a hit lies past the clip's end, and for a
    clip that cannot be opened.
    """
    info = info or probe(project.clip.path)
    clip = _describe_clip(info, project.clip.audio_track if info.has_audio else None)
    project = replace(project, detection=keep_source(project.detection, clip))
    if clip == project.clip:
        return project
    late = next((hit for hit in project.hits if hit.time_s > clip.duration_s + _SLACK_S), None)
    if late is not None:
        name = Path(clip.path).name
        raise BadInput(
            f"hit {quote(late.id)} lies at {late.time_s:.3f} s and {name} ends at {clip.duration_s:.3f} s; "
            "open another copy of the project"
        )
    hits = tuple(
        replace(hit, time_s=min(hit.time_s, clip.duration_s), found_s=_hold(hit.found_s, clip.duration_s))
        for hit in project.hits
    )
    dismissed_s = tuple(time_s for time_s in project.detection.dismissed_onsets_s if time_s <= clip.duration_s)
    detection = replace(project.detection, dismissed_onsets_s=dismissed_s)
    markers = tuple(replace(mark, time_s=min(mark.time_s, clip.duration_s)) for mark in project.markers)
    return replace(project, clip=clip, hits=hits, detection=detection, markers=markers)


def keep_source(detection: Detection, clip: Clip) -> Detection:
    """Settings of detection whose source the clip has: the picture in place of a sound that is not there."""
    return detection if clip.has_audio or detection.source != "audio" else replace(detection, source="video")


def _hold(time_s: float | None, end_s: float) -> float | None:
    return None if time_s is None else min(time_s, end_s)


def _describe_clip(info: MediaInfo, track: int | None) -> Clip:
    return Clip(
        path=info.path,
        digest=info.digest,
        duration_s=info.duration_s,
        frame_rate=info.frame_rate,
        width=info.width,
        height=info.height,
        start_timecode=info.start_timecode,
        has_audio=info.has_audio,
        audio_track=info.default_track if track is None else find_track(info, track).number,
    )
