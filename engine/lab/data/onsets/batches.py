"""Augmented excerpts of filmed takes as training batches of the onset network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from engine.lab.data.onsets.clips import OnsetClip

ROWS, COLUMNS = 64, 112


@dataclass(frozen=True)
class BatchConfig:
    """``size`` excerpts of ``frames`` frames; ``real_share`` of them from real clips where there are both kinds."""

    frames: int = 96
    size: int = 4
    real_share: float = 0.75
    margin: int = 6
    spread_real: float = 1.0
    spread_simulated: float = 0.7
    doubtful_weight: float = 0.0
    vary: bool = True


@dataclass(frozen=True)
class OnsetBatch:
    """Gray frames [B, T, H, W], seconds between them [B, T], and the targets at every frame [B, T].

    ``target`` is a probability, ``weight`` its weight in the loss, ``offset`` that of the nearest hit in frames,
    ``near`` whether it is close enough to be supervised, ``velocity`` the hit's velocity (NaN unknown).
    """

    frames: torch.Tensor
    interval_s: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    offset: torch.Tensor
    near: torch.Tensor
    velocity: torch.Tensor


def draw_batch(clips: Sequence[OnsetClip], config: BatchConfig, random: np.random.Generator) -> OnsetBatch:
    """A batch of augmented excerpts: of real and simulated clips by ``real_share``, each clip by its length."""
    real = [clip for clip in clips if clip.real]
    simulated = [clip for clip in clips if not clip.real]
    pieces = []
    for _ in range(config.size):
        group = real if real and (not simulated or random.random() < config.real_share) else simulated
        piece = draw_piece(group, config, random)
        if config.vary and random.random() < 0.02:
            piece = freeze(piece, random)
        elif config.vary and random.random() < 0.12:
            piece = splice(piece, draw_piece(group, config, random), int(random.integers(10, config.frames - 10)))
        pieces.append(piece)
    return OnsetBatch(*(torch.stack(values) for values in zip(*pieces, strict=True)))


def draw_piece(clips: Sequence[OnsetClip], config: BatchConfig, random: np.random.Generator) -> list[torch.Tensor]:
    """One augmented excerpt: the fields of a batch for one of its entries."""
    lengths = np.asarray([min(len(clip.times_s), 1000) for clip in clips], float)
    clip = clips[int(random.choice(len(clips), p=lengths / lengths.sum()))]
    index = choose_frames(clip, config, random)
    frames = torch.from_numpy(clip.frames[index].astype(np.float32))
    times = clip.times_s[np.minimum(index, len(clip.times_s) - 1)]
    interval = interval_of(times)
    frames = vary_frames(frames, random) if config.vary else fit(frames)
    labels = label_frames(clip, times, interval, config)
    if config.vary and random.random() < 0.15:
        frames = repeat_frames(frames, random)
    return [frames, torch.from_numpy(interval.astype(np.float32)), *labels]


def interval_of(times_s: np.ndarray) -> np.ndarray:
    """Seconds from each frame to the next, [N]; the last as the one before it."""
    if len(times_s) < 2:
        return np.full(len(times_s), 1 / 30)
    steps = np.diff(times_s)
    return np.append(steps, steps[-1])


def choose_frames(clip: OnsetClip, config: BatchConfig, random: np.random.Generator) -> np.ndarray:
    """Indices of an excerpt's frames: consecutive, or every second or third one of a fast clip."""
    rate_hz = 1.0 / max(1e-3, float(np.median(np.diff(clip.times_s))))
    strides = [k for k in (1, 2, 3) if rate_hz / k > 14.0] if config.vary else [1]
    chances = np.asarray([1.0, 0.25 if rate_hz < 45 else 1.0, 0.1][: len(strides)])
    stride = int(random.choice(strides, p=chances / chances.sum()))
    need = config.frames * stride
    first = int(random.integers(0, max(1, len(clip.times_s) - need + 1)))
    index = first + stride * np.arange(config.frames)
    return np.minimum(index, len(clip.times_s) - 1)


def label_frames(
    clip: OnsetClip, times_s: np.ndarray, interval_s: np.ndarray, config: BatchConfig
) -> tuple[torch.Tensor, ...]:
    """Target, weight, offset, nearness and velocity at each of some frames."""
    count = len(times_s)
    target, weight = np.zeros(count), np.ones(count)
    offset, near, velocity = np.zeros(count), np.zeros(count), np.full(count, np.nan)
    step_s = np.maximum(interval_s, 1e-3)
    spread = config.spread_real if clip.real else config.spread_simulated
    span = (times_s[0] - 1.0, times_s[-1] + 1.0)
    for doubtful_s in clip.doubtful_s + clip.shift_s:
        if span[0] < doubtful_s < span[1]:
            weight[np.abs(times_s - doubtful_s) / step_s < 2.6] = config.doubtful_weight
            if config.doubtful_weight:
                target = np.maximum(target, np.exp(-0.5 * ((times_s - doubtful_s) / step_s / spread) ** 2))
    distance = np.full(count, np.inf)
    for hit_s, force in zip(clip.hits_s + clip.shift_s, clip.velocity, strict=True):
        if not span[0] < hit_s < span[1]:
            continue
        away = (hit_s - times_s) / step_s
        target = np.maximum(target, np.exp(-0.5 * (away / spread) ** 2))
        closer = np.abs(away) < np.minimum(distance, 2.0)
        offset[closer], near[closer], velocity[closer] = away[closer], 1.0, force
        distance[closer] = np.abs(away)[closer]
        weight[np.abs(away) < 2.6] = 1.0
    weight[np.append(False, np.diff(times_s) <= 0)] = 0.0
    if config.margin:
        weight[: config.margin] = weight[-config.margin :] = 0.0
    near *= weight > 0
    return tuple(torch.from_numpy(a.astype(np.float32)) for a in (target, weight, offset, near, velocity))


