"""The sight network: where a hit's contact is in the picture, what is struck, and what it may sound like.

A finder reads motion around the onset and draws a map of where the contact is. Colour crops at that place, before, at
and after the onset, go through a small 2-D network with what changes between them, and are pooled by attention. From
what is seen come weights of materials and strikers, a size, and a place in an embedding that is shared with the physics
of sounds (contrastive, as Radford et al., "Learning transferable visual models from natural language supervision", ICML
2021, for pictures and words). Nothing is normalised by statistics of a batch, and the finder goes by each hit's own
means and variances, which carries over from simulated to real clips. Colours and their spread are told beside the maps,
since normalised maps forget them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from engine.bank.bank import STRIKERS
from engine.bank.descriptor import FLOOR_DB, LATENT_SIZE
from engine.bank.embedding import EMBEDDING_SIZE
from engine.physics.model import MATERIALS
from engine.vision.crops import SCALES, WIDE_STEPS

TYPICAL_SIZE_M = 0.25
HUES, GRAINS = 8, 4
COLOURS = 8 + HUES + 8 + 2 * GRAINS
"""Numbers that describe_colours tells of a crop."""

FAINT = 12.0
"""Gray levels added to the contrast of a picture, so that noise on a blank wall is not made large."""


@dataclass(frozen=True)
class SightConfig:
    """Sizes of the network; ``features`` is the width of a backbone's pooled features, 0 for the network's own eye."""

    finder: int = 48
    widths: tuple[int, ...] = (24, 48, 96, 144)
    hidden: int = 192
    dropout: float = 0.15
    features: int = 0


class Told(NamedTuple):
    """What is said of B hits: ``material`` [B, MATERIALS] and ``striker`` [B, STRIKERS] as logits, ``size`` [B] as the
    natural logarithm of metres over TYPICAL_SIZE_M, ``embedding`` [B, EMBEDDING_SIZE] of unit length."""

    material: torch.Tensor
    striker: torch.Tensor
    size: torch.Tensor
    embedding: torch.Tensor


class Finder(nn.Module):
    """From small gray frames around an onset to a map of where the contact is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        frames = len(WIDE_STEPS)
        self.enter = nn.Conv2d(2 * frames, width, 5, 2, 2, bias=False)
        self.even = nn.InstanceNorm2d(width, affine=True)
        self.steps = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d, bias=False) for d in (1, 2, 4, 2))
        self.norms = nn.ModuleList(nn.InstanceNorm2d(width, affine=True) for _ in self.steps)
        self.leave = nn.Conv2d(width, 1, 1)

    def forward(self, wide: torch.Tensor) -> torch.Tensor:
        """Gray levels [B, W, R, C] to logits [B, R / 2, C / 2]."""
        mean = wide.mean(dim=(1, 2, 3), keepdim=True)
        even = (wide - mean) / (wide.std(dim=(1, 2, 3), keepdim=True) + FAINT)
        away = even - even.median(dim=1, keepdim=True).values
        maps = F.gelu(self.even(self.enter(torch.cat((0.5 * even, 2.0 * away), dim=1))))
        for step, norm in zip(self.steps, self.norms, strict=True):
            maps = maps + F.gelu(norm(step(maps)))
        logits: torch.Tensor = self.leave(maps)[:, 0]
        return logits.float()


