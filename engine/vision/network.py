"""The vision network: contact localisation, material, striker and size of the struck object, and a joint embedding.

- `ContactLocator`: stacked gray frames around the onset to a heatmap of the contact (dilated convolutions). Instance
  normalisation, by each hit's own mean and variance, carries over from simulated to real clips.
- `FrameEncoder`: colour crops at the contact before, at and after the onset, each with its difference from their mean,
  through a small 2-D convolutional network (group normalisation), pooled by spatial attention. Colour and texture
  statistics of the crops are concatenated, since normalised feature maps lose them.
- `PredictionHead`: logits of materials and strikers, log size, and an embedding.
- `PhysicsEncoder`: acoustic descriptor of a sound to the same embedding space. Both are trained contrastively, as
  pictures and captions are by Radford et al., "Learning transferable visual models from natural language supervision",
  ICML 2021.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from engine.bank.bank import EMBEDDING_SIZE, STRIKERS
from engine.bank.descriptor import DESCRIPTOR_SIZE, FLOOR_DB
from engine.physics.model import MATERIALS
from engine.vision.crops import SCALES, WIDE_STEPS

TYPICAL_SIZE_M = 0.25
"""Unit of sizes: the network predicts the natural logarithm of the size over this."""
HUES, TEXTURE_OCTAVES = 8, 4
COLOUR_FEATURES = 8 + HUES + 8 + 2 * TEXTURE_OCTAVES
"""Length of ``colour_statistics`` for one crop."""

CONTRAST_FLOOR = 12.0
"""Gray levels added to a clip's standard deviation, so that noise on a blank wall is not amplified."""

KEY_MAP = {
    "finder.enter": "locator.proj_in",
    "finder.even": "locator.norm_in",
    "finder.steps": "locator.convs",
    "finder.norms": "locator.norms",
    "finder.leave": "locator.head",
    "eye.layers": "encoder.convs",
    "eye.norms": "encoder.norms",
    "eye.attend": "encoder.attention",
    "eye.breadth": "encoder.centre_bias",
    "head.spread": "head.std",
    "head.enter": "head.proj_in",
    "head.embed": "head.to_embedding",
    "tower.enter": "physics_encoder.proj_in",
    "tower.deepen": "physics_encoder.block",
    "tower.embed": "physics_encoder.to_embedding",
    "tower.material": "physics_encoder.material",
    "sharpness": "logit_scale",
}
"""Parts of parameter names in checkpoints written before the modules were renamed, and their names now."""

CONFIG_KEY_MAP = {"finder": "locator"}
"""Fields of ``VisionConfig`` in such checkpoints, and their names now."""


@dataclass(frozen=True)
class VisionConfig:
    """Sizes of the network."""

    locator: int = 48  # channels of the contact locator
    widths: tuple[int, ...] = (24, 48, 96, 144)  # channels of the frame encoder's four stages
    hidden: int = 192  # width of the heads
    dropout: float = 0.15
    features: int = 0  # width of a backbone's pooled features; 0 for the network's own frame encoder
    scales: tuple[float, ...] = SCALES  # sides of the crops, as shares of the picture's shorter side
    pool_scales: bool = False  # whether a backbone's features are averaged over the crops' scales
    linear_material: bool = False  # whether materials are a linear function of the features, not of the hidden layer


class VisionOutput(NamedTuple):
    """Predictions for B hits."""

    material: torch.Tensor  # logits [B, MATERIALS]
    striker: torch.Tensor  # logits [B, STRIKERS]
    size: torch.Tensor  # [B], natural logarithm of metres over TYPICAL_SIZE_M
    embedding: torch.Tensor  # [B, EMBEDDING_SIZE], of unit length


class ContactLocator(nn.Module):
    """Heatmap of the contact from small gray frames around the onset."""

    def __init__(self, width: int) -> None:
        super().__init__()
        frames = len(WIDE_STEPS)
        self.proj_in = nn.Conv2d(2 * frames, width, 5, 2, 2, bias=False)
        self.norm_in = nn.InstanceNorm2d(width, affine=True)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d, bias=False) for d in (1, 2, 4, 2))
        self.norms = nn.ModuleList(nn.InstanceNorm2d(width, affine=True) for _ in self.convs)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, wide: torch.Tensor) -> torch.Tensor:
        """Gray levels [B, W, R, C], 0 to 255, to logits [B, R / 2, C / 2]."""
        normalized = normalize_frames(wide)
        motion = normalized - normalized.median(dim=1, keepdim=True).values
        maps = F.gelu(self.norm_in(self.proj_in(torch.cat((0.5 * normalized, 2.0 * motion), dim=1))))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            maps = maps + F.gelu(norm(conv(maps)))
        logits: torch.Tensor = self.head(maps)[:, 0]
        return logits.float()


