"""Motion network: velocity of a diffusion over a striker's track and the displacement field of the thing struck.

Two streams go side by side through time: one of the track, one of the field's cells; each block lets them exchange.
Both know the noise level, the sound's features at each frame, the still and the place struck, and motion that is given
already, which later motion continues.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from engine.animate.motion import ONSET_FEATURES, SOUND_FEATURES, TRACK
from engine.animate.swing import SwingConditions, SwingConfig, SwingNetwork
from engine.core.checkpoint import CheckpointKind, build_config, read_checkpoint, write_checkpoint

ANIMATE = CheckpointKind("animate", version=1, remedy="restore it, or train one with `launch.py train animate`")
FIELD = 8
"""Channels of the field after each 2 x 2 cells have become one."""
PATCH = 48
"""Channels of the still after each 4 x 4 pixels have become one."""


@dataclass(frozen=True)
class MotionNetworkConfig:
    """Widths of the streams and the dilations of their blocks, and the scales that ``scaling`` works with.

    ``track_scale`` is of the channels of the track behind the tip's. With ``swing_dilations`` it holds a swing network.
    """

    field_width: int = 48
    track_width: int = 96
    vector_width: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4)
    field_scale: float = 0.01
    tip_scale: float = 0.08
    tip_gain: float = 0.6
    track_scale: tuple[float, ...] = (1.0, 0.8, 0.02, 0.0015, 0.0015)
    swing_width: int = 64
    swing_dilations: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Conditions(SwingConditions):
    """What motion is generated from: also ``given`` [1, N], 1 at frames whose ``track`` and ``field`` are given."""

    given: torch.Tensor
    track: torch.Tensor
    field: torch.Tensor


class Block(nn.Module):
    """One exchange between the streams, then convolutions: the field's over space and time, the track's over time."""

    def __init__(self, config: MotionNetworkConfig, dilation: int) -> None:
        super().__init__()
        wide, track = config.field_width, config.track_width
        self.field_norm, self.track_norm = nn.GroupNorm(6, wide), nn.GroupNorm(6, track)
        self.modulate = nn.Linear(config.vector_width, 2 * track + 2 * wide)
        self.to_field, self.to_track = nn.Linear(track, wide), nn.Linear(2 * wide, track)
        self.space = nn.Conv2d(wide, wide, 3, padding=1)
        self.time = nn.Conv1d(wide, wide, 5, padding=2 * dilation, dilation=dilation)
        self.line = nn.Conv1d(track, track, 5, padding=2 * dilation, dilation=dilation)
        self.mix = nn.Conv1d(track, track, 1)
        for last in (self.time, self.mix):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(
        self, field: torch.Tensor, track: torch.Tensor, vector: torch.Tensor, near: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``field`` [B, N, C, H, W], ``track`` [B, D, N], ``vector`` [B, V], ``near`` [B, 1, 1, H, W] sums to 1."""
        batch, frames, wide, rows, columns = field.shape
        size = track.shape[1]
        change = self.modulate(vector)
        gain, shift, field_gain, field_shift = change.split([size, size, wide, wide], dim=1)
        flat = self.field_norm(field.reshape(batch * frames, wide, rows, columns)).view_as(field)
        line = self.track_norm(track)
        pooled = torch.cat((flat.mean(dim=(3, 4)), (flat * near).sum(dim=(3, 4))), dim=2)
        line = line * (1 + gain[:, :, None]) + shift[:, :, None] + self.to_track(pooled).transpose(1, 2)
        flat = flat * (1 + field_gain[:, None, :, None, None]) + field_shift[:, None, :, None, None]
        flat = flat + self.to_field(track.transpose(1, 2))[..., None, None]
        track = track + self.mix(F.gelu(self.line(F.gelu(line))))
        seen = F.gelu(self.space(F.gelu(flat).reshape(batch * frames, wide, rows, columns)))
        seen = seen.view(batch, frames, wide, rows * columns).permute(0, 3, 2, 1).reshape(-1, wide, frames)
        moved = self.time(seen).view(batch, rows * columns, wide, frames).permute(0, 3, 2, 1)
        return field + moved.reshape(field.shape), track


