"""Training batches of the onset network, cut, augmented and labelled on the device that holds all clips."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from engine.lab.data.onsets.batches import OnsetBatch
from engine.lab.data.onsets.pack import PackedClip

NEVER_S = 1e6
SPREAD_REAL, SPREAD_SIMULATED = 1.0, 0.7
"""Width in frames of the target about a hit."""
CLOSE_FRAMES, DOUBTFUL_FRAMES = 2.0, 2.6
MARGIN_FRAMES = 6
SKIP_BLOCK = 8


class FilmStore:
    """All clips' frames [N, H, W] uint8 on a device, padded to the largest side, and their labels [clips, hits]."""

    def __init__(self, clips: Sequence[PackedClip], device: torch.device) -> None:
        self.clips, self.device = list(clips), device
        rows, columns = (max(clip.frames.shape[axis] for clip in clips) for axis in (1, 2))
        self.frames = torch.empty((sum(len(clip.frames) for clip in clips), rows, columns), dtype=torch.uint8)
        self.first, at = np.zeros(len(clips), np.int64), 0
        for index, clip in enumerate(clips):
            rest = (rows - clip.frames.shape[1], columns - clip.frames.shape[2])
            padded = np.pad(clip.frames, ((0, 0), (0, rest[0]), (0, rest[1])), mode="edge")
            self.frames[at : at + len(padded)] = torch.from_numpy(padded)
            self.first[index] = at
            at += len(padded)
        self.frames = self.frames.to(device)
        self.count = np.asarray([len(clip.frames) for clip in clips])
        self.rate_hz = np.asarray([1.0 / max(1e-3, float(np.median(np.diff(clip.times_s)))) for clip in clips])
        self.size = np.asarray([clip.frames.shape[1:] for clip in clips], np.float64)
        self.real = np.asarray([clip.real for clip in clips])
        self.weight = np.asarray([clip.weight * min(len(clip.frames), 1000) for clip in clips], np.float64)
        self.times = self._to_device(np.concatenate([clip.times_s for clip in clips]))
        self.hits = self._pad([clip.hits_s for clip in clips], NEVER_S)
        self.confidence = self._pad([clip.confidence for clip in clips], 0.0)
        self.velocity = self._pad([clip.velocity for clip in clips], math.nan)
        self.doubtful = self._pad([clip.doubtful_s for clip in clips], NEVER_S)
        self.spread = self._to_device(np.where(self.real, SPREAD_REAL, SPREAD_SIMULATED))

    def _to_device(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self.device)

    def _pad(self, rows: Sequence[np.ndarray], value: float) -> torch.Tensor:
        width = max(1, *(len(row) for row in rows))
        return self._to_device(np.stack([np.pad(row, (0, width - len(row)), constant_values=value) for row in rows]))


def draw_device_batch(
    store: FilmStore,
    chosen: np.ndarray,
    shifts_s: np.ndarray,
    count: int,
    size: int,
    shape: tuple[int, int],
    real_share: float,
    random: np.random.Generator,
) -> OnsetBatch:
    """``size`` augmented excerpts of ``count`` frames of ``shape``, of the ``chosen`` clips (indices).

    ``real_share`` of them are of real clips where there are both kinds. ``shifts_s`` [clips] moves each clip's labels.
    """
    real, made = chosen[store.real[chosen]], chosen[~store.real[chosen]]
    from_real = (random.random(size) < real_share) if len(real) and len(made) else np.full(size, len(real) > 0)
    clip = np.asarray([_draw_clip(store, real if is_real else made, random) for is_real in from_real])
    index, warp = _draw_frames(store, clip, count, random)
    device = store.device
    at = torch.from_numpy(store.first[clip][:, None] + np.floor(index).astype(np.int64)).to(device)
    part = store._to_device(index - np.floor(index))
    frames = store.frames[at.flatten()].view(size, count, *store.frames.shape[1:]).float()
    following = torch.minimum(at + 1, torch.from_numpy(store.first[clip] + store.count[clip] - 1).to(device)[:, None])
    times = torch.lerp(store.times[at], store.times[following], part)
    steps = torch.diff(times, dim=1)
    interval = torch.cat((steps, steps[:, -1:]), dim=1)
    blended = np.flatnonzero((index % 1.0).any(axis=1) & (random.random(size) < 0.3))
    for k in blended.tolist():
        frames[k].lerp_(store.frames[following[k]].float(), part[k][:, None, None])
    rows = torch.from_numpy(clip).to(device)
    labels = label_pieces(store, rows, times, interval, store._to_device(shifts_s)[rows])
    frames = vary_view(frames, store.size[clip], shape, random)
    frames = vary_exposure(frames, random)
    batch = OnsetBatch(frames, interval * store._to_device(warp)[:, None], *labels)
    batch = splice_pieces(batch, random)
    return freeze_pieces(OnsetBatch(spoil_frames(batch.frames, random), *list(vars(batch).values())[1:]), random)