def normalize_frames(wide: torch.Tensor) -> torch.Tensor:
    """Frames [B, W, R, C] less their mean over their standard deviation, each hit by its own."""
    mean = wide.mean(dim=(1, 2, 3), keepdim=True)
    return (wide - mean) / (wide.std(dim=(1, 2, 3), keepdim=True) + CONTRAST_FLOOR)


def decode_heatmaps(heatmaps: torch.Tensor, radius: int = 2) -> torch.Tensor:
    """Contact positions [B, 2], x and y as shares of width and height, from heatmaps [B, R, C] of logits.

    The window of 2 radius + 1 cells with the most probability is found, and the probability-weighted mean taken in it.
    """
    rows, columns = heatmaps.shape[-2:]
    share = heatmaps.flatten(1).softmax(dim=1).view_as(heatmaps)
    around = F.avg_pool2d(share[:, None], 2 * radius + 1, 1, radius, count_include_pad=True)[:, 0]
    top = around.flatten(1).argmax(dim=1)
    y = torch.arange(rows, device=heatmaps.device)[None, :, None]
    x = torch.arange(columns, device=heatmaps.device)[None, None, :]
    near = ((y - (top // columns)[:, None, None]).abs() <= radius) & (
        (x - (top % columns)[:, None, None]).abs() <= radius
    )
    part = share * near
    weight = part.sum(dim=(1, 2)).clamp_min(1e-9)
    at_x = (part * (x + 0.5)).sum(dim=(1, 2)) / weight / columns
    at_y = (part * (y + 0.5)).sum(dim=(1, 2)) / weight / rows
    return torch.stack((at_x, at_y), dim=1)


class FrameEncoder(nn.Module):
    """Feature vector of a hit's colour crops."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        a, b, c, d = config.widths
        plan = ((4, a, 5, 2), (a, b, 3, 2), (b, b, 3, 1), (b, c, 3, 2), (c, c, 3, 1), (c, d, 3, 1), (d, d, 3, 1))
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in plan)
        self.norms = nn.ModuleList(nn.GroupNorm(8, o) for _, o, _, _ in plan)
        self.attention = nn.Conv2d(d, 1, 1)
        self.centre_bias = nn.Parameter(torch.tensor((0.0, 0.0)))
        self.features_per_scale = 2 * d + COLOUR_FEATURES
        self.features = self.features_per_scale * len(SCALES)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops [B, S, N, 3, P, P] of colours 0 to 1 to [B, features].

        Attention weights fall with the squared distance from the crop's centre, at a learnt rate for each scale.
        """
        batch, scales, count = crops.shape[:3]
        change = (crops - crops.mean(dim=2, keepdim=True)).mean(dim=3, keepdim=True)
        maps = torch.cat((2.0 * crops - 1.0, 3.0 * change), dim=3).flatten(0, 2)
        maps = maps.contiguous(memory_format=torch.channels_last)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            found = F.gelu(norm(conv(maps)))
            maps = found + maps if found.shape == maps.shape else found
        side = maps.shape[-1]
        line = (torch.arange(side, device=maps.device) + 0.5) / side * 2.0 - 1.0
        distance_squared = line[:, None] ** 2 + line[None, :] ** 2
        logits = self.attention(maps).float().view(batch, scales, count, side, side)
        logits = logits - F.softplus(self.centre_bias)[None, :, None, None, None] * distance_squared
        weights = logits.flatten(2).softmax(dim=2).view(batch, scales, count, 1, side, side)
        each = maps.float().view(batch, scales, count, -1, side, side)
        attended = (each * weights).sum(dim=(2, 4, 5))
        return torch.cat((attended, each.mean(dim=(2, 4, 5)), colour_statistics(crops)), dim=2).flatten(1)


def colour_statistics(crops: torch.Tensor) -> torch.Tensor:
    """Colour and texture of crops [B, S, N, 3, P, P], weighted towards their centre, [B, S, COLOUR_FEATURES].

    Mean and standard deviation of colours and of saturation, soft histograms of hue, saturation and value, and the log
    mean absolute gradient at four octaves, horizontally and vertically.
    """
    side = crops.shape[-1]
    line = (torch.arange(side, device=crops.device) + 0.5) / side * 2.0 - 1.0
    weight = torch.exp(-2.0 * (line[:, None] ** 2 + line[None, :] ** 2))
    share = weight / weight.sum() / crops.shape[2]
    high, low = crops.amax(dim=3, keepdim=True), crops.amin(dim=3, keepdim=True)
    saturation = (high - low) / (high + 0.1)
    channels = torch.cat((crops, saturation), dim=3)
    mean = (channels * share).sum(dim=(2, 4, 5))
    std = (((channels - mean[:, :, None, :, None, None]) ** 2 * share).sum(dim=(2, 4, 5)) + 1e-6).sqrt()
    red, green, blue = crops.unbind(3)
    hue = torch.atan2(1.732 * (green - blue), 2.0 * red - green - blue)
    centres = torch.arange(HUES, device=crops.device) * (2.0 * math.pi / HUES)
    hues = [torch.relu(torch.cos(hue - centre)) ** 4 * saturation[:, :, :, 0] for centre in centres.tolist()]
    bins = [
        torch.exp(-(((v[:, :, :, 0] - at) / 0.15) ** 2)) for v in (saturation, high) for at in (0.1, 0.35, 0.6, 0.85)
    ]
    histograms = (torch.stack((*hues, *bins), dim=3) * share).sum(dim=(2, 4, 5))
    gradients = []
    gray = crops.mean(dim=3).flatten(0, 2)[:, None]
    for _ in range(TEXTURE_OCTAVES):
        for axis in (-1, -2):
            gradients.append(gray.diff(dim=axis).abs().mean(dim=(1, 2, 3)).view(crops.shape[:3]).mean(dim=2))
        gray = F.avg_pool2d(gray, 2)
    texture = torch.log(torch.stack(gradients, dim=2) + 0.003) + 4.0
    return torch.cat((4.0 * mean - 2.0, 8.0 * std - 1.0, 4.0 * histograms - 1.0, texture), dim=2)


class PredictionHead(nn.Module):
    """Predictions from standardised features: a hidden layer, then one linear layer each."""

    def __init__(self, features: int, config: VisionConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.proj_in = nn.Sequential(
            nn.LayerNorm(features),
            nn.Dropout(config.dropout),
            nn.Linear(features, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
        )
        self.linear_material = config.linear_material
        self.material = nn.Linear(features if config.linear_material else config.hidden, len(MATERIALS))
        self.striker = nn.Linear(config.hidden, len(STRIKERS))
        self.size = nn.Linear(config.hidden, 1)
        self.to_embedding = nn.Linear(config.hidden, EMBEDDING_SIZE)

    mean: torch.Tensor
    std: torch.Tensor

    def forward(self, features: torch.Tensor) -> VisionOutput:
        """Features [B, features] to predictions."""
        standardized = (features - self.mean) / self.std
        hidden = self.proj_in(standardized)
        embedding = F.normalize(self.to_embedding(hidden), dim=1)
        material = self.material(standardized if self.linear_material else hidden)
        return VisionOutput(material, self.striker(hidden), self.size(hidden)[:, 0], embedding)


class PhysicsEncoder(nn.Module):
    """Joint embedding and material of a sound, from its acoustic descriptor."""

    def __init__(self, hidden: int = 192) -> None:
        super().__init__()
        self.proj_in = nn.Sequential(nn.Linear(DESCRIPTOR_SIZE, hidden), nn.GELU(), nn.Dropout(0.1))
        self.block = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.GELU(), nn.Dropout(0.1))
        self.to_embedding = nn.Linear(hidden, EMBEDDING_SIZE)
        self.material = nn.Linear(hidden, len(MATERIALS))

    def forward(self, descriptors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Descriptors [B, DESCRIPTOR_SIZE] in dB to embeddings [B, EMBEDDING_SIZE] of unit length and material logits
        [B, MATERIALS]."""
        inner = self.proj_in(descriptors / -FLOOR_DB * 2.0 + 1.0)
        inner = inner + self.block(inner)
        return F.normalize(self.to_embedding(inner), dim=1), self.material(inner)


class VisionNetwork(nn.Module):
    """Contact locator, frame encoder (none with a backbone), prediction head and physics encoder."""

    def __init__(self, config: VisionConfig | None = None) -> None:
        super().__init__()
        self.config = config or VisionConfig()
        self.locator = ContactLocator(self.config.locator)
        self.encoder = None if self.config.features else FrameEncoder(self.config)
        features = self.config.features if self.encoder is None else self.encoder.features
        self.head = PredictionHead(features, self.config)
        self.physics_encoder = PhysicsEncoder()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def encode(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops [B, S, N, 3, P, P] of colours 0 to 1 to features [B, F], by the network's own frame encoder."""
        assert self.encoder is not None, "a network on a backbone takes the backbone's features"
        features: torch.Tensor = self.encoder(crops)
        return features
