"""Swing network: velocity of a diffusion over the striker's tip and grip alone, over films of any length.

Convolutions along time that know no place in time, so that a whole film is denoised at once, without seams.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from engine.animate.motion import ONSET_FEATURES, SOUND_FEATURES

_Conditions = TypeVar("_Conditions", bound="SwingConditions")

SWING = 4
"""Channels: those of the track that are the striker's, its tip from the place struck and its grip from the tip."""
PATCH = 3
"""Frames that the network takes as one step of time."""
SWING_STEPS = 32


@dataclass(frozen=True)
class SwingConfig:
    """Width of the stream, size of the vector that modulates it, dilations of its blocks, and its units: lengths of the
    tip r are ``tip_gain`` * asinh(r / ``tip_scale``), those of the grip are divided by ``grip_scale``.
    """

    width: int = 64
    vector_width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4)
    tip_scale: float = 0.25
    tip_gain: float = 0.75
    grip_scale: float = 0.8


@dataclass(frozen=True, eq=False)
class SwingConditions:
    """What a swing is generated from, [B, ...]: ``still`` [3, rows, columns] of CANVAS from -1 to 1, ``place``
    [3, rows / 2, columns / 2] of GRID, ``blows`` [ONSET_FEATURES, N], ``sound`` [SOUND_FEATURES], ``heard`` [1]: 0
    where nothing is known of the sound.
    """

    still: torch.Tensor
    place: torch.Tensor
    blows: torch.Tensor
    sound: torch.Tensor
    heard: torch.Tensor

    def hide_sound(self: _Conditions) -> _Conditions:
        """The same without the sound."""
        gone = torch.zeros_like
        return replace(self, blows=gone(self.blows), sound=gone(self.sound), heard=gone(self.heard))


class _Block(nn.Module):
    def __init__(self, config: SwingConfig, dilation: int) -> None:
        super().__init__()
        wide = config.width
        self.norm = nn.LayerNorm(wide, elementwise_affine=False)
        self.modulate = nn.Linear(config.vector_width, 2 * wide)
        self.hear = nn.Conv1d(PATCH * ONSET_FEATURES, wide, 1)
        self.time = nn.Conv1d(wide, 2 * wide, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(wide, wide, 1)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)  # type: ignore[arg-type]

    def forward(self, line: torch.Tensor, vector: torch.Tensor, blows: torch.Tensor) -> torch.Tensor:
        """``line`` [B, C, N], ``vector`` [B, V], ``blows`` [B, ONSET_FEATURES, N]."""
        gain, shift = self.modulate(vector)[:, :, None].chunk(2, dim=1)
        flat = self.norm(line.transpose(1, 2)).transpose(1, 2)
        one, gate = self.time(flat * (1 + gain) + shift + self.hear(blows)).chunk(2, dim=1)
        mixed: torch.Tensor = self.mix(F.gelu(one) * torch.sigmoid(gate))
        return line + mixed


class SwingNetwork(nn.Module):
    """Velocity of a noisy swing."""

    def __init__(self, config: SwingConfig | None = None) -> None:
        super().__init__()
        self.config = config or SwingConfig()
        wide, size = self.config.width, self.config.vector_width
        self.look = nn.Sequential(nn.Conv2d(51, 24, 1), nn.GELU(), nn.Conv2d(24, 24, 3, padding=1), nn.GELU())
        self.vector = nn.Sequential(
            nn.Linear(32 + SOUND_FEATURES + 1 + 2 + 48, size), nn.GELU(), nn.Linear(size, size), nn.GELU()
        )
        self.line_in = nn.Conv1d(PATCH * (SWING + ONSET_FEATURES), wide, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(self.config, dilation) for dilation in self.config.dilations)
        self.line_out = nn.Conv1d(wide, PATCH * SWING, 3, padding=1)
        nn.init.zeros_(self.line_out.weight)
        nn.init.zeros_(self.line_out.bias)  # type: ignore[arg-type]

    def forward(self, swing: torch.Tensor, angle: torch.Tensor, given: SwingConditions) -> torch.Tensor:
        """Velocities of a noisy swing [B, SWING, N] at angles [B]."""
        seen = self.look(torch.cat((F.pixel_unshuffle(given.still, 4), given.place), dim=1))
        near = given.place[:, :1] / given.place[:, :1].sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
        rates = torch.exp(torch.linspace(0.0, math.log(60.0), 16, device=angle.device))
        turned = angle[:, None] * rates
        told = (torch.sin(turned), torch.cos(turned), given.sound, given.heard, given.place[:, 1:].mean(dim=(2, 3)))
        vector = self.vector(torch.cat((*told, seen.mean(dim=(2, 3)), (seen * near).sum(dim=(2, 3))), dim=1))
        blows = _fold(given.blows)
        line = self.line_in(torch.cat((_fold(swing), blows), dim=1))
        for block in self.blocks:
            line = block(line, vector, blows)
        return self.line_out(F.gelu(line)).unflatten(1, (SWING, PATCH)).transpose(2, 3).flatten(2)


def _fold(values: torch.Tensor) -> torch.Tensor:
    """Values [B, C, N] of PATCH frames at a time, [B, C * PATCH, N / PATCH]."""
    return values.unflatten(2, (-1, PATCH)).transpose(2, 3).flatten(1, 2)


def compress_swing(paths: torch.Tensor, config: SwingConfig) -> torch.Tensor:
    """Tip and grip [B, SWING, N] in heights of the canvas, in the network's units."""
    tip, grip = paths[:, :2], paths[:, 2:]
    length = torch.linalg.vector_norm(tip, dim=1, keepdim=True).clamp_min(1e-6) / config.tip_scale
    return torch.cat(
        (tip / config.tip_scale * (torch.asinh(length) / length) * config.tip_gain, grip / config.grip_scale), 1
    )


def expand_swing(swing: torch.Tensor, config: SwingConfig) -> torch.Tensor:
    """The inverse of ``compress_swing``, bounded."""
    tip, grip = swing[:, :2] / config.tip_gain, swing[:, 2:]
    length = torch.linalg.vector_norm(tip, dim=1, keepdim=True).clamp(1e-6, 4.0)
    return torch.cat((tip * (torch.sinh(length) / length) * config.tip_scale, grip * config.grip_scale), 1).clamp(
        -3.0, 3.0
    )