def fit(frames: torch.Tensor) -> torch.Tensor:
    """Frames [T, H, W] at the training size."""
    if frames.shape[-2:] == (ROWS, COLUMNS):
        return frames
    return F.interpolate(frames[None], (ROWS, COLUMNS), mode="bilinear", align_corners=False, antialias=True)[0]


def vary_frames(frames: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Camera augmentation: crop, zoom, rotation, mirroring, shake, exposure, gamma, noise; to [T, ROWS, COLUMNS]."""
    count = len(frames)
    zoom = math.exp(random.uniform(math.log(0.6), math.log(1.15)))
    stretch = math.exp(random.normal(0, 0.08))
    angle = math.radians(float(np.clip(random.normal(0, 6), -15, 15)))
    mirror = -1.0 if random.random() < 0.5 else 1.0
    flip = -1.0 if random.random() < 0.04 else 1.0
    slack = max(0.0, 1.0 - zoom) + 0.05
    right, down = random.uniform(-slack, slack, 2)
    aspect = frames.shape[-1] / frames.shape[-2] * (ROWS / COLUMNS)
    cos, sin = math.cos(angle), math.sin(angle)
    a, b = zoom * stretch, zoom / stretch
    ratio = COLUMNS / ROWS
    turn = np.array(
        [[a * cos * mirror / max(aspect, 1.0), -b * sin / ratio], [a * sin * ratio * mirror, b * cos * flip]]
    )
    if random.random() < 0.2:  # a hand-held camera
        way = np.cumsum(random.normal(0, 1, (2, count)), axis=1)
        way = np.stack([np.convolve(w, np.hanning(15) / 7.0, mode="same") for w in way]) * random.uniform(0.001, 0.006)
        theta = np.tile(np.concatenate((turn, [[right], [down]]), axis=1), (count, 1, 1))
        theta[:, :, 2] += way.T
        grid = F.affine_grid(torch.from_numpy(theta).float(), [count, 1, ROWS, COLUMNS], align_corners=False)
        moved = F.grid_sample(frames[:, None], grid, padding_mode="reflection", align_corners=False)[:, 0]
    else:
        whole = torch.from_numpy(np.concatenate((turn, [[right], [down]]), axis=1)).float()[None]
        grid = F.affine_grid(whole, [1, 1, ROWS, COLUMNS], align_corners=False)
        moved = F.grid_sample(frames[None], grid, padding_mode="reflection", align_corners=False)[0]
    shade = (moved / 255.0).clamp(0, 1).pow(math.exp(random.normal(0, 0.25))) * 255.0
    shade = (shade - 128.0) * math.exp(random.normal(0, 0.2)) + 128.0 + random.normal(0, 15)
    if random.random() < 0.1:  # a light that changes
        shade = (
            shade
            * torch.from_numpy(1 + 0.3 * np.interp(np.arange(count), *_random_path(count, random))).float()[
                :, None, None
            ]
        )
    if random.random() < 0.1:
        shade = 255.0 - shade
    if random.random() < 0.5:
        shade = shade + torch.randn(shade.shape, generator=_fork(random)) * float(random.uniform(0.5, 4.0))
    return shade.clamp(0, 255).round()


def _random_path(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    at = np.sort(random.uniform(0, count, 6))
    return at, random.uniform(-1, 1, 6)


def _fork(random: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(random.integers(1 << 31)))


def repeat_frames(frames: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Some frames repeated in place of their successors, as by a conversion of the frame rate."""
    again = frames.clone()
    for at in random.integers(1, len(frames), random.integers(1, 5)):
        again[at] = again[at - 1]
    return again


def splice(first: list[torch.Tensor], second: list[torch.Tensor], at: int) -> list[torch.Tensor]:
    """A cut: one excerpt up to a frame, another from there. A cut is no hit; hits at it get no weight."""
    joined = [torch.cat((a[:at], b[at:])) for a, b in zip(first, second, strict=True)]
    halved = torch.cat((first[2][at : at + 2], second[2][at - 2 : at])).max() > 0.05
    if halved:
        joined[3][at - 2 : at + 2] = 0.0
        joined[5][at - 2 : at + 2] = 0.0
    return joined


def freeze(piece: list[torch.Tensor], random: np.random.Generator) -> list[torch.Tensor]:
    """A still picture with noise and without hits."""
    still = piece[0][:1].repeat(len(piece[0]), 1, 1)
    noise = torch.randn(still.shape, generator=_fork(random)) * float(random.uniform(0.3, 5.0))
    none = torch.zeros_like(piece[2])
    return [(still + noise).clamp(0, 255).round(), piece[1], none, piece[3].clamp_min(1.0), none, none, piece[6]]
