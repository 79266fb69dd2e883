"""Losses of the vision network: contact heatmap, attributes of the object, and contrastive loss against sounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from engine.lab.data.vision.batches import Targets
from engine.vision.network import VisionOutput


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses."""

    smoothing: float = 0.05  # label smoothing
    size_weight: float = 0.3
    striker_weight: float = 0.2
    contrastive_weight: float = 0.25
    physics_weight: float = 0.3  # of the material predicted from the sound
    similar_db: float = 2.0  # temperature of the soft targets, see ``contrastive_loss``


def heatmap_loss(heatmaps: torch.Tensor, contacts: torch.Tensor) -> torch.Tensor:
    """Cross entropy of heatmaps [B, R, C] (logits) against a Gaussian, one cell wide, at contacts [B, 2].

    Contacts outside the picture are left out.
    """
    rows, columns = heatmaps.shape[-2:]
    inside = ((contacts > 0.0) & (contacts < 1.0)).all(dim=1)
    x = (torch.arange(columns) + 0.5)[None, None, :] - contacts[:, 0, None, None] * columns
    y = (torch.arange(rows) + 0.5)[None, :, None] - contacts[:, 1, None, None] * rows
    target = (-0.5 * (x**2 + y**2)).flatten(1).softmax(dim=1).to(heatmaps.device)
    each = -(target * heatmaps.flatten(1).log_softmax(dim=1)).sum(dim=1)
    keep = inside.to(heatmaps.device)
    return (each * keep).sum() / keep.sum().clamp_min(1)


def prediction_loss(output: VisionOutput, targets: Targets, config: LossConfig) -> torch.Tensor:
    """Cross entropies of material and striker, and the smooth L1 error of log sizes, each where the target is known."""
    device = output.material.device
    material = F.cross_entropy(
        output.material, targets.material.to(device), ignore_index=-1, label_smoothing=config.smoothing
    )
    striker = F.cross_entropy(
        output.striker, targets.striker.to(device), ignore_index=-1, label_smoothing=config.smoothing
    )
    size = targets.size.to(device)
    known = torch.isfinite(size)
    error = F.smooth_l1_loss(output.size, size.nan_to_num(), reduction="none", beta=0.3)
    size_error = (error * known).sum() / known.sum().clamp_min(1)
    return material + config.striker_weight * striker.nan_to_num() + config.size_weight * size_error


def contrastive_loss(
    hits: torch.Tensor, sounds: torch.Tensor, distances_db: torch.Tensor, logit_scale: torch.Tensor, similar_db: float
) -> torch.Tensor:
    """Cross entropy of hit embeddings [B, E] against all sound embeddings [N, E], with soft targets.

    ``distances_db`` [B, N] are from each hit's own sound; the target is the softmax of -distance / ``similar_db``, so
    that indistinguishable sounds share it. After Radford et al., ICML 2021 (CLIP), which has one-hot targets.
    """
    target = (-distances_db / similar_db).softmax(dim=1)
    logits = hits @ sounds.T * logit_scale.exp().clamp(1.0, 60.0)
    return -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()


def pairwise_distances_db(descriptors: torch.Tensor) -> torch.Tensor:
    """``descriptor_distance_db`` between all descriptors [N, L], [N, N]."""
    centred = descriptors - descriptors.mean(dim=1, keepdim=True)
    return torch.cdist(centred, centred) / math.sqrt(descriptors.shape[1])
