"""Augmented training batches of frames and targets for the vision network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from engine.bank.bank import STRIKERS
from engine.lab.data.vision.hits import KEPT_NEAR, KEPT_WIDE, HitFrames
from engine.physics.model import MATERIALS
from engine.vision.crops import CROP, NEAR_STEPS, SCALES, WIDE_STEPS, cut_crops
from engine.vision.network import TYPICAL_SIZE_M


@dataclass(frozen=True)
class Augmentation:
    """Strength of augmentation: standard deviations, unless noted; crops are mirrored at random too."""

    shift: float = 0.03  # of the contact, in shares of the picture
    zoom: float = 0.3  # of log scale
    rotation_rad: float = 0.25
    gain: float = 0.15  # of log contrast and log gamma
    tint: float = 0.06  # of each channel's log gain
    noise: float = 0.03  # largest, of colours 0 to 1
    late: int = 2  # largest shift of the onset, in frames


@dataclass(frozen=True)
class Targets:
    """Targets for B hits; unknown classes are -1, unknown numbers NaN."""

    material: torch.Tensor  # [B], index in MATERIALS
    striker: torch.Tensor  # [B], index in STRIKERS
    size: torch.Tensor  # [B], natural logarithm of metres over TYPICAL_SIZE_M
    contact: torch.Tensor  # [B, 2], x and y as shares of the picture


def make_targets(dataset: HitFrames, index: Sequence[int] | np.ndarray) -> Targets:
    """Targets of the hits at these indices."""
    hits = [dataset.hits[int(k)] for k in index]
    sizes = np.asarray([hit.size_m for hit in hits], np.float32)
    return Targets(
        torch.tensor([MATERIALS.index(hit.material) if hit.material else -1 for hit in hits]),
        torch.tensor([STRIKERS.index(hit.striker) if hit.striker in STRIKERS else -1 for hit in hits]),
        torch.from_numpy(np.log(sizes / TYPICAL_SIZE_M)),
        torch.tensor([(hit.x, hit.y) for hit in hits], dtype=torch.float32),
    )


def sampling_weights(dataset: HitFrames, real_share: float, evenness: float = 0.5) -> np.ndarray:
    """Probability of drawing each hit, [N], with a share of real hits where there are both kinds.

    A hit's weight is its material's count to the power -``evenness``, over the root of its object's number of hits.
    """
    groups = np.asarray([f"{hit.real} {hit.material}" for hit in dataset.hits])
    objects = np.asarray([hit.object for hit in dataset.hits])
    real = np.asarray([hit.real for hit in dataset.hits])
    _, group_index, count = np.unique(groups, return_inverse=True, return_counts=True)
    _, object_index, hits = np.unique(objects, return_inverse=True, return_counts=True)
    weight = count[group_index] ** -evenness * hits[object_index] ** -0.5
    if real.any() and (~real).any():
        weight[real] *= real_share / weight[real].sum()
        weight[~real] *= (1.0 - real_share) / weight[~real].sum()
    chances: np.ndarray = weight / weight.sum()
    return chances


def draw_gray_frames(
    dataset: HitFrames, index: np.ndarray, random: np.random.Generator, augmentation: Augmentation | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gray levels [B, W, R, C] of hits, augmented unless ``augmentation`` is None, and their contacts [B, 2]."""
    contacts = make_targets(dataset, index).contact
    rows = []
    for at, k in enumerate(index):
        shift = int(random.integers(-augmentation.late, augmentation.late + 1)) if augmentation else 0
        steps = [KEPT_WIDE.index(step + shift) for step in WIDE_STEPS]
        frames = torch.from_numpy(np.asarray(dataset.wide[k])[steps].astype(np.float32))
        if augmentation:
            frames, contacts[at] = _augment_gray_frames(frames, contacts[at], random)
        rows.append(frames)
    return torch.stack(rows), contacts


