"""Onset detection with the network: a clip encoded chunk by chunk in bounded memory, its outputs as an onset track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d

from engine.core.checkpoint import CheckpointKind, build_config, read_checkpoint, refuse, write_checkpoint
from engine.core.device import prefers_bfloat16
from engine.onsets.frames import MAX_RATE_HZ, prepare_frames
from engine.onsets.likeness import weigh_by_likeness
from engine.onsets.network import KEY_MAP, OUTPUTS, ClipStats, FrameEncoder, OnsetNetwork, OnsetNetworkConfig
from engine.onsets.peaks import MIN_SEPARATION_S, calibrate_strength, pick_peaks, read_strengths
from engine.onsets.rhythm import RHYTHM, Rhythm, weigh_by_rhythm
from engine.onsets.track import CURVE_RATE_HZ, Onset, OnsetTrack, draw_curve, last_track, pick

ONSETS = CheckpointKind(
    "onsets",
    version=2,
    remedy="restore it, or take {folder} away to have hits found by motion alone",
    key_map=KEY_MAP,
)
CHUNK_FRAMES = 64
"""Frames encoded at a time."""
TEMPORAL_CHUNK_FRAMES = 2048
"""Frames that the temporal network takes at a time."""
BUFFER_BLOCK_FRAMES = 4096
STATS_FRAMES = 1024
"""A clip's statistics are estimated from its first so many frames, which are held; later they follow the clip."""
STATS_BLOCK = 32
"""Every other block of so many frames goes into the estimate."""
VELOCITY_FRAMES = 5
"""Frames about a hit over which the velocity is averaged."""
FIRST_PARTIAL = 128

START_FRAMES = 16
"""Number of first frames that are processed after their mirror image, to find a hit at the clip's start."""
START_S = 0.05
START_PROBABILITY = 0.9
"""Probability in the mirrored start that becomes DEFAULT_THRESHOLD: any motion reverses there, so that few starts show
whether they are hits, and most clips begin on none (docs/onsets.md, *First frame*)."""
START_LIKENESS = 0.65
"""Largest difference of the first frame from one at a hit, over the median difference from all frames."""


def detect_with_network(
    network: OnsetNetwork,
    calibrated_threshold: float,
    frames: Iterable[tuple[float, np.ndarray]],
    frame_rate: Fraction | float,
    duration_s: float,
) -> OnsetTrack:
    """Onset track of gray frames (time_s, [H, W] uint8) of any size in order of time.

    Frames are released chunk by chunk once the clip's statistics are estimated; less than a kilobyte of features is
    kept per frame. ``calibrated_threshold`` is the probability that becomes DEFAULT_THRESHOLD.
    """
    return last_track(iter_network_tracks(network, calibrated_threshold, frames, frame_rate, duration_s))


