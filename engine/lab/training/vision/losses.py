"""What the sight network is asked for, as losses: where the contact is, what is struck, and whose sound lies near."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from engine.lab.data.vision.batches import Truth
from engine.vision.network import Told


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; sounds less than about ``alike_db`` apart count as nearly the same."""

    smoothing: float = 0.05
    size_weight: float = 0.3
    striker_weight: float = 0.2
    joint_weight: float = 0.25
    physics_weight: float = 0.3
    alike_db: float = 2.0


def finder_loss(heat: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Cross entropy of maps [B, R, C] against a spot of one cell's breadth at places [B, 2]; those outside left out."""
    rows, columns = heat.shape[-2:]
    inside = ((places > 0.0) & (places < 1.0)).all(dim=1)
    x = (torch.arange(columns) + 0.5)[None, None, :] - places[:, 0, None, None] * columns
    y = (torch.arange(rows) + 0.5)[None, :, None] - places[:, 1, None, None] * rows
    spot = (-0.5 * (x**2 + y**2)).flatten(1).softmax(dim=1).to(heat.device)
    each = -(spot * heat.flatten(1).log_softmax(dim=1)).sum(dim=1)
    keep = inside.to(heat.device)
    return (each * keep).sum() / keep.sum().clamp_min(1)


def told_loss(told: Told, truth: Truth, config: LossConfig) -> torch.Tensor:
    """Cross entropies of material and striker, and the absolute error of the size's logarithm, where known."""
    device = told.material.device
    material = F.cross_entropy(
        told.material, truth.material.to(device), ignore_index=-1, label_smoothing=config.smoothing
    )
    striker = F.cross_entropy(told.striker, truth.striker.to(device), ignore_index=-1, label_smoothing=config.smoothing)
    size = truth.size.to(device)
    known = torch.isfinite(size)
    error = F.smooth_l1_loss(told.size, size.nan_to_num(), reduction="none", beta=0.3)
    away = (error * known).sum() / known.sum().clamp_min(1)
    return material + config.striker_weight * striker.nan_to_num() + config.size_weight * away


def joint_loss(
    seen: torch.Tensor, heard: torch.Tensor, apart_db: torch.Tensor, sharpness: torch.Tensor, alike_db: float
) -> torch.Tensor:
    """Contrast of B seen hits [B, E] with all sounds [N, E]; how far these are from each hit's own is [B, N] in dB.

    Sounds that are alike share the target: asking that a hit's own be told from one that no ear tells apart would
    teach noise.
    """
    target = (-apart_db / alike_db).softmax(dim=1)
    logits = seen @ heard.T * sharpness.exp().clamp(1.0, 60.0)
    return -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()


def measure_apart(latents: torch.Tensor) -> torch.Tensor:
    """Distances of all latents [N, L] from each other, as ``latent_distance_db``, [N, N]."""
    even = latents - latents.mean(dim=1, keepdim=True)
    return torch.cdist(even, even) / math.sqrt(latents.shape[1])
