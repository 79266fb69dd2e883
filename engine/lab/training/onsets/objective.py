"""Training objective of the onset network: the loss, and the correction of its timing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from engine.onsets.network import OnsetNetwork
from engine.onsets.peaks import pick_peaks
from engine.onsets.watch import predict_frames

if TYPE_CHECKING:
    from engine.lab.data.onsets.batches import OnsetBatch
    from engine.lab.data.onsets.clips import OnsetClip
    from engine.lab.data.onsets.pack import PackedClip


def onset_loss(
    found: torch.Tensor,
    batch: OnsetBatch,
    hit_weight: float = 3.0,
    offset_weight: float = 0.3,
    velocity_weight: float = 0.3,
    relative_weight: float = 2.0,
) -> torch.Tensor:
    """Weighted cross entropy of the probability, plus offset and velocity errors at frames near a hit.

    The velocity's error is counted twice: as it is, and as the squared error of its deviation from the excerpt's mean,
    since how loud an object sounds cannot be seen, but which of its hits are harder can.
    """
    logit, offset, velocity = found.unbind(-1)
    weight = batch.weight * (1.0 + (hit_weight - 1.0) * batch.target)
    entropy = F.binary_cross_entropy_with_logits(logit, batch.target, weight=weight, reduction="sum")
    aside = F.smooth_l1_loss(offset, batch.offset, reduction="none", beta=0.3)
    known = batch.near * torch.isfinite(batch.velocity)
    force = velocity - batch.velocity.nan_to_num()
    share = known / known.sum(dim=1, keepdim=True).clamp_min(1.0)
    relative = force - (force * share).sum(dim=1, keepdim=True)
    return (
        4.0 * entropy / batch.weight.sum().clamp_min(1.0)
        + offset_weight * (aside * batch.near).sum() / batch.near.sum().clamp_min(1.0)
        + velocity_weight * (force.abs() * known).sum() / known.sum().clamp_min(1.0)
        + relative_weight * (relative.square() * known).sum() / known.sum().clamp_min(1.0)
    )


def center(network: OnsetNetwork, clips: Sequence[OnsetClip | PackedClip], most: int = 40) -> float:
    """Correct the network's offsets to a median error of 0 on simulated takes; returns the correction in frames.

    Real clips, whose sound and picture are not in sync, bias the offsets.
    """
    errors: list[float] = []
    for clip in [clip for clip in clips if not clip.real][:most]:
        found = predict_frames(network, clip.times_s, clip.frames)
        frame_s = float(np.median(np.diff(clip.times_s)))
        times = np.asarray([time_s for at, time_s in pick_peaks(clip.times_s, found) if found[at, 0] > 0.0])
        for hit_s in clip.hits_s:
            gaps = times - hit_s
            if len(gaps) and np.abs(gaps).min() < 2.0 * frame_s:
                errors.append(float(gaps[np.abs(gaps).argmin()]) / frame_s)
    moved = -float(np.median(errors)) if len(errors) >= 10 else 0.0
    with torch.no_grad():
        network.head.bias[1] += moved
    return moved
