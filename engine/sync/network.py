"""Sync network: whether a stretch of picture and a stretch of sound belong together at a lag.

Two small convolutional towers give an embedding of what is seen and of what is heard at every 10 ms; their inner
product at a lag, summed over a stretch, is the evidence for it. So one pass judges every lag, and a stretch of any
length. Trained by InfoNCE over the lags and a learnt threshold for sounds that belong to none (van den Oord et al.
2018, "Representation learning with contrastive predictive coding").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from engine.core.checkpoint import CheckpointKind, build_config, read_checkpoint, write_checkpoint
from engine.onsets.track import Onset
from engine.sync.bands import BANDS, RATE_HZ, normalize_bands
from engine.sync.score_map import BIN_S, LAGS_S, MAX_LAG_S, ScoreMap

SYNC = CheckpointKind("sync", version=1, remedy="restore it, or take {folder} away to have onsets alone compared")
SEEN_CHANNELS, HEARD_CHANNELS = 3, 2 * BANDS + 2
MAX_LAG = round(MAX_LAG_S * RATE_HZ)
"""Lags in steps of 1 / RATE_HZ on either side."""
NARROW_S, WIDE_S = 0.012, 0.03
"""Standard deviations of the bumps that onsets are drawn as."""
RISE_STEPS = 2
_CHUNK = 20_000


@dataclass(frozen=True)
class SyncNetworkConfig:
    """Channels and dilations of the towers, and the size of the embeddings."""

    width: int = 24
    embedding: int = 16
    dilations: tuple[int, ...] = (1, 2, 4)
    dropout: float = 0.1


def draw_seen(seen: Sequence[Onset], count: int) -> np.ndarray:
    """What is seen, float32 [SEEN_CHANNELS, count]: onsets by strength as narrow and wide bumps, and by velocity."""
    strength = [(onset.time_s, onset.strength) for onset in seen]
    force = [(onset.time_s, onset.strength * (onset.velocity or 0.0)) for onset in seen]
    return np.stack([_draw(strength, count, NARROW_S), _draw(strength, count, WIDE_S), _draw(force, count, NARROW_S)])


def draw_heard(heard: Sequence[Onset], bands_db: np.ndarray | None, count: int) -> np.ndarray:
    """What is heard, float32 [HEARD_CHANNELS, count]: levels and rises of bands, onsets, and whether bands are known.

    Without ``bands_db`` [N, BANDS] (a list of hits that no sound was rendered of) those channels are 0.
    """
    levels = np.zeros((count, BANDS), np.float32)
    if bands_db is not None:
        known = normalize_bands(bands_db)[:count]
        levels[: len(known)] = known
    rises = levels.copy()
    rises[RISE_STEPS:] -= levels[:-RISE_STEPS]
    rises[:RISE_STEPS] = 0.0
    onsets = _draw([(onset.time_s, onset.strength) for onset in heard], count, NARROW_S)
    flag = np.full(count, 0.0 if bands_db is None else 1.0, np.float32)
    return np.concatenate((levels.T, np.maximum(0.0, rises).T, onsets[None], flag[None])).astype(np.float32)


def _draw(events: Sequence[tuple[float, float]], count: int, width_s: float) -> np.ndarray:
    """Gaussian bumps of given heights, the highest where they overlap, [count]."""
    drawn = np.zeros(count, np.float32)
    reach = int(np.ceil(4.0 * width_s * RATE_HZ))
    for time_s, height in events:
        centre = round(time_s * RATE_HZ)
        first, last = max(0, centre - reach), min(count, centre + reach + 1)
        if first < last:
            at_s = np.arange(first, last) / RATE_HZ - time_s
            bump = height * np.exp(-0.5 * (at_s / width_s) ** 2)
            drawn[first:last] = np.maximum(drawn[first:last], bump)
    return drawn


class Tower(nn.Module):
    """Dilated residual convolutions over time, pre-normalised; beside them the onsets themselves (channel ``onsets``).

    So an untrained network correlates the curves of onsets, and training starts from there.
    """

    def __init__(self, channels: int, onsets: int, config: SyncNetworkConfig) -> None:
        super().__init__()
        self.onsets = onsets
        self.proj_in = nn.Conv1d(channels, config.width, 7, padding=3)
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in config.dilations)
        self.convs = nn.ModuleList(
            nn.Conv1d(config.width, config.width, 5, padding=2 * dilation, dilation=dilation)
            for dilation in config.dilations
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Conv1d(config.width, config.embedding, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[B, channels, T] to embeddings [B, E + 1, T]."""
        hidden = F.gelu(self.proj_in(values))
        for norm, conv in zip(self.norms, self.convs, strict=True):
            hidden = hidden + self.dropout(F.gelu(conv(norm(hidden.transpose(1, 2)).transpose(1, 2))))
        return torch.cat((self.head(hidden), values[:, self.onsets : self.onsets + 1]), dim=1)


class SyncNetwork(nn.Module):
    """Towers of picture and sound, and the threshold of evidence for sounds that belong to no lag."""

    def __init__(self, config: SyncNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or SyncNetworkConfig()
        self.seen = Tower(SEEN_CHANNELS, 0, self.config)
        self.heard = Tower(HEARD_CHANNELS, 2 * BANDS, self.config)
        self.scale = nn.Parameter(torch.tensor(0.0))
        self.nothing = nn.Parameter(torch.tensor(2.0))

    def forward(self, seen: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        """Evidence [B, 2 * MAX_LAG + 2] for each lag and, last, for none, of stretches [B, channels, T]."""
        a, b = self.seen(seen), self.heard(heard)
        length = a.shape[-1] + b.shape[-1]
        product = torch.fft.rfft(a, length).conj() * torch.fft.rfft(b, length)
        circular = torch.fft.irfft(product.sum(dim=1), length)
        lags = torch.cat((circular[:, -MAX_LAG:], circular[:, : MAX_LAG + 1]), dim=1) * self.scale.exp()
        return torch.cat((lags, self.nothing.expand(len(lags), 1)), dim=1)


@torch.inference_mode()
def score_with_network(network: SyncNetwork, seen: np.ndarray, heard: np.ndarray) -> ScoreMap:
    """Evidence in stretches of the picture at every lag, from drawn channels [channels, count] of equal count."""
    network.eval()
    a = network.seen(torch.from_numpy(seen)[None])[0]
    b = F.pad(network.heard(torch.from_numpy(heard)[None])[0], (MAX_LAG, MAX_LAG))
    step = round(BIN_S * RATE_HZ)
    steps_s = np.arange(-MAX_LAG, MAX_LAG + 1) / RATE_HZ
    rows = []
    for first in range(0, a.shape[1], step):
        part = a[:, first : first + step]
        around = b[:, first : first + part.shape[1] + 2 * MAX_LAG]
        found = F.conv1d(around[None], part[None])[0, 0] * network.scale.exp()
        rows.append(np.interp(LAGS_S, steps_s, found.numpy()))
    return ScoreMap(np.stack(rows) if rows else np.zeros((1, len(LAGS_S))))


def save_sync_network(folder: Path, network: SyncNetwork, training: dict[str, Any]) -> None:
    """Write a network's weights in half precision and its configuration."""
    write_checkpoint(folder, SYNC, network, torch.float16, {"network": asdict(network.config), "training": training})


def load_sync_network(folder: Path) -> SyncNetwork:
    """The network of a checkpoint; BadInput, with the reason, where it does not fit."""
    network, _ = read_checkpoint(
        folder, SYNC, lambda config: SyncNetwork(build_config(SyncNetworkConfig, config["network"]))
    )
    return network.eval().requires_grad_(False)
