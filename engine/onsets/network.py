"""The onset network: from small gray frames to the probability, the moment and the force of a hit at every frame.

Difference frames go through a small 2-D network that shifts a part of its channels one frame back and forth (Lin et al.
2019, "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV), are pooled over the picture, and go on
through dilated residual convolutions over a second on either side. Its maps are normalised by the clip's own means and
variances, never by those of other clips (as Li et al. 2016, "Revisiting Batch Normalization for Practical Domain
Adaptation", do after training; here training does so too): what moves much or little in this clip is what counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

OUTPUTS = 3
"""Numbers a frame: logit, offset of the hit in frames, velocity 0..1."""

FAINT = 12.0
"""Gray levels added to a frame's contrast, so that a blank wall's noise is not made large."""


Level = tuple[torch.Tensor, torch.Tensor]
Levels = Sequence[Level]
"""Of every layer of the eye, the mean and the variance of each channel [C] over a clip."""


@dataclass(frozen=True)
class OnsetNetworkConfig:
    """Sizes of the network: widths of the four picture scales, width of the temporal part, its dilations in frames."""

    widths: tuple[int, ...] = (24, 48, 64, 96)
    temporal: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    dropout: float = 0.15


class Shift(nn.Module):
    """A quarter of the channels from the frame before and a quarter from the frame after."""

    def forward(self, maps: torch.Tensor, count: int) -> torch.Tensor:
        """[B * count, C, H, W] to the same; beyond the ends lies nothing."""
        frames, channels, rows, columns = maps.shape
        part = channels // 4
        given = maps.view(frames // count, count, channels, rows, columns)
        shifted = torch.zeros_like(given)
        shifted[:, 1:, :part] = given[:, :-1, :part]
        shifted[:, :-1, part : 2 * part] = given[:, 1:, part : 2 * part]
        shifted[:, :, 2 * part :] = given[:, :, 2 * part :]
        return shifted.view(frames, channels, rows, columns)


class ClipNorm(nn.Module):
    """Channels brought to mean 0 and variance 1 over a clip, then to a scale and a bias that were learnt."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: torch.Tensor, level: Level | None) -> tuple[torch.Tensor, Level]:
        """[N, C, H, W] to the same by the mean and variance given, or else by their own, and by which."""
        if level is not None:
            return F.batch_norm(maps, *level, self.weight, self.bias, training=False), level
        mean, variance = torch.zeros_like(self.bias), torch.ones_like(self.weight)
        even = F.batch_norm(maps, mean, variance, self.weight, self.bias, training=True, momentum=1.0)
        return even, (mean, variance)


class Eye(nn.Module):
    """What one frame and its neighbours show, as a list of numbers."""

    SHIFTED = (2, 3, 5)
    REACH = 1 + len(SHIFTED)
    """Frames on either side that a frame's numbers depend on."""

    def __init__(self, config: OnsetNetworkConfig) -> None:
        super().__init__()
        a, b, c, d = config.widths
        plan = ((3, a, 5, 2), (a, b, 3, 2), (b, c, 3, 2), (c, c, 3, 1), (c, d, 3, 2), (d, d, 3, 1))
        self.layers = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in plan)
        self.norms = nn.ModuleList(ClipNorm(o) for _, o, _, _ in plan)
        self.shift = Shift()
        self.pooled = 2 * d

    def forward(self, frames: torch.Tensor, levels: Levels | None = None) -> torch.Tensor:
        """Gray levels [B, T, H, W] to [B, T, pooled]: each of the B by its own levels, or all by those given."""
        if levels is None:
            return torch.cat([self._pass(piece, None)[0] for piece in frames.split(1)])
        return self._pass(frames, levels)[0]

    def measure(self, frames: torch.Tensor) -> Levels:
        """The levels of a piece [T, H, W]."""
        return self._pass(frames[None], None)[1]

    def _pass(self, frames: torch.Tensor, levels: Levels | None) -> tuple[torch.Tensor, Levels]:
        batch, count = frames.shape[:2]
        maps = look(frames).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        found_levels = []
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            given = layer(self.shift(maps, count) if index in self.SHIFTED else maps)
            level = None if levels is None else levels[index]
            even, level = norm(given, level)
            found = F.relu(even, inplace=True)
            maps = found + maps if found.shape == maps.shape else found
            found_levels.append(level)
        pooled = torch.cat((maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))), dim=1)
        return pooled.view(batch, count, -1).float(), found_levels


def look(frames: torch.Tensor) -> torch.Tensor:
    """Gray levels [B, T, H, W] to [B, T, 3, H, W]: each frame at its own contrast, what changed since, what will."""
    mean = frames.mean(dim=(2, 3), keepdim=True)
    even = (frames - mean) / (frames.std(dim=(2, 3), keepdim=True) + FAINT)
    change = even[:, 1:] - even[:, :-1]
    none = torch.zeros_like(even[:, :1])
    before, after = torch.cat((none, change), dim=1), torch.cat((change, none), dim=1)
    return torch.stack((0.5 * even, 2.0 * before, 2.0 * after), dim=2)


class Step(nn.Module):
    """One dilated residual convolution over time."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[B, T, width] to the same."""
        inner = F.gelu(self.wide(self.norm(values).transpose(1, 2)))
        return values + self.dropout(self.narrow(inner).transpose(1, 2))


class OnsetNetwork(nn.Module):
    """An eye at every frame, and a memory of a second on either side."""

    def __init__(self, config: OnsetNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or OnsetNetworkConfig()
        self.eye = Eye(self.config)
        self.enter = nn.Linear(self.eye.pooled + 1, self.config.temporal)
        self.steps = nn.ModuleList(
            Step(self.config.temporal, dilation, self.config.dropout) for dilation in self.config.dilations
        )
        self.even = nn.LayerNorm(self.config.temporal)
        self.leave = nn.Linear(self.config.temporal, OUTPUTS)
        with torch.no_grad():
            self.leave.bias.copy_(torch.tensor((-3.0, 0.0, 0.5)))

    def forward(self, frames: torch.Tensor, interval_s: torch.Tensor, levels: Levels | None = None) -> torch.Tensor:
        """Gray levels [B, T, H, W] and seconds between frames [B, T] to logit, offset and velocity [B, T, OUTPUTS]."""
        return self.think(self.eye(frames, levels), interval_s)

    def think(self, seen: torch.Tensor, interval_s: torch.Tensor) -> torch.Tensor:
        """What was seen [B, T, pooled] to [B, T, OUTPUTS]."""
        pace = torch.log(interval_s.clamp(1e-3, 1.0) * 30.0).unsqueeze(-1)
        values = self.enter(torch.cat((seen, pace), dim=-1))
        for step in self.steps:
            values = step(values)
        told: torch.Tensor = self.leave(self.even(values))
        return told
