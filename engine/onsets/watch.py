"""Hits seen by the onset network: a clip watched in pieces, and what the network says as an onset track."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.checkpoint import CheckpointKind, build_config, read_checkpoint, refuse, write_checkpoint
from engine.onsets.frames import prepare_frames
from engine.onsets.network import OUTPUTS, Eye, Levels, OnsetNetwork, OnsetNetworkConfig
from engine.onsets.track import CURVE_RATE_HZ, DEFAULT_THRESHOLD, Onset, OnsetTrack, draw_curve

ONSETS = CheckpointKind(
    "onsets", version=2, remedy="restore it, or take {folder} away to have hits found by motion alone"
)
CHUNK_FRAMES = 64
THOUGHT_FRAMES = 2048
SEEN_FRAMES = 4096
MEASURED_FRAMES = 1024
"""The first so many frames of a clip are held to measure its levels; later ones follow what it shows by and by."""
MEASURED_BLOCK = 32
"""Of the frames measured, every other so many are."""
SEPARATION_S = 0.09
"""Of two hits seen closer than this only the likelier is kept."""
LEAST_PROBABILITY = 0.03
FIRST_PARTIAL = 128


def detect_with_network(
    network: OnsetNetwork,
    balanced: float,
    frames: Iterable[tuple[float, np.ndarray]],
    frame_rate: Fraction | float,
    duration_s: float,
    on_found: Callable[[OnsetTrack], None] | None = None,
) -> OnsetTrack:
    """Onsets of a silent picture from gray frames [H, W] of any size in order of time.

    Frames are watched CHUNK_FRAMES at a time, as they are and mirrored, and let go, once the first MEASURED_FRAMES have
    shown the clip's levels; less than a kilobyte of each is kept. ``balanced`` is the probability that becomes
    DEFAULT_THRESHOLD.
    """
    times: list[float] = []
    seen = Seen()
    due = FIRST_PARTIAL
    for chunk_times, chunk in watch(network, prepare_frames(frames, frame_rate)):
        times += chunk_times
        seen.add(chunk)
        if on_found is not None and len(times) >= due:
            on_found(make_track(np.asarray(times), think(network, seen.whole(), times), balanced, times[-1]))
            due += max(FIRST_PARTIAL, due // 2)
    return make_track(np.asarray(times), think(network, seen.whole(), times), balanced, duration_s)


class Seen:
    """What was seen so far, in large blocks: small pieces that live long keep freed frames from being given back."""

    def __init__(self) -> None:
        self._blocks: list[torch.Tensor] = []
        self._filled = 0

    def add(self, part: torch.Tensor) -> None:
        """Keep what was seen of some frames more, [2, n, pooled], n at most SEEN_FRAMES."""
        if not self._blocks or self._filled + part.shape[1] > SEEN_FRAMES:
            if self._blocks:
                self._blocks[-1] = self._blocks[-1][:, : self._filled]
            self._blocks.append(part.new_empty((2, SEEN_FRAMES, part.shape[2])))
            self._filled = 0
        self._blocks[-1][:, self._filled : self._filled + part.shape[1]] = part
        self._filled += part.shape[1]

    def whole(self) -> torch.Tensor:
        """All of it, [2, N, pooled]."""
        if not self._blocks:
            return torch.zeros((2, 0, 0))
        return torch.cat((*self._blocks[:-1], self._blocks[-1][:, : self._filled]), dim=1)


@torch.inference_mode()
def watch(
    network: OnsetNetwork, frames: Iterable[tuple[float, np.ndarray]], levels: Levels | None = None
) -> Iterator[tuple[list[float], torch.Tensor]]:
    """What the network's eye sees of small frames, in pieces: times and [2, n, pooled].

    Without ``levels`` those of the clip are measured; with them the pieces are the same as the whole seen at one go.
    """
    source, first = iter(frames), list[tuple[float, np.ndarray]]()
    follow = levels is None
    if levels is None:
        first = list(islice(source, MEASURED_FRAMES))
        if not first:
            return
        levels = measure_levels(network, [frame for _, frame in first])
    reach, held, times, told = Eye.REACH, list[np.ndarray](), list[float](), 0
    before = 0  # of the frames held, how many were told before
    for time_s, frame in chain(first, source):
        held.append(frame)
        times.append(time_s)
        if len(held) - before == CHUNK_FRAMES + reach:
            told += CHUNK_FRAMES
            if follow and told > MEASURED_FRAMES:
                levels = mix_levels(levels, measure_levels(network, held), CHUNK_FRAMES / MEASURED_FRAMES)
            seen = _see(network, held, levels)
            yield times[:CHUNK_FRAMES], seen[:, before : before + CHUNK_FRAMES]
            times = times[CHUNK_FRAMES:]
            held, before = held[before + CHUNK_FRAMES - reach :], reach
    if times:
        yield times, _see(network, held, levels)[:, before:]


@torch.inference_mode()
def measure_levels(network: OnsetNetwork, frames: Sequence[np.ndarray]) -> Levels:
    """The mean levels of every other MEASURED_BLOCK of small frames."""
    starts = range(0, max(1, len(frames) - MEASURED_BLOCK // 2), 2 * MEASURED_BLOCK)
    parts = [network.eye.measure(_to_gray(network, frames[at : at + MEASURED_BLOCK])) for at in starts]
    mean: Levels = parts[0]
    for count, part in enumerate(parts[1:], 2):
        mean = mix_levels(mean, part, 1.0 / count)
    return mean


def mix_levels(some: Levels, others: Levels, share: float) -> Levels:
    """Levels between some and others, of which a share from 0 to 1."""
    return [(a.lerp(b, share), v.lerp(w, share)) for (a, v), (b, w) in zip(some, others, strict=True)]


def _to_gray(network: OnsetNetwork, frames: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(frames).astype(np.float32)).to(next(network.parameters()).device)


def _see(network: OnsetNetwork, frames: Sequence[np.ndarray], levels: Levels) -> torch.Tensor:
    """What the eye sees of frames and of their mirror images, [2, n, pooled] in half precision."""
    gray = _to_gray(network, frames)
    return network.eye(torch.stack((gray, gray.flip(-1))), levels).half()


@torch.inference_mode()
def think(network: OnsetNetwork, seen: torch.Tensor, times_s: list[float]) -> np.ndarray:
    """Logit, offset in frames and velocity of every frame, the mean of both images', float64 [N, 3].

    ``seen`` is [2, N, pooled].

    Long clips are thought over in parts with as much on either side as bears on them, which changes nothing.
    """
    count = len(times_s)
    if count < 2:
        return np.zeros((0, OUTPUTS))
    steps = np.diff(times_s)
    interval = torch.from_numpy(np.append(steps, steps[-1]).astype(np.float32))
    reach = sum(network.config.dilations)
    told = []
    for start in range(0, count, THOUGHT_FRAMES):
        first, last = max(0, start - reach), min(count, start + THOUGHT_FRAMES + reach)
        part = seen[:, first:last].float()
        mean = network.think(part, interval[first:last].to(part.device).expand(2, -1)).mean(dim=0)
        told.append(mean[start - first : start - first + THOUGHT_FRAMES])
    return torch.cat(told).cpu().double().numpy()


def examine(network: OnsetNetwork, times_s: np.ndarray, frames: np.ndarray, levels: Levels | None = None) -> np.ndarray:
    """Logit, offset in frames and velocity of every small frame [N, H, W], float64 [N, 3]."""
    network.eval()
    seen = Seen()
    for _, part in watch(network, zip(times_s.tolist(), frames, strict=True), levels):
        seen.add(part)
    return think(network, seen.whole(), times_s.tolist())


def make_track(times_s: np.ndarray, found: np.ndarray, balanced: float, duration_s: float) -> OnsetTrack:
    """The onset track of what the network says [N, 3] of frames at ``times_s``."""
    count = int(np.ceil(duration_s * CURVE_RATE_HZ))
    if len(found) < 4:
        return OnsetTrack(draw_curve(np.zeros(count), ()), ())
    strength = to_strength(1.0 / (1.0 + np.exp(-found[:, 0])), balanced)
    candidates = tuple(
        Onset(time_s, float(strength[at]), float(np.clip(found[at, 2], 0.0, 1.0)))
        for at, time_s in pick_peaks(times_s, found)
        if time_s < duration_s
    )
    grid = np.arange(count) / CURVE_RATE_HZ
    return OnsetTrack(draw_curve(np.interp(grid, times_s, strength), candidates), candidates)


def to_strength(probability: np.ndarray, balanced: float) -> np.ndarray:
    """Probabilities on the scale of thresholds: ``balanced`` becomes DEFAULT_THRESHOLD, the order stays."""
    odds = probability / np.maximum(1.0 - probability, 1e-9) * (1.0 - balanced) / balanced
    odds = odds * DEFAULT_THRESHOLD / (1.0 - DEFAULT_THRESHOLD)
    return odds / (1.0 + odds)


def pick_peaks(times_s: np.ndarray, found: np.ndarray) -> list[tuple[int, float]]:
    """Frames most probable within SEPARATION_S, and the times in seconds of their hits, in order of time."""
    logit = found[:, 0]
    steps = np.append(np.diff(times_s), times_s[-1] - times_s[-2])
    padded = np.pad(logit, 1, constant_values=-np.inf)
    tops = np.flatnonzero((logit >= padded[:-2]) & (logit > padded[2:]))
    tops = tops[logit[tops] > np.log(LEAST_PROBABILITY / (1 - LEAST_PROBABILITY))]
    at = times_s[tops] + np.clip(found[tops, 1], -1.0, 1.0) * steps[tops]
    kept: list[tuple[int, float]] = []
    for k in np.argsort(-logit[tops], kind="stable"):
        if all(abs(at[k] - other) >= SEPARATION_S for _, other in kept):
            kept.append((int(tops[k]), float(max(0.0, at[k]))))
    return sorted(kept, key=lambda pair: pair[1])


def save_onset_network(folder: Path, network: OnsetNetwork, balanced: float, training: dict[str, Any]) -> None:
    """Write a network's weights in half precision and what they belong to."""
    config = {"network": asdict(network.config), "balanced": balanced, "training": training}
    write_checkpoint(folder, ONSETS, network, torch.float16, config)


def load_onset_network(folder: Path) -> tuple[OnsetNetwork, float]:
    """The network of a checkpoint and its balanced probability; BadInput, with the reason, where it does not fit."""
    network, config = read_checkpoint(
        folder, ONSETS, lambda config: OnsetNetwork(build_config(OnsetNetworkConfig, config["network"]))
    )
    balanced = config.get("balanced")
    if not isinstance(balanced, (int, float)) or not 0.0 < balanced < 1.0:
        raise refuse(folder, ONSETS, f"a balanced probability of {str(balanced)[:20]} is out of range")
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last), float(balanced)  # type: ignore[call-overload]
