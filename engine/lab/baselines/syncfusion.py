"""SyncFusion's onset network, reduced, as a baseline: R(2+1)D without temporal strides on 2 s at 15 frames a second.

Comunità et al. 2024, "SyncFusion: Multimodal Onset-Synchronized Video-to-Audio Foley Synthesis", ICASSP; Tran et al.
2018, "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR. Reduced: gray pictures of 64 by 112
instead of colour ones of 112 by 112, an eighth of the channels.
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
SYNCFUSION = CheckpointKind("onsets syncfusion", version=1, remedy="train one with `launch.py train onsets_baseline`")


@dataclass(frozen=True)
class SyncFusionConfig:
    """Channels of the stem and of the four stages; a full network has 45 and 64, 128, 256, 512."""

    stem: int = 6
    widths: tuple[int, ...] = (8, 16, 32, 64)
    hidden: int = 128


class Factored(nn.Module):
    """A convolution over the picture, then one over time, with as many weights between as a full one has."""

    def __init__(self, given: int, made: int, stride: int) -> None:
        super().__init__()
        middle = given * made * 27 // (given * 9 + made * 3)
        self.across = nn.Conv3d(given, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.between = nn.BatchNorm3d(middle)
        self.along = nn.Conv3d(middle, made, (3, 1, 1), 1, (1, 0, 0), bias=False)
        self.after = nn.BatchNorm3d(made)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[B, given, T, H, W] to [B, made, T, H / stride, W / stride]."""
        told: torch.Tensor = self.after(self.along(F.relu(self.between(self.across(values)))))
        return told


class Block(nn.Module):
    """Two factored convolutions and a way past them."""

    def __init__(self, given: int, made: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = Factored(given, made, stride), Factored(made, made, 1)
        self.past: nn.Module = nn.Identity()
        if given != made or stride != 1:
            past = nn.Conv3d(given, made, 1, (1, stride, stride), bias=False)
            self.past = nn.Sequential(past, nn.BatchNorm3d(made))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[B, given, T, H, W] to [B, made, T, H / stride, W / stride]."""
        return F.relu(self.second(F.relu(self.first(values))) + self.past(values))


class SyncFusionNetwork(nn.Module):
    """R(2+1)D-18 with temporal strides of one and a perceptron at every frame."""

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
        self.tell = nn.Sequential(
            nn.Linear(widths[-1], self.config.hidden), nn.ReLU(), nn.Linear(self.config.hidden, 1)
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Gray levels [B, T, H, W] to logits [B, T]."""
        values = self.stages(self.stem((frames[:, None] - 110.0) / 60.0))
        told: torch.Tensor = self.tell(values.mean(dim=(3, 4)).transpose(1, 2).float())
        return told.squeeze(-1)


def take_chunk(times_s: np.ndarray, frames: np.ndarray, first_s: float) -> np.ndarray:
    """The frames shown at RATE_HZ for two seconds from a time, uint8 [CHUNK, H, W]."""
    at = first_s + np.arange(CHUNK) / RATE_HZ
    return frames[np.clip(np.searchsorted(times_s, at + 1e-4, "right") - 1, 0, len(frames) - 1)]


def draw_chunks(
    clips: Sequence[OnsetClip], size: int, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Varied chunks [size, CHUNK, H, W], and 1 at the frames in which a hit is labelled [size, CHUNK]."""
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
    """Cross entropy in which hits weigh as much as all other frames of the batch."""
    hits = label.sum().clamp_min(1.0)
    return F.binary_cross_entropy_with_logits(logit, label, pos_weight=(label.numel() - hits) / hits)


@torch.inference_mode()
def detect_with_syncfusion(
    network: SyncFusionNetwork, times_s: np.ndarray, frames: np.ndarray, duration_s: float
) -> list[Onset]:
    """Candidates in small frames [N, H, W], in pieces of two seconds: frames likelier than their neighbours."""
    starts = np.arange(0.0, duration_s, CHUNK / RATE_HZ)
    chunks = [fit(torch.from_numpy(take_chunk(times_s, frames, float(s)).astype(np.float32))) for s in starts]
    told = torch.cat([torch.sigmoid(network(part)) for part in torch.stack(chunks).split(4)]).flatten().numpy()
    padded = np.pad(told, 1, constant_values=-1.0)
    tops = np.flatnonzero((told >= padded[:-2]) & (told > padded[2:]))
    return [Onset((k + 0.5) / RATE_HZ, float(told[k])) for k in tops if (k + 0.5) / RATE_HZ < duration_s]


def save_syncfusion(folder: Path, network: SyncFusionNetwork, training: dict) -> None:
    """Write a network's weights and how it was trained."""
    config = {"network": asdict(network.config), "training": training}
    write_checkpoint(folder, SYNCFUSION, network, torch.float32, config)


def load_syncfusion(folder: Path) -> tuple[SyncFusionNetwork, frozenset[str]]:
    """A network and the days it has not learnt from. Raises BadInput."""
    network, config = read_checkpoint(
        folder, SYNCFUSION, lambda config: SyncFusionNetwork(build_config(SyncFusionConfig, config.get("network", {})))
    )
    return network.eval().requires_grad_(False), frozenset(config["training"].get("left_out", ()))
