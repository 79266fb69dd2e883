"""SyncFusion's onset network, reduced, as a baseline: R(2+1)D without temporal strides on 2 s at 15 frames a second.

Comunità et al. 2024, "SyncFusion: Multimodal Onset-Synchronized Video-to-Audio Foley Synthesis", ICASSP; Tran et al.
2018, "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR. Reduced: gray frames of 64 by 112
instead of colour frames of 112 by 112, an eighth of the channels.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from engine.core.checkpoint import CheckpointKind, build_config, read_checkpoint, write_checkpoint
from engine.lab.data.onsets.batches import fit, vary_frames
from engine.lab.data.onsets.clips import OnsetClip
from engine.onsets.track import Onset

RATE_HZ = 15
CHUNK = 30
SYNCFUSION = CheckpointKind(
    "onsets syncfusion",
    version=1,
    remedy="train one with `launch.py train onsets_baseline`",
    key_map={
        "across": "spatial",
        "between": "norm_in",
        "along": "temporal",
        "after": "norm_out",
        "past": "shortcut",
        "tell": "head",
    },
)


@dataclass(frozen=True)
class SyncFusionConfig:
    """Channels of the stem and of the four stages; a full network has 45 and 64, 128, 256, 512."""

    stem: int = 6
    widths: tuple[int, ...] = (8, 16, 32, 64)
    hidden: int = 128


class FactoredConv3d(nn.Module):
    """(2+1)D convolution: spatial, then temporal, with as many weights as the full 3D convolution."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        middle = in_channels * out_channels * 27 // (in_channels * 9 + out_channels * 3)
        self.spatial = nn.Conv3d(in_channels, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.norm_in = nn.BatchNorm3d(middle)
        self.temporal = nn.Conv3d(middle, out_channels, (3, 1, 1), 1, (1, 0, 0), bias=False)
        self.norm_out = nn.BatchNorm3d(out_channels)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[B, in_channels, T, H, W] to [B, out_channels, T, H / stride, W / stride]."""
        output: torch.Tensor = self.norm_out(self.temporal(F.relu(self.norm_in(self.spatial(values)))))
        return output


class Block(nn.Module):
    """Residual block of two factored convolutions."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.first = FactoredConv3d(in_channels, out_channels, stride)
        self.second = FactoredConv3d(out_channels, out_channels, 1)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels or stride != 1:
            shortcut = nn.Conv3d(in_channels, out_channels, 1, (1, stride, stride), bias=False)
            self.shortcut = nn.Sequential(shortcut, nn.BatchNorm3d(out_channels))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[B, in_channels, T, H, W] to [B, out_channels, T, H / stride, W / stride]."""
        return F.relu(self.second(F.relu(self.first(values))) + self.shortcut(values))


class SyncFusionNetwork(nn.Module):
    """R(2+1)D-18 with temporal strides of one and an MLP head at every frame."""

    def __init__(self, config: SyncFusionConfig | None = None) -> None:
        super().__init__()
        self.config = config or SyncFusionConfig()
        stem, widths = self.config.stem, self.config.widths
        self.stem = nn.Sequential(
            nn.Conv3d(1, stem, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(stem),
            nn.ReLU(),
            nn.Conv3d(stem, widths[0], (3, 1, 1), 1, (1, 0, 0), bias=False),
            nn.BatchNorm3d(widths[0]),
            nn.ReLU(),
        )
        plan = [(widths[0], widths[0], 1), *((a, b, 2) for a, b in itertools.pairwise(widths))]
        self.stages = nn.Sequential(*(m for a, b, s in plan for m in (Block(a, b, s), Block(b, b, 1))))
        self.head = nn.Sequential(
            nn.Linear(widths[-1], self.config.hidden), nn.ReLU(), nn.Linear(self.config.hidden, 1)
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Gray levels [B, T, H, W] to logits [B, T]."""
        values = self.stages(self.stem((frames[:, None] - 110.0) / 60.0))
        logits: torch.Tensor = self.head(values.mean(dim=(3, 4)).transpose(1, 2).float())
        return logits.squeeze(-1)


def take_chunk(times_s: np.ndarray, frames: np.ndarray, first_s: float) -> np.ndarray:
    """The frames shown at RATE_HZ for two seconds from a time, uint8 [CHUNK, H, W]."""
    at = first_s + np.arange(CHUNK) / RATE_HZ
    return frames[np.clip(np.searchsorted(times_s, at + 1e-4, "right") - 1, 0, len(frames) - 1)]


def draw_chunks(
    clips: Sequence[OnsetClip], size: int, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Augmented chunks [size, CHUNK, H, W] and their labels [size, CHUNK], 1 at frames with a hit."""
    lengths = np.asarray([clip.duration_s for clip in clips])
    frames, labels = [], []
    for _ in range(size):
        clip = clips[int(random.choice(len(clips), p=lengths / lengths.sum()))]
        first_s = float(random.uniform(0.0, max(0.01, clip.duration_s - CHUNK / RATE_HZ)))
        chunk = take_chunk(clip.times_s, clip.frames, first_s).astype(np.float32)
        frames.append(vary_frames(torch.from_numpy(chunk), random))
        index = np.floor((clip.hits_s + clip.shift_s - first_s) * RATE_HZ).astype(int)
        label = np.zeros(CHUNK, np.float32)
        label[index[(index >= 0) & (index < CHUNK)]] = 1.0
        labels.append(torch.from_numpy(label))
    return torch.stack(frames), torch.stack(labels)


def balanced_loss(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy in which hits weigh as much as all other frames of the batch."""
    hits = label.sum().clamp_min(1.0)
    return F.binary_cross_entropy_with_logits(logit, label, pos_weight=(label.numel() - hits) / hits)


@torch.inference_mode()
def detect_with_syncfusion(
    network: SyncFusionNetwork, times_s: np.ndarray, frames: np.ndarray, duration_s: float
) -> list[Onset]:
    """Detect onsets in small frames [N, H, W], in chunks of two seconds: local maxima of the probability."""
    starts = np.arange(0.0, duration_s, CHUNK / RATE_HZ)
    chunks = [fit(torch.from_numpy(take_chunk(times_s, frames, float(s)).astype(np.float32))) for s in starts]
    probability = torch.cat([torch.sigmoid(network(part)) for part in torch.stack(chunks).split(4)]).flatten().numpy()
    padded = np.pad(probability, 1, constant_values=-1.0)
    peaks = np.flatnonzero((probability >= padded[:-2]) & (probability > padded[2:]))
    return [Onset((k + 0.5) / RATE_HZ, float(probability[k])) for k in peaks if (k + 0.5) / RATE_HZ < duration_s]


def save_syncfusion(folder: Path, network: SyncFusionNetwork, training: dict) -> None:
    """Write a checkpoint, weights in single precision."""
    config = {"network": asdict(network.config), "training": training}
    write_checkpoint(folder, SYNCFUSION, network, torch.float32, config)


def load_syncfusion(folder: Path) -> tuple[SyncFusionNetwork, frozenset[str]]:
    """Load a network and the recording days left out of its training. Raises BadInput."""
    network, config = read_checkpoint(
        folder, SYNCFUSION, lambda config: SyncFusionNetwork(build_config(SyncFusionConfig, config.get("network", {})))
    )
    return network.eval().requires_grad_(False), frozenset(config["training"].get("left_out", ()))
