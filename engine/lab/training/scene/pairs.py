"""Pairs of a pack as training sees them: pictures cropped and mirrored, sounds changed as recordings differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from engine.lab.data.scene.pack import ScenePack
from engine.scene.hearing import FLOOR_DB
from engine.scene.network import SIDE
from engine.scene.picture import encode_pictures

VIEWS = 4
"""Crops of a picture whose features are kept."""
_SMALLEST = 0.75  # side of a crop
_GAIN_DB, _TILT_DB, _JITTER_DB = 6.0, 6.0, 1.5


@dataclass(frozen=True, eq=False)
class Pairs:
    """``pictures`` float [N, 3, SIDE, SIDE] from -1 to 1, ``features`` [N, VIEWS, F], ``sounds`` [N, BANDS, FRAMES];
    ``alike`` [N] numbers the pairs of one group and material, which are no negatives of each other.
    """

    pictures: torch.Tensor
    features: torch.Tensor
    sounds: torch.Tensor
    alike: torch.Tensor


def prepare_pairs(pack: ScenePack, random: torch.Generator) -> Pairs:
    """A pack's pairs, with the features of a few views of each picture."""
    pictures = torch.from_numpy(pack.pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    views = [pictures, *(crop_randomly(pictures, random) for _ in range(VIEWS - 1))]
    features = [encode_pictures(_to_bytes(view)) for view in views]
    names = [f"{group} {material}" for group, material in zip(pack.groups, pack.materials, strict=True)]
    _, alike = np.unique(names, return_inverse=True)
    sounds = torch.from_numpy(pack.sounds.astype(np.float32))
    return Pairs(pictures, torch.stack(features, dim=1), sounds, torch.from_numpy(alike))


def crop_randomly(pictures: torch.Tensor, random: torch.Generator, smallest: float = _SMALLEST) -> torch.Tensor:
    """Pictures [N, 3, SIDE, SIDE] each cropped to a share of at least ``smallest`` and mirrored at random."""
    count = len(pictures)
    scale = smallest + (1.0 - smallest) * torch.rand(count, generator=random)
    shift = (2.0 * torch.rand(count, 2, generator=random) - 1.0) * (1.0 - scale)[:, None]
    turn = torch.where(torch.rand(count, generator=random) < 0.5, -1.0, 1.0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = scale * turn, scale, shift
    grid = F.affine_grid(theta, [count, 3, SIDE, SIDE], align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def change_sounds(sounds: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Sounds [N, BANDS, FRAMES] with another level, tilt and noise, and a few bands silent."""
    count, bands, _ = sounds.shape

    def draw(*shape: int) -> torch.Tensor:
        return 2.0 * torch.rand(*shape, generator=random) - 1.0

    slope = torch.linspace(-0.5, 0.5, bands)[None, :, None]
    changed = sounds + _GAIN_DB * draw(count, 1, 1) + _TILT_DB * draw(count, 1, 1) * slope
    changed = changed + _JITTER_DB * torch.randn(sounds.shape, generator=random)
    floor = sounds.amax(dim=(1, 2), keepdim=True) - 60.0 + 15.0 * draw(count, 1, 1)
    first = torch.randint(bands, (count, 1, 1), generator=random)
    place = torch.arange(bands)[None, :, None]
    hidden = (place >= first) & (place < first + 6)
    return torch.where(hidden, floor, torch.maximum(changed, floor)).clamp_min(FLOOR_DB)


def _to_bytes(pictures: torch.Tensor) -> np.ndarray:
    shown = ((pictures + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(shown.permute(0, 2, 3, 1).numpy())