def _draw_clip(store: FilmStore, group: np.ndarray, random: np.random.Generator) -> int:
    weight = store.weight[group]
    return int(group[np.searchsorted(np.cumsum(weight) / weight.sum(), random.random()).clip(0, len(group) - 1)])


def _draw_frames(
    store: FilmStore, clip: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Frames of each excerpt as positions in its clip [B, count], and the factor by which each is slowed [B].

    Mostly consecutive ones, sometimes every second or third of a fast clip, or as converted to another frame rate.
    """
    positions = []
    for k in clip:
        rate_hz = store.rate_hz[k]
        strides = [s for s in (1, 2, 3) if rate_hz / s > 14.0] or [1]
        chances = np.asarray([1.0, 0.25 if rate_hz < 45 else 1.0, 0.1][: len(strides)])
        stride = float(random.choice(strides, p=chances / chances.sum()))
        if random.random() < 0.15:
            stride *= math.exp(random.uniform(-0.35, 0.35))
        first = int(random.integers(0, max(1, int(store.count[k] - count * stride + 1))))
        positions.append(np.minimum(first + stride * np.arange(count), store.count[k] - 1))
    return np.stack(positions), np.exp(random.normal(0, 0.12, len(clip)))


def label_pieces(
    store: FilmStore, rows: torch.Tensor, times: torch.Tensor, interval: torch.Tensor, shift: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Target, weight, offset, nearness and velocity [B, T] of frames at ``times`` of the clips ``rows`` [B]."""
    step = interval.clamp_min(1e-3)[:, :, None]
    away = ((store.hits[rows] + shift[:, None])[:, None, :] - times[:, :, None]) / step
    confidence = store.confidence[rows][:, None, :]
    bumps = confidence * torch.exp(-0.5 * (away / store.spread[rows][:, None, None]) ** 2)
    target = bumps.amax(dim=2)
    doubtful = ((store.doubtful[rows] + shift[:, None])[:, None, :] - times[:, :, None]).abs() / step
    weight = 1.0 - (doubtful.amin(dim=2) < DOUBTFUL_FRAMES).float()
    weight = torch.where((away.abs() < DOUBTFUL_FRAMES).any(dim=2), 1.0, weight)
    nearest = away.abs().argmin(dim=2, keepdim=True)
    offset = away.gather(2, nearest)[..., 0]
    velocity = store.velocity[rows][:, None, :].expand_as(away).gather(2, nearest)[..., 0]
    sure = confidence.expand_as(away).gather(2, nearest)[..., 0] > 0.6
    weight[:, 1:] *= (interval[:, :-1] > 0).float()
    weight[:, :MARGIN_FRAMES] = 0.0
    weight[:, -MARGIN_FRAMES:] = 0.0
    near = ((offset.abs() < CLOSE_FRAMES) & sure).float() * (weight > 0)
    return target, weight, offset * near, near, velocity


def vary_view(
    frames: torch.Tensor, sizes: np.ndarray, shape: tuple[int, int], random: np.random.Generator
) -> torch.Tensor:
    """Camera augmentation: crop, zoom, rotation, mirroring, shake; padded frames [B, T, H, W] to [B, T, *shape].

    ``sizes`` [B, 2] are the rows and columns of the frames without padding.
    """
    size, count = frames.shape[:2]
    thetas = np.zeros((size, count, 2, 3))
    for k in range(size):
        zoom = math.exp(random.uniform(math.log(0.65), math.log(1.15)))
        stretch = math.exp(random.normal(0, 0.08))
        angle = math.radians(float(np.clip(random.normal(0, 6), -15, 15)))
        mirror = -1.0 if random.random() < 0.5 else 1.0
        flip = -1.0 if random.random() < 0.04 else 1.0
        slack = max(0.0, 1.0 - zoom) + 0.05
        high, wide = shape[0] / sizes[k][0] * zoom / stretch, shape[1] / sizes[k][1] * zoom * stretch
        scale = min(1.0, 1.1 / max(high / zoom, wide / zoom))
        cos, sin = math.cos(angle), math.sin(angle)
        ratio = shape[1] / shape[0]
        thetas[k, :, 0] = wide * scale * cos * mirror, -wide * scale * sin / ratio, random.uniform(-slack, slack)
        thetas[k, :, 1] = high * scale * sin * ratio * mirror, high * scale * cos * flip, random.uniform(-slack, slack)
        if random.random() < 0.2:  # a hand-held camera
            way = np.cumsum(random.normal(0, 1, (2, count)), axis=1)
            way = np.stack([np.convolve(w, np.hanning(15) / 7.0, mode="same")[:count] for w in way])
            thetas[k, :, :, 2] += way.T * random.uniform(0.001, 0.006)
    steady = (thetas == thetas[:, :1]).all(axis=(1, 2, 3))
    varied = torch.empty(size, count, *shape, device=frames.device)
    for chosen in (np.flatnonzero(steady), np.flatnonzero(~steady)):
        if len(chosen):  # one view of all frames of an excerpt where the camera stands, else one of each frame
            views = thetas[chosen, :1] if steady[chosen[0]] else thetas[chosen]
            varied[chosen] = _sample_views(frames[chosen], views, sizes[chosen], shape).view(-1, count, *shape)
    return varied


def _sample_views(frames: torch.Tensor, thetas: np.ndarray, sizes: np.ndarray, shape: tuple[int, int]) -> torch.Tensor:
    """Frames [B, T, H, W] seen by affine views [B, V, 2, 3], V being 1 or T; [B * V, T / V, *shape]."""
    count = thetas.shape[1]
    theta = torch.from_numpy(thetas.reshape(-1, 2, 3).astype(np.float32)).to(frames.device)
    grid = F.affine_grid(theta, [len(theta), 1, *shape], align_corners=False)
    inside = (torch.remainder(grid - 1.0, 4.0) - 2.0).abs() - 1.0  # reflected at the borders of the filled part
    filled = np.repeat(sizes[:, ::-1] / np.asarray(frames.shape[:1:-1]), count, axis=0)
    share = torch.from_numpy(filled.astype(np.float32)).to(frames.device)[:, None, None, :]
    placed = (inside + 1.0) * share - 1.0
    shown = frames.reshape(len(theta), -1, *frames.shape[2:])
    return F.grid_sample(shown, placed, padding_mode="border", align_corners=False)


def vary_exposure(frames: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Gamma, contrast, brightness, sometimes a changing light or a negative; gray levels [B, T, H, W]."""
    size, count = frames.shape[:2]

    def each(values: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.asarray(values, np.float32)).to(frames.device)
        return tensor.view(size, -1, 1, 1)

    shade = (frames / 255.0).clamp(0, 1).pow(each(np.exp(random.normal(0, 0.25, size)))) * 255.0
    shade = (shade - 128.0) * each(np.exp(random.normal(0, 0.2, size))) + 128.0 + each(random.normal(0, 15, size))
    light = np.ones((size, count))
    for k in np.flatnonzero(random.random(size) < 0.1):
        path = np.interp(np.arange(count), np.sort(random.uniform(0, count, 6)), random.uniform(-1, 1, 6))
        light[k] += 0.3 * path
    shade = shade * each(light)
    sign = np.where(random.random(size) < 0.08, -1.0, 1.0)
    return shade * each(sign) + each(np.where(sign < 0, 255.0, 0.0))


def spoil_frames(frames: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Noise, blur in space and time, skipped codec blocks, repeated frames; gray levels [B, T, H, W]."""
    size, count, rows, columns = frames.shape
    spoilt = frames.clone()
    for k in range(size):
        chance = random.random(4)
        if chance[0] < 0.2:  # out of focus, or enlarged
            factor = float(random.uniform(0.4, 0.9))
            small = (max(8, round(rows * factor)), max(8, round(columns * factor)))
            shrunk = F.interpolate(spoilt[k][None], small, mode="bilinear", antialias=True, align_corners=False)
            spoilt[k] = F.interpolate(shrunk, (rows, columns), mode="bilinear", align_corners=False)[0]
        if chance[1] < 0.08:  # a slow shutter
            spoilt[k, 1:] = 0.5 * (spoilt[k, 1:] + spoilt[k, :-1])
        if chance[2] < 0.15:  # blocks that change little are left as they were
            change = (spoilt[k, 1:] - spoilt[k, :-1]).abs()[:, None]
            block = F.avg_pool2d(change, SKIP_BLOCK, SKIP_BLOCK, ceil_mode=True, count_include_pad=False)
            still = F.interpolate(block, scale_factor=SKIP_BLOCK)[:, 0, :rows, :columns] < random.uniform(0.5, 3.0)
            spoilt[k, 1:] = torch.where(still, spoilt[k, :-1], spoilt[k, 1:])
        if chance[3] < 0.15:
            for at in random.integers(1, count, random.integers(1, 5)):
                spoilt[k, at] = spoilt[k, at - 1]
    level = np.where(random.random(size) < 0.5, random.uniform(0.5, 5.0, size), 0.0).astype(np.float32)
    noise = torch.randn_like(spoilt) * torch.from_numpy(level).to(frames.device)[:, None, None, None]
    return (spoilt + noise).clamp(0, 255).round()


def splice_pieces(batch: OnsetBatch, random: np.random.Generator, share: float = 0.12) -> OnsetBatch:
    """Some excerpts cut to another in the middle. A cut is no hit; hits at it get no weight."""
    size, count = batch.target.shape
    at = np.where(random.random(size) < share, random.integers(10, count - 10, size), count)
    cut = torch.from_numpy(at).to(batch.target.device)[:, None]
    place = torch.arange(count, device=batch.target.device)[None, :]
    after = place >= cut
    joined = []
    for value in vars(batch).values():
        mask = after if value.ndim == 2 else after[:, :, None, None]
        joined.append(torch.where(mask, value.roll(1, dims=0), value))
    spliced = OnsetBatch(*joined)
    beside = (place - cut + 0.5).abs() < 2.0
    halved = beside & (torch.maximum(batch.target, batch.target.roll(1, dims=0)) > 0.05)
    return OnsetBatch(
        spliced.frames,
        spliced.interval_s,
        spliced.target,
        torch.where(halved, 0.0, spliced.weight),
        spliced.offset,
        torch.where(halved, 0.0, spliced.near),
        spliced.velocity,
    )


def freeze_pieces(batch: OnsetBatch, random: np.random.Generator, share: float = 0.02) -> OnsetBatch:
    """Some excerpts replaced by a still picture with noise and without hits."""
    for k in np.flatnonzero(random.random(len(batch.target)) < share).tolist():
        still = batch.frames[k, :1].expand_as(batch.frames[k])
        noise = torch.randn_like(batch.frames[k]) * float(random.uniform(0.3, 5.0))
        batch.frames[k] = (still + noise).clamp(0, 255).round()
        batch.target[k], batch.near[k], batch.weight[k] = 0.0, 0.0, 1.0
    return batch