class MotionNetwork(nn.Module):
    """Velocity of noisy motion; ``swing``, where it has one, generates the striker's path before."""

    def __init__(self, config: MotionNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or MotionNetworkConfig()
        width, swing = self.config.vector_width, self.config.swing_dilations
        self.swing = SwingNetwork(SwingConfig(self.config.swing_width, dilations=swing)) if swing else None
        self.vector = nn.Sequential(nn.Linear(32 + SOUND_FEATURES + 1, width), nn.GELU(), nn.Linear(width, width))
        self.field_in = nn.Conv2d(2 * FIELD + 1 + PATCH + 3, self.config.field_width, 1)
        self.track_in = nn.Conv1d(2 * len(TRACK) + 1 + ONSET_FEATURES + 3, self.config.track_width, 5, padding=2)
        self.blocks = nn.ModuleList(Block(self.config, dilation) for dilation in self.config.dilations)
        self.field_out = nn.Conv2d(self.config.field_width, FIELD, 3, padding=1)
        self.track_out = nn.Conv1d(self.config.track_width, len(TRACK), 1)
        for last in (self.field_out, self.track_out):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(
        self, track: torch.Tensor, field: torch.Tensor, angle: torch.Tensor, given: Conditions
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Velocities of a noisy track [B, len(TRACK), N] and field [B, N, 2, rows, columns] at angles [B]."""
        batch, frames = field.shape[:2]
        vector = self.vector(torch.cat((_embed(angle), given.sound, given.heard), dim=1))
        still = F.pixel_unshuffle(given.still, 4)
        scene = torch.cat((still, given.place), dim=1)[:, None].expand(-1, frames, -1, -1, -1)
        flag = given.given.transpose(1, 2)[..., None, None].expand(-1, -1, -1, *scene.shape[3:])
        cells = torch.cat((F.pixel_unshuffle(field, 2), F.pixel_unshuffle(given.field, 2), flag, scene), dim=2)
        hidden = self.field_in(cells.flatten(0, 1)).unflatten(0, (batch, frames))
        spot = torch.cat((given.place[:, 1:].mean(dim=(2, 3)), given.heard), dim=1)[:, :, None].expand(-1, -1, frames)
        line = self.track_in(torch.cat((track, given.track, given.given, given.blows, spot), dim=1))
        near = given.place[:, :1, None].transpose(1, 2)
        near = near / near.sum(dim=(3, 4), keepdim=True).clamp_min(1e-6)
        for block in self.blocks:
            hidden, line = block(hidden, line, vector, near)
        shown = F.pixel_shuffle(self.field_out(F.gelu(hidden).flatten(0, 1)), 2).unflatten(0, (batch, frames))
        return self.track_out(F.gelu(line)), shown


def _embed(angle: torch.Tensor) -> torch.Tensor:
    """Angles [B] from 0 to pi / 2 as sines and cosines [B, 32]."""
    rates = torch.exp(torch.linspace(0.0, math.log(60.0), 16, device=angle.device))
    turned = angle[:, None] * rates
    return torch.cat((torch.sin(turned), torch.cos(turned)), dim=1)


def save_motion_network(folder: Path, network: MotionNetwork, training: dict[str, Any]) -> None:
    """Write a network's weights in steps of 8 bits and its configuration."""
    write_checkpoint(folder, ANIMATE, network, torch.int8, {"network": asdict(network.config), "training": training})


def load_motion_network(folder: Path) -> MotionNetwork:
    """The network of a checkpoint; BadInput, with the reason, where it does not fit."""
    network, _ = read_checkpoint(
        folder, ANIMATE, lambda config: MotionNetwork(build_config(MotionNetworkConfig, config["network"]))
    )
    return network.eval().requires_grad_(False)
