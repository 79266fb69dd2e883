"""Onset network: small gray frames to the probability, time offset and velocity of a hit at every frame.

- Frame encoder: a 2-D network over difference frames with temporal shifts (Lin et al. 2019, "TSM: Temporal Shift Module
  for Efficient Video Understanding", ICCV), pooled over the frame.
- Temporal network: dilated residual convolutions over a second on either side.
- Normalisation: every feature map by the clip's own mean and variance, in training as in use (Li et al. 2016,
  "Revisiting Batch Normalization for Practical Domain Adaptation", do so after training), so that what counts is how
  much moves relative to the rest of the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from engine.onsets.frames import TARGET_PIXELS

OUTPUTS = 3
"""Values per frame: logit, offset of the hit in frames, velocity 0 to 1."""

EPSILON = 1e-5
"""Added to variances, as torch's batch normalisation does."""

CONTRAST_FLOOR = 12.0
"""Gray levels added to a frame's standard deviation, so that the noise of a blank wall is not amplified."""

KEY_MAP = {
    "eye": "encoder",
    "enter": "proj_in",
    "steps": "blocks",
    "wide": "conv",
    "narrow": "proj",
    "even": "norm_out",
    "leave": "head",
}
"""Names of modules in stored weights, and what they are called now."""


Stats = tuple[torch.Tensor, torch.Tensor]
ClipStats = Sequence[Stats]
"""For every layer of the encoder, the mean and the variance of each channel [C] over a clip."""


@dataclass(frozen=True)
class OnsetNetworkConfig:
    """Channels of the encoder at four scales, channels of the temporal network, and its dilations in frames.

    ``pixels`` of a small frame, about. ``depth`` is the number of residual layers after the last stride. With
    ``mirrored`` the mirror image of a clip is processed too, and the outputs are averaged.
    """

    widths: tuple[int, ...] = (24, 48, 64, 96)
    temporal: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    dropout: float = 0.15
    pixels: int = TARGET_PIXELS
    depth: int = 1
    mirrored: bool = True


class TemporalShift(torch.autograd.Function):
    """A quarter of the channels from the previous frame and a quarter from the next (TSM, Lin et al. 2019).

    Written out with its gradient because slices' own gradients come in another memory order, which slows every layer
    before them on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, maps: torch.Tensor, count: int) -> torch.Tensor:
        """[B * count, C, H, W] to the same shape; zeros beyond the ends."""
        ctx.count = count
        return shift_channels(maps, count, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """The gradient, shifted back."""
        return shift_channels(gradients[0], ctx.count, -1), None


def shift_channels(maps: torch.Tensor, count: int, frames: int) -> torch.Tensor:
    """Maps [B * count, C, H, W], the first quarter of the channels ``frames`` (1 or -1) later, the second earlier."""
    part = maps.shape[1] // 4
    given = maps.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).unflatten(0, (-1, count))
    shifted = torch.empty_like(given)
    later, earlier = slice(0, part), slice(part, 2 * part)
    if frames < 0:
        later, earlier = earlier, later
    shifted[:, 1:, ..., later], shifted[:, :1, ..., later] = given[:, :-1, ..., later], 0.0
    shifted[:, :-1, ..., earlier], shifted[:, -1:, ..., earlier] = given[:, 1:, ..., earlier], 0.0
    shifted[..., 2 * part :] = given[..., 2 * part :]
    return shifted.flatten(0, 1).permute(0, 3, 1, 2)


class ClipNorm(nn.Module):
    """Batch normalisation by the statistics of one clip, with learnt scale and bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: torch.Tensor, stats: Stats | None) -> tuple[torch.Tensor, Stats]:
        """Maps [N, C, H, W] normalised by ``stats``, or by their own where None; and the statistics used."""
        if stats is not None:
            return F.batch_norm(maps, *stats, self.weight, self.bias, training=False), stats
        mean, variance = torch.zeros_like(self.bias), torch.ones_like(self.weight)
        normalized = F.batch_norm(maps, mean, variance, self.weight, self.bias, training=True, momentum=1.0)
        return normalized, (mean, variance)


def normalize_pieces(
    maps: torch.Tensor, pieces: int, weight: torch.Tensor, bias: torch.Tensor
) -> tuple[torch.Tensor, Stats]:
    """Maps [pieces * N, C, H, W], each piece by its own statistics [pieces, C], as ClipNorm does but in one pass."""
    given = maps.view(pieces, -1, *maps.shape[1:])
    variance, mean = torch.var_mean(given.float(), dim=(1, 3, 4), correction=0)
    scale = weight * torch.rsqrt(variance + EPSILON)
    shift = bias - mean * scale
    scale, shift = scale.to(maps.dtype)[:, None, :, None, None], shift.to(maps.dtype)[:, None, :, None, None]
    return (given * scale + shift).view_as(maps), (mean, variance)


