"""Detect onsets in a clip's audio and picture, and turn them into hits of the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.core.cache import Cache
from engine.core.checkpoint import choose_checkpoint
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.edits.hits import replace_detected_hits
from engine.document.edits.values import SOURCES, Edit
from engine.document.project import Clip, Project
from engine.media.frames import iter_frames
from engine.media.read_ahead import read_ahead
from engine.media.sound import find_sound_spans, iter_clip_audio
from engine.onsets.fusion import fuse
from engine.onsets.lag import estimate_lag
from engine.onsets.track import OnsetTrack, onset_velocity_db, pick
from engine.pipeline.events import DetectionEvent, DetectionProgress, OnsetsFound, OnsetsUpdated
from engine.pipeline.onset_cache import track_from_arrays, track_keys, track_to_arrays

ONSET_NETWORK = CHECKPOINTS / "onsets"
"""Folder of the onset network that ships."""

AUDIO_BLOCK_S = 1.0
DIGITAL_SILENCE, LEAST_SILENCE_S = 1e-5, 0.5
"""Largest amplitude of digital silence, and its least duration, which distinguishes it from a pause."""
FRAMES_AHEAD = 128
"""Small frames that are decoded while those before them are looked at."""
AUDIO_SHARE = 0.2
"""Share of the progress that a clip's audio takes where its picture follows."""


def find_onset_network(checkpoints: str | Path | None) -> Path:
    """Folder of the onset network among ``checkpoints``; the one that ships where there is none."""
    return choose_checkpoint("onsets", checkpoints, ONSET_NETWORK)


def detect_onsets(
    clip: Clip,
    source: str = "both",
    network: Path = ONSET_NETWORK,
    cache: Cache | None = None,
    partial: bool = False,
) -> Iterator[DetectionEvent]:
    """Onsets of a clip by its picture ("video"), its "audio" or "both"; the last event is OnsetsFound.

    The picture is read by the onset ``network``, or by the motion detector where there is no checkpoint. A clip without
    audio has onsets by its picture alone; of one with audio the track has the lag of its picture, unless the
    source is "audio". With ``partial``, OnsetsUpdated events hold the onsets found so far.
    ``cache`` keeps tracks between runs. Raises BadInput for an unreadable clip, a damaged network, an unknown source,
    or "audio" where the clip has none.
    """
    if source not in SOURCES:
        raise BadInput(f"source {source!r} is not known; choose video, audio or both")
    if source == "audio" and not clip.has_audio:
        raise BadInput(f"{Path(clip.path).name} has no sound to detect hits in; choose the picture as the source")
    keys = track_keys(clip.digest, source, network, clip.audio_track) if cache is not None else ()
    if cache is not None:
        cached = track_from_arrays(*(cache.get(key) for key in keys))
        if cached is not None:
            yield OnsetsFound(cached, hits_from_track(cached))
            return
    duration_s = max(clip.duration_s, 1e-9)
    by_audio: OnsetTrack | None = None
    spans: tuple[tuple[float, float], ...] | None = None
    share = 0.0
    if clip.has_audio:
        from engine.onsets.audio import iter_audio_tracks

        share = 1.0 if source == "audio" else AUDIO_SHARE
        spans = find_sound_spans(clip.path, clip.audio_track)
        heard_s: list[float] = []
        blocks = iter_clip_audio(clip.path, SAMPLE_RATE_HZ, AUDIO_BLOCK_S, clip.audio_track)
        for time_s, found in iter_audio_tracks(_watch_silence(blocks, heard_s), SAMPLE_RATE_HZ):
            by_audio = found
            yield DetectionProgress(share * min(1.0, time_s / duration_s))
        spans = _cut_silence(spans, heard_s)
        if partial and by_audio is not None and source != "video":
            yield OnsetsUpdated(by_audio, hits_from_track(by_audio))
    by_picture: OnsetTrack | None = None
    if source != "audio":
        for time_s, found in _iter_picture_tracks(clip, network, partial):
            yield DetectionProgress(share + (1.0 - share) * min(1.0, time_s / duration_s))
            if found is not None:
                by_picture = found
                if partial:
                    fused = found if source == "video" else fuse(found, by_audio, spans)
                    yield OnsetsUpdated(fused, hits_from_track(fused))
    if source == "video" and by_picture is not None and by_audio is not None:
        track = replace(by_picture, lag_s=estimate_lag(by_picture, by_audio))
    else:
        track = fuse(by_picture, by_audio, spans)
    if cache is not None:
        _keep(cache, keys, track)
        if source == "both" and by_picture is not None:  # the sync meter asks for the picture alone
            lag_s = None if by_audio is None else estimate_lag(by_picture, by_audio)
            picture_keys = track_keys(clip.digest, "video", network, clip.audio_track)
            _keep(cache, picture_keys, replace(by_picture, lag_s=lag_s))
    yield DetectionProgress(1.0)
    yield OnsetsFound(track, hits_from_track(track))