def iter_network_tracks(
    network: OnsetNetwork,
    calibrated_threshold: float,
    frames: Iterable[tuple[float, np.ndarray]],
    frame_rate: Fraction | float,
    duration_s: float,
    partial: bool = False,
) -> Iterator[tuple[float, OnsetTrack | None]]:
    """``detect_with_network`` in steps: the time reached in s and, with ``partial`` now and then, the track so far.

    The last step brings the track of the whole clip.
    """
    times: list[float] = []
    features = FeatureBuffer()
    due = FIRST_PARTIAL
    reached_s = 0.0
    prepared = prepare_frames(frames, frame_rate, network.config.pixels)
    first: list[tuple[float, np.ndarray]] = []
    for time_s, frame in islice(prepared, STATS_FRAMES):  # needed before the first chunk can be encoded
        first.append((time_s, frame))
        reached_s = time_s
        yield reached_s, None
    for chunk_times, chunk in extract_features(network, chain(first, prepared)):
        times += chunk_times
        features.append(chunk)
        found = None
        if partial and len(times) >= due:
            outputs = predict_clip(network, calibrated_threshold, features.concatenate(), times)
            found = make_track(np.asarray(times), outputs, calibrated_threshold, times[-1])
            due += max(FIRST_PARTIAL, due // 2)
        reached_s = max(reached_s, times[-1])
        yield reached_s, found
    outputs = predict_clip(network, calibrated_threshold, features.concatenate(), times)
    yield duration_s, _finish_track(network, calibrated_threshold, first, times, outputs, duration_s, RHYTHM)


def detect_with_rhythms(
    network: OnsetNetwork,
    calibrated_threshold: float,
    frames: Iterable[tuple[float, np.ndarray]],
    frame_rate: Fraction | float,
    duration_s: float,
    rhythms: Sequence[Rhythm | None],
) -> tuple[list[OnsetTrack], np.ndarray, np.ndarray]:
    """``detect_with_network`` with each of some rhythms, None without one; the clip is encoded once.

    Also returns the frames' times [N] in s and the velocity that the network reads there, [N].
    """
    times: list[float] = []
    features = FeatureBuffer()
    prepared = prepare_frames(frames, frame_rate, network.config.pixels)
    first = list(islice(prepared, STATS_FRAMES))
    for chunk_times, chunk in extract_features(network, chain(first, prepared)):
        times += chunk_times
        features.append(chunk)
    outputs = predict_clip(network, calibrated_threshold, features.concatenate(), times)
    given = (network, calibrated_threshold, first, times, outputs, duration_s)
    return [_finish_track(*given, rhythm) for rhythm in rhythms], np.asarray(times), smooth_velocity(outputs)


def smooth_velocity(outputs: np.ndarray) -> np.ndarray:
    """The velocity of every frame, [N] from 0 to 1, from the network's outputs [N, 3]: the mean of VELOCITY_FRAMES."""
    return np.clip(uniform_filter1d(outputs[:, 2], VELOCITY_FRAMES, mode="nearest"), 0.0, 1.0)


def _finish_track(
    network: OnsetNetwork,
    calibrated_threshold: float,
    first: Sequence[tuple[float, np.ndarray]],
    times_s: list[float],
    outputs: np.ndarray,
    duration_s: float,
    rhythm: Rhythm | None,
) -> OnsetTrack:
    """The track of a whole clip's outputs [N, 3], with the hit at its start, if any, found in its ``first`` frames."""
    track = make_track(np.asarray(times_s), outputs, calibrated_threshold, duration_s, rhythm)
    start = find_start_hit(network, first, track)
    if start is None:
        return track
    later = tuple(onset for onset in track.candidates if onset.time_s >= start.time_s + MIN_SEPARATION_S)
    return replace(track, curve=draw_curve(track.curve.values, (start, *later)), candidates=(start, *later))


def find_start_hit(
    network: OnsetNetwork, frames: Sequence[tuple[float, np.ndarray]], track: OnsetTrack
) -> Onset | None:
    """A hit at the first frame, which shows only what follows the contact; None where there is none.

    The first frames are preceded by their mirror image in time, so that the departing object also approaches. Since any
    motion at the start then reverses, the first frame must also resemble one at a later hit of ``track`` among
    ``frames`` more than it resembles most others.
    """
    hits_s = [onset.time_s for onset in pick(track) if onset.time_s > START_FRAMES / MAX_RATE_HZ]
    if len(frames) < 2 * START_FRAMES or not hits_s:
        return None
    times_s = np.array([time_s for time_s, _ in frames])
    differences = np.array([np.abs(frame.astype(np.int16) - frames[0][1]).mean() for _, frame in frames])
    nearest = np.searchsorted(times_s, [time_s for time_s in hits_s if time_s <= times_s[-1]])
    at_hits = [differences[max(0, index - 1) : index + 2].min() for index in nearest]
    if not at_hits or min(at_hits) > START_LIKENESS * np.median(differences):
        return None
    head = frames[:START_FRAMES]
    mirrored = [(2.0 * times_s[0] - time_s, frame) for time_s, frame in head[:0:-1]] + list(head)
    mirrored_s = np.array([time_s for time_s, _ in mirrored])
    outputs = predict_frames(network, mirrored_s, np.stack([frame for _, frame in mirrored]))
    probability = 1.0 / (1.0 + np.exp(-outputs[:, 0]))
    for index, shifted_s in pick_peaks(mirrored_s - mirrored_s[0], outputs):
        time_s = shifted_s + mirrored_s[0] - times_s[0]
        if abs(time_s) < START_S and probability[index] >= START_PROBABILITY:
            odds = float(calibrate_strength(probability[index], START_PROBABILITY))
            return Onset(max(0.0, time_s), odds, float(np.clip(outputs[index, 2], 0.0, 1.0)))
    return None


class FeatureBuffer:
    """Features so far, in large blocks: long-lived small tensors would keep the allocator from returning memory."""

    def __init__(self) -> None:
        self._blocks: list[torch.Tensor] = []
        self._filled = 0

    def append(self, part: torch.Tensor) -> None:
        """Add features [views, n, F] of the next n frames, n at most BUFFER_BLOCK_FRAMES."""
        if not self._blocks or self._filled + part.shape[1] > BUFFER_BLOCK_FRAMES:
            if self._blocks:
                self._blocks[-1] = self._blocks[-1][:, : self._filled]
            self._blocks.append(part.new_empty((part.shape[0], BUFFER_BLOCK_FRAMES, part.shape[2])))
            self._filled = 0
        self._blocks[-1][:, self._filled : self._filled + part.shape[1]] = part
        self._filled += part.shape[1]

    def concatenate(self) -> torch.Tensor:
        """All features, [views, N, F]."""
        if not self._blocks:
            return torch.zeros((1, 0, 0))
        return torch.cat((*self._blocks[:-1], self._blocks[-1][:, : self._filled]), dim=1)


@torch.inference_mode()
def extract_features(
    network: OnsetNetwork, frames: Iterable[tuple[float, np.ndarray]], stats: ClipStats | None = None
) -> Iterator[tuple[list[float], torch.Tensor]]:
    """Encoder features of small frames, chunk by chunk: their times and [views, n, F], views as ``_encode`` has them.

    Without ``stats`` those of the clip are estimated; with them the chunks equal one pass over the whole.
    """
    source, first = iter(frames), list[tuple[float, np.ndarray]]()
    follow = stats is None
    if stats is None:
        first = list(islice(source, STATS_FRAMES))
        if not first:
            return
        stats = estimate_stats(network, [frame for _, frame in first])
    context, held, times, emitted = FrameEncoder.CONTEXT_FRAMES, list[np.ndarray](), list[float](), 0
    before = 0  # frames held only as context of the next chunk
    for time_s, frame in chain(first, source):
        held.append(frame)
        times.append(time_s)
        if len(held) - before == CHUNK_FRAMES + context:
            emitted += CHUNK_FRAMES
            if follow and emitted > STATS_FRAMES:
                stats = blend_stats(stats, estimate_stats(network, held), CHUNK_FRAMES / STATS_FRAMES)
            features = _encode(network, held, stats)
            yield times[:CHUNK_FRAMES], features[:, before : before + CHUNK_FRAMES]
            times = times[CHUNK_FRAMES:]
            held, before = held[before + CHUNK_FRAMES - context :], context
    if times:
        yield times, _encode(network, held, stats)[:, before:]


@torch.inference_mode()
def estimate_stats(network: OnsetNetwork, frames: Sequence[np.ndarray]) -> ClipStats:
    """Mean of the encoder's statistics over every other STATS_BLOCK of small frames."""
    starts = range(0, max(1, len(frames) - STATS_BLOCK // 2), 2 * STATS_BLOCK)
    with _encoder_precision(network):
        parts = [network.encoder.estimate_stats(_to_tensor(network, frames[at : at + STATS_BLOCK])) for at in starts]
    mean: ClipStats = parts[0]
    for count, part in enumerate(parts[1:], 2):
        mean = blend_stats(mean, part, 1.0 / count)
    return mean


def blend_stats(old: ClipStats, new: ClipStats, weight: float) -> ClipStats:
    """Linear interpolation of statistics; ``weight`` 0 to 1 is that of the new ones."""
    return [(a.lerp(b, weight), v.lerp(w, weight)) for (a, v), (b, w) in zip(old, new, strict=True)]


def _encoder_precision(network: OnsetNetwork) -> torch.autocast:
    """The encoder's convolutions in bfloat16, as it was trained, where that is faster."""
    device = next(network.parameters()).device
    return torch.autocast(device.type, torch.bfloat16, enabled=prefers_bfloat16(device))


def _to_tensor(network: OnsetNetwork, frames: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(frames).astype(np.float32)).to(next(network.parameters()).device)


def _encode(network: OnsetNetwork, frames: Sequence[np.ndarray], stats: ClipStats) -> torch.Tensor:
    """Features of frames and, where the network wants them, of their mirror images, float16 [views, n, F]."""
    gray = _to_tensor(network, frames)[None]
    views = torch.cat((gray, gray.flip(-1))) if network.config.mirrored else gray
    with _encoder_precision(network):
        features = network.encoder(views, stats)
    return features.half()


def predict_clip(
    network: OnsetNetwork, calibrated_threshold: float, features: torch.Tensor, times_s: list[float]
) -> np.ndarray:
    """``predict_from_features``, each frame weighed by its likeness to the clip's own clear hits, float64 [N, 3]."""
    outputs = predict_from_features(network, features, times_s)
    return weigh_by_likeness(np.asarray(times_s), outputs, features, calibrated_threshold)


@torch.inference_mode()
def predict_from_features(network: OnsetNetwork, features: torch.Tensor, times_s: list[float]) -> np.ndarray:
    """Logit, offset in frames and velocity of every frame, float64 [N, 3], from features [views, N, F].

    The outputs of all views are averaged. Long clips pass through the temporal network in
    parts with its full receptive field on either side, which changes nothing.
    """
    count = len(times_s)
    if count < 2:
        return np.zeros((0, OUTPUTS))
    steps = np.diff(times_s)
    interval = torch.from_numpy(np.append(steps, steps[-1]).astype(np.float32))
    context = sum(network.config.dilations)
    outputs = []
    for start in range(0, count, TEMPORAL_CHUNK_FRAMES):
        first, last = max(0, start - context), min(count, start + TEMPORAL_CHUNK_FRAMES + context)
        part = features[:, first:last].float()
        mean = network.temporal_forward(part, interval[first:last].to(part.device).expand(len(part), -1)).mean(dim=0)
        outputs.append(mean[start - first : start - first + TEMPORAL_CHUNK_FRAMES])
    return torch.cat(outputs).cpu().double().numpy()


def predict_frames(
    network: OnsetNetwork, times_s: np.ndarray, frames: np.ndarray, stats: ClipStats | None = None
) -> np.ndarray:
    """Logit, offset in frames and velocity of every small frame [N, H, W], float64 [N, 3]."""
    network.eval()
    features = FeatureBuffer()
    for _, part in extract_features(network, zip(times_s.tolist(), frames, strict=True), stats):
        features.append(part)
    return predict_from_features(network, features.concatenate(), times_s.tolist())


def make_track(
    times_s: np.ndarray,
    outputs: np.ndarray,
    calibrated_threshold: float,
    duration_s: float,
    rhythm: Rhythm | None = RHYTHM,
) -> OnsetTrack:
    """The onset track of the network's outputs [N, 3] for frames at ``times_s`` [N]; no ``rhythm``: none is sought."""
    count = int(np.ceil(duration_s * CURVE_RATE_HZ))
    if len(outputs) < 4:
        return OnsetTrack(draw_curve(np.zeros(count), ()), ())
    strength = read_strengths(times_s, outputs, calibrated_threshold)
    velocity = smooth_velocity(outputs)
    peaks = [(at, time_s) for at, time_s in pick_peaks(times_s, outputs) if time_s < duration_s]
    odds = strength[[at for at, _ in peaks]].clip(1e-6, 1.0 - 1e-6)
    weighed = np.log(odds / (1.0 - odds))
    if rhythm is not None:
        weighed = weigh_by_rhythm(np.asarray([time_s for _, time_s in peaks]), weighed, rhythm)
    candidates = tuple(
        Onset(time_s, float(1.0 / (1.0 + np.exp(-log_odds))), float(velocity[at]))
        for (at, time_s), log_odds in zip(peaks, weighed, strict=True)
    )
    grid = np.arange(count) / CURVE_RATE_HZ
    curve = draw_curve(np.interp(grid, times_s, strength), candidates)
    return OnsetTrack(curve, candidates, velocity=np.interp(grid, times_s, velocity).astype(np.float32))


def save_onset_network(
    folder: Path, network: OnsetNetwork, calibrated_threshold: float, training: dict[str, Any]
) -> None:
    """Write a network's weights in half precision and the configuration that they belong to."""
    config = {"network": asdict(network.config), "balanced": calibrated_threshold, "training": training}
    write_checkpoint(folder, ONSETS, network, torch.float16, config)


def load_onset_network(folder: Path) -> tuple[OnsetNetwork, float]:
    """The network of a checkpoint and its calibrated threshold; BadInput, with the reason, where it does not fit."""
    network, config = read_checkpoint(
        folder, ONSETS, lambda config: OnsetNetwork(build_config(OnsetNetworkConfig, config["network"]))
    )
    threshold = config.get("balanced")
    if not isinstance(threshold, (int, float)) or not 0.0 < threshold < 1.0:
        raise refuse(folder, ONSETS, "its calibrated threshold is no number between 0 and 1")
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last), float(threshold)  # type: ignore[call-overload]