def _augment_gray_frames(
    frames: torch.Tensor, contact: torch.Tensor, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames [W, R, C] zoomed, mirrored, and with other exposure and noise; and the contact transformed alike."""
    zoom = torch.from_numpy(np.exp(random.uniform(-0.35, 0.15, 2)).astype(np.float32))
    centre = 0.5 + (contact - 0.5) * 0.6 + torch.from_numpy(random.normal(0.0, 0.12, 2).astype(np.float32))
    mirror = -1.0 if random.random() < 0.5 else 1.0
    theta = torch.tensor([[mirror * zoom[0], 0.0, 2 * centre[0] - 1], [0.0, zoom[1], 2 * centre[1] - 1]])
    grid = F.affine_grid(theta[None], [1, 1, *frames.shape[1:]], align_corners=False)
    moved = F.grid_sample(frames[None], grid, padding_mode="reflection", align_corners=False)[0]
    found = torch.stack(((contact[0] - centre[0]) / zoom[0] * mirror + 0.5, (contact[1] - centre[1]) / zoom[1] + 0.5))
    gain, lift, noise = random.uniform(0.6, 1.4), random.normal(0.0, 20.0), random.uniform(0.0, 8.0)
    drift = np.cumsum(random.normal(0.0, random.choice((0.0, 1.5)), len(frames)))[:, None, None]
    moved = gain * moved + lift + noise * torch.randn_like(moved) + torch.from_numpy(drift.astype(np.float32))
    return moved.clamp(0.0, 255.0), found


def draw_crops(
    dataset: HitFrames,
    index: np.ndarray,
    random: np.random.Generator,
    augmentation: Augmentation | None,
    size: int = CROP,
    sides: tuple[float, ...] = SCALES,
) -> torch.Tensor:
    """Colour crops [B, S, N, 3, size, size], 0 to 1, at the contacts of hits, augmented unless it is None.

    ``sides`` [S] are those of the crops as shares of the picture's shorter side.
    """
    near, contacts = [], make_targets(dataset, index).contact
    per_step = len(KEPT_NEAR) // len(NEAR_STEPS)
    for k in index:
        steps = [KEPT_NEAR.index(step) for step in NEAR_STEPS]
        if augmentation:
            steps = [per_step * n + int(random.integers(per_step)) for n in range(len(NEAR_STEPS))]
        near.append(torch.from_numpy(np.asarray(dataset.near[k])[steps]))
    frames = torch.stack(near).permute(0, 1, 4, 2, 3).float() / 255.0
    count = len(index)
    scales = torch.tensor(sides).expand(count, -1).clone()
    if augmentation is None:
        return cut_crops(frames, contacts, scales, size=size)

    def draw(spread: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(random.normal(0.0, spread, (count, *shape)).astype(np.float32))

    mirror = torch.from_numpy(random.choice((-1.0, 1.0), (count, 1)).astype(np.float32))
    crops = cut_crops(
        frames,
        contacts + draw(augmentation.shift, 2),
        scales * torch.exp(draw(augmentation.zoom, 1)) * mirror,
        draw(augmentation.rotation_rad),
        size,
    )
    return augment_colours(crops, augmentation, random)


def augment_colours(crops: torch.Tensor, augmentation: Augmentation, random: np.random.Generator) -> torch.Tensor:
    """Crops [B, S, N, 3, P, P] with random saturation, contrast, tint, gamma, blur and noise, one draw for each hit."""
    count = len(crops)

    def each(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).view(count, 1, 1, -1, 1, 1)

    gray = crops.mean(dim=3, keepdim=True)
    mean = crops.mean(dim=(1, 2, 3, 4, 5), keepdim=True)
    crops = gray + (crops - gray) * each(random.uniform(0.6, 1.3, count))
    crops = mean + (crops - mean) * each(np.exp(random.normal(0.0, augmentation.gain, count)))
    crops = crops * each(np.exp(random.normal(0.0, augmentation.tint, (count, 3)))) + each(
        random.normal(0.0, 0.04, count)
    )
    crops = crops.clamp(0.0, 1.0) ** each(np.exp(random.normal(0.0, augmentation.gain, count)))
    if random.random() < 0.3:  # a blurred or strongly compressed picture
        flat = crops.flatten(0, 2)
        small = F.interpolate(flat, scale_factor=float(random.uniform(0.4, 0.8)), mode="area")
        crops = F.interpolate(small, flat.shape[-2:], mode="bilinear", align_corners=False).view_as(crops)
    return crops + augmentation.noise * float(random.random()) * torch.randn_like(crops)
