"""A clip becomes a document, and its picture and sound become hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.edits.hits import replace_detected_hits
from engine.document.edits.values import SOURCES, Edit
from engine.document.project import Clip, Project
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import iter_clip_audio
from engine.onsets.track import OnsetTrack, fuse, onset_velocity_db, pick
from engine.pipeline.sound_sources import SILENT_NOTE, WAITING_NOTE, default_sound

PICTURE_HEIGHT = 180
"""Rows of the frames that the motion detector looks at."""

ONSET_NETWORK = CHECKPOINTS / "onsets"
"""Where the network that finds hits in the picture lies; without it motion alone tells."""


def find_onset_network(checkpoints: str | Path | None) -> Path:
    """Where the onset network of a folder of checkpoints lies; the shipped one where the folder has none."""
    own = Path(checkpoints) / "onsets" if checkpoints else ONSET_NETWORK
    return own if (own / "config.json").is_file() else ONSET_NETWORK


def open_clip(path: str | Path) -> Project:
    """A document of a clip without hits, its one sound the default preset; BadInput when it is no clip."""
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
    )
    return Project(clip, sounds=(default_sound(WAITING_NOTE if clip.has_audio else SILENT_NOTE),))


def detect(
    clip: str | Path | Clip,
    source: str = "both",
    on_found: Callable[[OnsetTrack], None] | None = None,
    on_progress: Callable[[float], None] | None = None,
    network: Path = ONSET_NETWORK,
) -> OnsetTrack:
    """Onsets of a clip by its picture, its sound or both; ``on_found`` hears of partial tracks on the way.

    The onset ``network`` looks at the picture where its checkpoint is there, else the motion detector. Without an audio
    track ``both`` is the picture. Raises BadInput for an unreadable clip, a damaged network, an unknown source, or
    ``audio`` on a clip that has none. Callbacks may raise Cancelled.
    """
    path = clip.path if isinstance(clip, Clip) else str(clip)
    if source not in SOURCES:
        raise BadInput(f"source {source!r} is not known; choose video, audio or both")
    info = probe(path)
    if source == "audio" and not info.has_audio:
        raise BadInput(f"{Path(path).name} has no sound to detect hits in; choose the picture as the source")
    from engine.onsets.audio import detect_audio_onsets

    report = on_progress or (lambda fraction: None)
    heard: OnsetTrack | None = None
    share = 0.0
    if source != "video" and info.has_audio:
        share = 1.0 if source == "audio" else 0.2
        blocks = _count_time(iter_clip_audio(path, SAMPLE_RATE_HZ, 1.0), info.duration_s, lambda f: report(f * share))
        heard = detect_audio_onsets(blocks, SAMPLE_RATE_HZ)
        if on_found is not None:
            on_found(heard)
    if source == "audio":
        report(1.0)
        return fuse(None, heard)

    def show(seen: OnsetTrack) -> None:
        if on_found is not None:
            on_found(fuse(seen, heard))

    def frames(rows: int) -> Iterator[tuple[float, np.ndarray]]:
        for time_s, frame in iter_frames(path, rows):
            report(min(1.0, share + (1.0 - share) * time_s / max(info.duration_s, 1e-9)))
            yield time_s, frame

    if (network / "config.json").is_file():
        from engine.onsets.frames import choose_rows
        from engine.onsets.watch import detect_with_network, load_onset_network

        small = frames(choose_rows(info.width, info.height))
        seen = detect_with_network(*load_onset_network(network), small, info.frame_rate, info.duration_s, show)
    else:
        from engine.onsets.motion import detect_motion_onsets

        seen = detect_motion_onsets(frames(PICTURE_HEIGHT), info.frame_rate, info.duration_s, on_found=show)
    report(1.0)
    return fuse(seen, heard)


def _count_time(
    blocks: Iterator[np.ndarray], duration_s: float, report: Callable[[float], None]
) -> Iterator[np.ndarray]:
    samples = 0
    for block in blocks:
        samples += len(block)
        report(min(1.0, samples / SAMPLE_RATE_HZ / max(duration_s, 1e-9)))
        yield block


def hits_from_track(project: Project, track: OnsetTrack) -> Edit:
    """Replace the hits no person touched by those the track has above the document's threshold.

    The threshold is the one at the time of applying, so it chains after ``edits.set_threshold``.
    """
    duration_s = project.clip.duration_s

    def apply(document: Project) -> Project:
        onsets = pick(track, document.detection.threshold)
        rows = [(o.time_s, o.strength, onset_velocity_db(o)) for o in onsets if o.time_s < duration_s]
        return replace_detected_hits(rows).apply(document)

    return Edit("Detect hits", apply)
