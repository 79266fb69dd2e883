"""How a clip's picture and a sound lie to each other: blows seen are compared with onsets heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.core.cache import Cache
from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Clip
from engine.onsets.audio import iter_audio_tracks
from engine.onsets.track import Onset, OnsetTrack, last_track
from engine.pipeline.detect_onsets import ONSET_NETWORK, detect_onsets
from engine.pipeline.events import DetectionProgress, OnsetsFound
from engine.sync.events import score_events
from engine.sync.report import SyncReport, make_report
from engine.sync.score_map import MAX_LAG_S

CERTAINTY = 0.5
"""Scale from event scores to log-odds of a lag (`evaluate sync` calibrates it)."""
HEARD_SHARE = 0.15
"""Share of the progress that the sound takes."""
_BLOCK_S = 20.0


@dataclass(frozen=True)
class SyncProgress:
    """Share of the work that is done, 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class SyncMeasured:
    """The meter's report; the last event."""

    report: SyncReport


def measure_clip_sync(
    clip: Clip, sound: Path | None = None, network: Path = ONSET_NETWORK, cache: Cache | None = None
) -> Iterator[SyncProgress | SyncMeasured]:
    """Measure a clip's own sound, or a ``sound`` file that begins with it, against its picture.

    Raises BadInput where there is no sound or it cannot be read.
    """
    if sound is None and not clip.has_audio:
        raise BadInput(f"{Path(clip.path).name} has no sound to compare with its picture; name a sound after it")
    heard: Sequence[Onset] = ()
    if sound is not None:
        heard = detect_in_recording(sound, clip.duration_s + MAX_LAG_S)
        yield SyncProgress(HEARD_SHARE)
    else:
        for event in detect_onsets(clip, "audio", cache=cache):
            match event:
                case DetectionProgress():
                    yield SyncProgress(HEARD_SHARE * event.fraction)
                case OnsetsFound():
                    heard = event.track.candidates
    yield from measure_onset_sync(clip, heard, network, cache, HEARD_SHARE)


def measure_onset_sync(
    clip: Clip, heard: Sequence[Onset], network: Path = ONSET_NETWORK, cache: Cache | None = None, done: float = 0.0
) -> Iterator[SyncProgress | SyncMeasured]:
    """Measure onsets that are heard, in order of time, against a clip's picture; ``done`` is the progress so far."""
    seen: Sequence[Onset] = ()
    for event in detect_onsets(clip, "video", network, cache):
        match event:
            case DetectionProgress():
                yield SyncProgress(done + (1.0 - done) * event.fraction)
            case OnsetsFound():
                seen = event.track.candidates
    scores = score_events(seen, heard, clip.duration_s)
    yield SyncMeasured(make_report(scores, seen, heard, clip.duration_s, CERTAINTY))


def detect_in_recording(path: Path, longest_s: float) -> tuple[Onset, ...]:
    """Onsets of a sound file, or of a clip's default track, in its first ``longest_s``. Raises BadInput."""
    track: OnsetTrack = last_track(iter_audio_tracks(_iter_mono(path, longest_s), SAMPLE_RATE_HZ))
    return track.candidates


def _iter_mono(path: Path, longest_s: float) -> Iterator[np.ndarray]:
    """The first ``longest_s`` of a sound file as mono float32 at SAMPLE_RATE_HZ, in blocks."""
    from engine.media.open import check_readable
    from engine.media.sound import iter_recording

    held: list[np.ndarray] = []
    count, given_s = 0, 0.0
    for piece, rate_hz in iter_recording(check_readable(path)):
        if not np.isfinite(piece).all():
            raise BadInput(f"{path.name} holds values that are not finite numbers; export it again")
        held.append(piece.mean(axis=1))
        count += len(piece)
        given_s += len(piece) / rate_hz
        if count >= _BLOCK_S * rate_hz or given_s >= longest_s:
            yield resample(np.concatenate(held), rate_hz, SAMPLE_RATE_HZ)
            held, count = [], 0
        if given_s >= longest_s:
            return
    if held:
        yield resample(np.concatenate(held), rate_hz, SAMPLE_RATE_HZ)
