"""How a clip's picture and a sound lie to each other: blows seen are compared with onsets heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.core.cache import Cache
from engine.core.checkpoint import choose_checkpoint
from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Clip
from engine.media.mixdown import choose_weights
from engine.media.open import check_readable
from engine.media.sound import iter_clip_audio, iter_recording
from engine.onsets.audio import iter_audio_tracks
from engine.onsets.track import Onset, last_track
from engine.pipeline.detect_onsets import ONSET_NETWORK, detect_onsets, find_onset_network
from engine.pipeline.events import DetectionProgress, OnsetsFound
from engine.sync.events import score_events
from engine.sync.report import SyncReport, make_report
from engine.sync.score_map import MAX_LAG_S, ScoreMap

SYNC_NETWORK = CHECKPOINTS / "sync"
"""Folder of the sync network that ships."""
EVENT_CERTAINTY, NETWORK_CERTAINTY = 1.0, 0.7
"""Scales from evidence to log-odds of a lag, as `evaluate sync` finds them best for onsets and for the network."""
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


@dataclass(frozen=True)
class Networks:
    """Folders of the onset network and of the sync network; without the latter's checkpoint onsets are compared."""

    onsets: Path = ONSET_NETWORK
    sync: Path = SYNC_NETWORK


def find_networks(checkpoints: str | Path | None) -> Networks:
    """The networks among ``checkpoints``; those that ship where there are none."""
    return Networks(find_onset_network(checkpoints), choose_checkpoint("sync", checkpoints, SYNC_NETWORK))


def measure_clip_sync(
    clip: Clip, sound: Path | None = None, networks: Networks | None = None, cache: Cache | None = None
) -> Iterator[SyncProgress | SyncMeasured]:
    """Measure a clip's own sound, or a ``sound`` file that begins with it, against its picture.

    Raises BadInput where there is no sound or it cannot be read.
    """
    if sound is None and not clip.has_audio:
        raise BadInput(f"{Path(clip.path).name} has no sound to compare with its picture; name a sound after it")
    heard: Sequence[Onset] = ()
    if sound is not None:
        longest_s = clip.duration_s + MAX_LAG_S
        heard = last_track(iter_audio_tracks(iter_mono(sound, longest_s), SAMPLE_RATE_HZ)).candidates
        blocks = iter_mono(sound, longest_s)
        yield SyncProgress(HEARD_SHARE)
    else:
        for event in detect_onsets(clip, "audio", cache=cache):
            match event:
                case DetectionProgress():
                    yield SyncProgress(HEARD_SHARE * event.fraction)
                case OnsetsFound():
                    heard = event.track.candidates
        blocks = iter_clip_audio(clip.path, SAMPLE_RATE_HZ, _BLOCK_S, clip.audio_track)
    yield from measure_onset_sync(clip, heard, networks, cache, HEARD_SHARE, blocks)


def measure_onset_sync(
    clip: Clip,
    heard: Sequence[Onset],
    networks: Networks | None = None,
    cache: Cache | None = None,
    done: float = 0.0,
    sound: Iterable[np.ndarray] | None = None,
) -> Iterator[SyncProgress | SyncMeasured]:
    """Measure onsets that are heard, in order of time, against a clip's picture; ``done`` is the progress so far.

    ``sound`` are blocks of the mono sound at SAMPLE_RATE_HZ, None where there are only hits.
    """
    networks = networks or Networks()
    seen: Sequence[Onset] = ()
    for event in detect_onsets(clip, "video", networks.onsets, cache):
        match event:
            case DetectionProgress():
                yield SyncProgress(done + (1.0 - done) * event.fraction)
            case OnsetsFound():
                seen = event.track.candidates
    scores, certainty = judge_onsets(networks.sync, seen, heard, sound, clip.duration_s)
    yield SyncMeasured(make_report(scores, seen, heard, clip.duration_s, certainty))


def judge_onsets(
    network: Path,
    seen: Sequence[Onset],
    heard: Sequence[Onset],
    sound: Iterable[np.ndarray] | None,
    duration_s: float,
) -> tuple[ScoreMap, float]:
    """Evidence at every lag by the sync network, or by the onsets alone where it has no checkpoint; its certainty."""
    if not (network / "config.json").is_file() or not seen or not heard:
        return score_events(seen, heard, duration_s), EVENT_CERTAINTY
    from engine.sync.bands import RATE_HZ, measure_bands
    from engine.sync.network import draw_heard, draw_seen, load_sync_network, score_with_network

    count = round(duration_s * RATE_HZ) + 1
    bands_db = None if sound is None else measure_bands(sound)
    judge = load_sync_network(network)
    return score_with_network(judge, draw_seen(seen, count), draw_heard(heard, bands_db, count)), NETWORK_CERTAINTY


def iter_mono(path: Path, longest_s: float) -> Iterator[np.ndarray]:
    """The first ``longest_s`` of a sound file as mono float32 at SAMPLE_RATE_HZ, in blocks."""
    held: list[np.ndarray] = []
    count = 0
    _, rate_hz = next(_iter_start(path, longest_s))
    weights = choose_weights((piece for piece, _ in _iter_start(path, longest_s)), rate_hz)
    for piece, _ in _iter_start(path, longest_s):
        held.append(piece @ weights)
        count += len(piece)
        if count >= _BLOCK_S * rate_hz:
            yield resample(np.concatenate(held), rate_hz, SAMPLE_RATE_HZ)
            held, count = [], 0
    if held:
        yield resample(np.concatenate(held), rate_hz, SAMPLE_RATE_HZ)


def _iter_start(path: Path, longest_s: float) -> Iterator[tuple[np.ndarray, int]]:
    """Pieces of a sound file's first ``longest_s`` and the rate. Raises BadInput."""
    given_s = 0.0
    for piece, rate_hz in iter_recording(check_readable(path)):
        if not np.isfinite(piece).all():
            raise BadInput(f"{path.name} holds values that are not finite numbers; export it again")
        yield piece, rate_hz
        given_s += len(piece) / rate_hz
        if given_s >= longest_s:
            return