def read_places(heat: torch.Tensor, reach: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Of maps [B, R, C] of logits the likeliest places [B, 2], x and y from 0 to 1, and how likely they are [B]."""
    rows, columns = heat.shape[-2:]
    share = heat.flatten(1).softmax(dim=1).view_as(heat)
    around = F.avg_pool2d(share[:, None], 2 * reach + 1, 1, reach, count_include_pad=True)[:, 0]
    top = around.flatten(1).argmax(dim=1)
    y = torch.arange(rows, device=heat.device)[None, :, None]
    x = torch.arange(columns, device=heat.device)[None, None, :]
    near = ((y - (top // columns)[:, None, None]).abs() <= reach) & (
        (x - (top % columns)[:, None, None]).abs() <= reach
    )
    part = share * near
    weight = part.sum(dim=(1, 2)).clamp_min(1e-9)
    at_x = (part * (x + 0.5)).sum(dim=(1, 2)) / weight / columns
    at_y = (part * (y + 0.5)).sum(dim=(1, 2)) / weight / rows
    return torch.stack((at_x, at_y), dim=1), weight


class Eye(nn.Module):
    """What colour crops of a hit show, as a list of numbers."""

    def __init__(self, config: SightConfig) -> None:
        super().__init__()
        a, b, c, d = config.widths
        plan = ((4, a, 5, 2), (a, b, 3, 2), (b, b, 3, 1), (b, c, 3, 2), (c, c, 3, 1), (c, d, 3, 1), (d, d, 3, 1))
        self.layers = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in plan)
        self.norms = nn.ModuleList(nn.GroupNorm(8, o) for _, o, _, _ in plan)
        self.attend = nn.Conv2d(d, 1, 1)
        self.breadth = nn.Parameter(torch.tensor((0.0, 0.0)))
        self.told = 2 * d + COLOURS
        self.features = self.told * len(SCALES)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops [B, S, N, 3, P, P] of colours 0 to 1 to [B, features]."""
        batch, scales, count = crops.shape[:3]
        change = (crops - crops.mean(dim=2, keepdim=True)).mean(dim=3, keepdim=True)
        given = torch.cat((2.0 * crops - 1.0, 3.0 * change), dim=3).flatten(0, 2)
        maps = given.contiguous(memory_format=torch.channels_last)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            found = F.gelu(norm(layer(maps)))
            maps = found + maps if found.shape == maps.shape else found
        side = maps.shape[-1]
        line = (torch.arange(side, device=maps.device) + 0.5) / side * 2.0 - 1.0
        away = line[:, None] ** 2 + line[None, :] ** 2
        weight = self.attend(maps).float().view(batch, scales, count, side, side)
        weight = weight - F.softplus(self.breadth)[None, :, None, None, None] * away
        share = weight.flatten(2).softmax(dim=2).view(batch, scales, count, 1, side, side)
        each = maps.float().view(batch, scales, count, -1, side, side)
        attended = (each * share).sum(dim=(2, 4, 5))
        return torch.cat((attended, each.mean(dim=(2, 4, 5)), describe_colours(crops)), dim=2).flatten(1)


def describe_colours(crops: torch.Tensor) -> torch.Tensor:
    """Of crops [B, S, N, 3, P, P], about their middle: mean and spread of colours and of their purity, shares of hues,
    purities and lightnesses, and grain at four sizes, across and down, [B, S, COLOURS]."""
    side = crops.shape[-1]
    line = (torch.arange(side, device=crops.device) + 0.5) / side * 2.0 - 1.0
    weight = torch.exp(-2.0 * (line[:, None] ** 2 + line[None, :] ** 2))
    share = weight / weight.sum() / crops.shape[2]
    high, low = crops.amax(dim=3, keepdim=True), crops.amin(dim=3, keepdim=True)
    purity = (high - low) / (high + 0.1)
    plain = torch.cat((crops, purity), dim=3)
    mean = (plain * share).sum(dim=(2, 4, 5))
    spread = (((plain - mean[:, :, None, :, None, None]) ** 2 * share).sum(dim=(2, 4, 5)) + 1e-6).sqrt()
    red, green, blue = crops.unbind(3)
    hue = torch.atan2(1.732 * (green - blue), 2.0 * red - green - blue)
    turns = torch.arange(HUES, device=crops.device) * (2.0 * math.pi / HUES)
    hues = [torch.relu(torch.cos(hue - turn)) ** 4 * purity[:, :, :, 0] for turn in turns.tolist()]
    steps = [torch.exp(-(((v[:, :, :, 0] - at) / 0.15) ** 2)) for v in (purity, high) for at in (0.1, 0.35, 0.6, 0.85)]
    shares = (torch.stack((*hues, *steps), dim=3) * share).sum(dim=(2, 4, 5))
    grain = []
    gray = crops.mean(dim=3).flatten(0, 2)[:, None]
    for _ in range(GRAINS):
        for axis in (-1, -2):
            grain.append(gray.diff(dim=axis).abs().mean(dim=(1, 2, 3)).view(crops.shape[:3]).mean(dim=2))
        gray = F.avg_pool2d(gray, 2)
    fine = torch.log(torch.stack(grain, dim=2) + 0.003) + 4.0
    return torch.cat((4.0 * mean - 2.0, 8.0 * spread - 1.0, 4.0 * shares - 1.0, fine), dim=2)


class Head(nn.Module):
    """From what is seen to what is told."""

    def __init__(self, features: int, config: SightConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.enter = nn.Sequential(
            nn.LayerNorm(features),
            nn.Dropout(config.dropout),
            nn.Linear(features, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
        )
        self.material = nn.Linear(config.hidden, len(MATERIALS))
        self.striker = nn.Linear(config.hidden, len(STRIKERS))
        self.size = nn.Linear(config.hidden, 1)
        self.embed = nn.Linear(config.hidden, EMBEDDING_SIZE)

    mean: torch.Tensor
    spread: torch.Tensor

    def forward(self, features: torch.Tensor) -> Told:
        """[B, features] to what is told."""
        seen = self.enter((features - self.mean) / self.spread)
        place = F.normalize(self.embed(seen), dim=1)
        return Told(self.material(seen), self.striker(seen), self.size(seen)[:, 0], place)


class PhysicsTower(nn.Module):
    """From what one hears of a physics to its place in the joint embedding, and to weights of materials."""

    def __init__(self, hidden: int = 192) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Linear(LATENT_SIZE, hidden), nn.GELU(), nn.Dropout(0.1))
        self.deepen = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.GELU(), nn.Dropout(0.1))
        self.embed = nn.Linear(hidden, EMBEDDING_SIZE)
        self.material = nn.Linear(hidden, len(MATERIALS))

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents [B, LATENT_SIZE] in dB to [B, EMBEDDING_SIZE] of unit length and logits [B, MATERIALS]."""
        inner = self.enter(latents / -FLOOR_DB * 2.0 + 1.0)
        inner = inner + self.deepen(inner)
        return F.normalize(self.embed(inner), dim=1), self.material(inner)


class SightNetwork(nn.Module):
    """Finder, eye and heads, and the tower of physics; with a backbone's features the eye is left out."""

    def __init__(self, config: SightConfig | None = None) -> None:
        super().__init__()
        self.config = config or SightConfig()
        self.finder = Finder(self.config.finder)
        self.eye = None if self.config.features else Eye(self.config)
        self.head = Head(self.config.features if self.eye is None else self.eye.features, self.config)
        self.tower = PhysicsTower()
        self.sharpness = nn.Parameter(torch.tensor(math.log(10.0)))

    def see(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops [B, S, N, 3, P, P] of colours 0 to 1 to features [B, F], by the network's own eye."""
        assert self.eye is not None, "a network on a backbone is given the backbone's features"
        features: torch.Tensor = self.eye(crops)
        return features


def count_parameters(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(value.numel() for value in network.parameters())