def _keep(cache: Cache, keys: Sequence[str], track: OnsetTrack) -> None:
    for key, array in zip(keys, track_to_arrays(track), strict=True):
        cache.put(key, array)


def _watch_silence(blocks: Iterable[np.ndarray], heard_s: list[float]) -> Iterator[np.ndarray]:
    """The same blocks; the times of each one's first and last sample that is no digital silence join ``heard_s``."""
    start = 0
    for block in blocks:
        heard = np.flatnonzero(np.abs(block) > DIGITAL_SILENCE)
        if len(heard):
            heard_s += [(start + int(heard[0])) / SAMPLE_RATE_HZ, (start + int(heard[-1])) / SAMPLE_RATE_HZ]
        start += len(block)
        yield block


def _cut_silence(spans: tuple[tuple[float, float], ...], heard_s: list[float]) -> tuple[tuple[float, float], ...]:
    """Spans of sound without LEAST_SILENCE_S or more of digital silence before or after all of it.

    No microphone records it: an editor has filled a track with it to the picture's length.
    """
    if not heard_s:
        return ()
    first_s, last_s, least_s = heard_s[0], heard_s[-1], LEAST_SILENCE_S
    return tuple(
        (start_s if first_s - start_s < least_s else first_s, end_s if end_s - last_s < least_s else last_s)
        for start_s, end_s in spans
        if end_s > first_s and start_s < last_s
    )


def _iter_picture_tracks(clip: Clip, network: Path, partial: bool) -> Iterator[tuple[float, OnsetTrack | None]]:
    """Time reached and the onsets so far; the last are those of the whole picture."""
    if (network / "config.json").is_file():
        from engine.onsets.frames import choose_rows
        from engine.onsets.watch import iter_network_tracks, load_onset_network

        model, threshold = load_onset_network(network)
        rows = choose_rows(clip.width, clip.height, model.config.pixels)
        frames = read_ahead(iter_frames(clip.path, rows), FRAMES_AHEAD)
        return iter_network_tracks(model, threshold, frames, clip.frame_rate, clip.duration_s, partial)
    from engine.onsets.motion import FRAME_HEIGHT, iter_motion_tracks

    return iter_motion_tracks(iter_frames(clip.path, FRAME_HEIGHT), clip.frame_rate, clip.duration_s, partial)


def hits_from_track(track: OnsetTrack) -> Edit:
    """Replace the hits that the user has not edited by the track's onsets above the document's threshold.

    The threshold is the one at the time of applying, so it chains after ``edits.set_threshold``.
    """

    def apply(document: Project) -> Project:
        onsets = pick(track, document.detection.threshold)
        duration_s = document.clip.duration_s
        rows = [(o.time_s, o.strength, onset_velocity_db(o)) for o in onsets if o.time_s < duration_s]
        return replace_detected_hits(rows).apply(document)

    return Edit("Detect hits", apply)