class FrameEncoder(nn.Module):
    """Features of each frame and its neighbours: convolutions with temporal shifts, mean and max pooling."""

    SHIFTED_LAYERS = (2, 3, 5)
    CONTEXT_FRAMES = 1 + len(SHIFTED_LAYERS)
    """Frames on either side that a frame's features depend on."""

    def __init__(self, config: OnsetNetworkConfig) -> None:
        super().__init__()
        a, b, c, d = config.widths
        plan = [(3, a, 5, 2), (a, b, 3, 2), (b, c, 3, 2), (c, c, 3, 1), (c, d, 3, 2), *[(d, d, 3, 1)] * config.depth]
        self.layers = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in plan)
        self.norms = nn.ModuleList(ClipNorm(o) for _, o, _, _ in plan)
        self.features = 2 * d

    def forward(self, frames: torch.Tensor, stats: ClipStats | None = None) -> torch.Tensor:
        """Gray levels [B, T, H, W] to [B, T, features]; without ``stats`` each of the B is normalised by its own."""
        if stats is not None:
            return self._encode(frames, stats)[0]
        if frames.is_cuda:
            return self._encode(frames, None)[0]
        return torch.cat([self._encode(piece, None)[0] for piece in frames.split(1)])

    def estimate_stats(self, frames: torch.Tensor) -> ClipStats:
        """Statistics of every layer's maps over frames [T, H, W]."""
        return self._encode(frames[None], None)[1]

    def _encode(self, frames: torch.Tensor, stats: ClipStats | None) -> tuple[torch.Tensor, ClipStats]:
        batch, count = frames.shape[:2]
        maps = normalize_frames(frames).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        used_stats = []
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            convolved = layer(TemporalShift.apply(maps, count) if index in self.SHIFTED_LAYERS else maps)
            if stats is None and batch > 1:
                assert isinstance(norm, ClipNorm)
                normalized, used = normalize_pieces(convolved, batch, norm.weight, norm.bias)
            else:
                normalized, used = norm(convolved, None if stats is None else stats[index])
            activated = F.relu(normalized, inplace=True)
            maps = activated + maps if activated.shape == maps.shape else activated
            used_stats.append(used)
        pooled = torch.cat((maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))), dim=1)
        return pooled.view(batch, count, -1).float(), used_stats


def normalize_frames(frames: torch.Tensor) -> torch.Tensor:
    """Gray levels [B, T, H, W] to [B, T, 3, H, W]: contrast-normalised, its change since the last frame and to the
    next."""
    mean = frames.mean(dim=(2, 3), keepdim=True)
    normalized = (frames - mean) / (frames.std(dim=(2, 3), keepdim=True) + CONTRAST_FLOOR)
    change = normalized[:, 1:] - normalized[:, :-1]
    none = torch.zeros_like(normalized[:, :1])
    before, after = torch.cat((none, change), dim=1), torch.cat((change, none), dim=1)
    return torch.stack((0.5 * normalized, 2.0 * before, 2.0 * after), dim=2)


class TemporalBlock(nn.Module):
    """Dilated residual convolution over time, pre-normalised."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.proj = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[B, T, width] to the same shape."""
        inner = F.gelu(self.conv(self.norm(values).transpose(1, 2)))
        return values + self.dropout(self.proj(inner).transpose(1, 2))


class OnsetNetwork(nn.Module):
    """A frame encoder followed by a temporal convolutional network."""

    def __init__(self, config: OnsetNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or OnsetNetworkConfig()
        self.encoder = FrameEncoder(self.config)
        self.proj_in = nn.Linear(self.encoder.features + 1, self.config.temporal)
        self.blocks = nn.ModuleList(
            TemporalBlock(self.config.temporal, dilation, self.config.dropout) for dilation in self.config.dilations
        )
        self.norm_out = nn.LayerNorm(self.config.temporal)
        self.head = nn.Linear(self.config.temporal, OUTPUTS)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor((-3.0, 0.0, 0.5)))

    def forward(self, frames: torch.Tensor, interval_s: torch.Tensor, stats: ClipStats | None = None) -> torch.Tensor:
        """Gray levels [B, T, H, W] and seconds between frames [B, T] to logit, offset and velocity [B, T, OUTPUTS]."""
        return self.temporal_forward(self.encoder(frames, stats), interval_s)

    def temporal_forward(self, features: torch.Tensor, interval_s: torch.Tensor) -> torch.Tensor:
        """Features [B, T, F] and the inter-frame interval [B, T] in seconds to outputs [B, T, OUTPUTS]."""
        log_interval = torch.log(interval_s.clamp(1e-3, 1.0) * 30.0).unsqueeze(-1)
        values = self.proj_in(torch.cat((features, log_interval), dim=-1))
        for block in self.blocks:
            values = block(values)
        outputs: torch.Tensor = self.head(self.norm_out(values))
        return outputs
