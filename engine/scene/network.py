"""The networks that picture a sound: encoders of sounds and pictures into one space, and a denoiser of pictures.

- The sound encoder reads the log-mel spectrogram of a second with its level; the picture encoder is a linear head on
  the frozen features of an image network, as in Sound2Scene (Sung-Bin et al., CVPR 2023).
- Both are aligned by InfoNCE; the denoiser, a small U-Net on blocks of 4 x 4 pixels, is conditioned on the sound.
- The denoiser predicts the clean picture, which a narrow network does better than noise.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from engine.core.checkpoint import CheckpointKind, build_config, read_checkpoint, write_checkpoint
from engine.scene.hearing import BANDS, FLOOR_DB

SCENE = CheckpointKind("scene", version=1, remedy="restore it, or train one with `launch.py train scene`")
SIDE = 64
"""Pixels of a picture's side."""
PATCH = 4
_COLORS = 3


@dataclass(frozen=True)
class SceneConfig:
    """Widths of the networks, and of the space that sounds and pictures share."""

    shared: int = 32
    sound_widths: tuple[int, ...] = (16, 32, 48, 64)
    picture_features: int = 1280
    fine_width: int = 40
    coarse_width: int = 48
    vector_width: int = 64
    coarse_blocks: int = 2


class SoundEncoder(nn.Module):
    """Sounds as points on the unit sphere."""

    def __init__(self, config: SceneConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        # the input is the spectrogram and the height of each band, so that a pitch is no other pitch shifted
        for before, after in zip((2, *config.sound_widths[:-1]), config.sound_widths, strict=True):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(4, after), nn.SiLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * config.sound_widths[-1] + 1, config.shared))

    def forward(self, sounds: torch.Tensor) -> torch.Tensor:
        """Unit vectors [B, shared] of sounds [B, BANDS, FRAMES] as ``hear_sound`` hears them."""
        level = sounds.amax(dim=(1, 2))
        shape = ((sounds - level[:, None, None]) / 30.0 + 1.0).clamp_min(-1.0)
        height = torch.linspace(-1.0, 1.0, BANDS, device=sounds.device)[None, :, None].expand_as(shape)
        maps = self.body(torch.stack((shape, height), dim=1))
        pooled = torch.cat((maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3)), (level / FLOOR_DB)[:, None] * 2 - 1), dim=1)
        return F.normalize(self.head(pooled), dim=1)


class PictureEncoder(nn.Module):
    """Features of pictures as points on the unit sphere."""

    def __init__(self, config: SceneConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.picture_features)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(config.picture_features, config.shared))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Unit vectors [B, shared] of features [B, picture_features] of the image network."""
        return F.normalize(self.head(self.norm(features)), dim=1)


class ResidualBlock(nn.Module):
    """Two convolutions, the second scaled and shifted by the condition."""

    def __init__(self, before: int, after: int, vector: int) -> None:
        super().__init__()
        self.norm_in, self.norm_out = nn.GroupNorm(8, before), nn.GroupNorm(8, after, affine=False)
        self.conv_in = nn.Conv2d(before, after, 3, padding=1)
        self.conv_out = nn.Conv2d(after, after, 3, padding=1)
        self.to_scale = nn.Linear(vector, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, maps: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        """Maps [B, before, H, W] to [B, after, H, W]."""
        scale, shift = self.to_scale(vector)[:, :, None, None].chunk(2, dim=1)
        hidden = self.conv_in(F.silu(self.norm_in(maps)))
        hidden = self.conv_out(F.silu(self.norm_out(hidden) * (1 + scale) + shift))
        return torch.as_tensor(self.skip(maps) + hidden)


class Denoiser(nn.Module):
    """The clean picture in a noisy one."""

    def __init__(self, config: SceneConfig) -> None:
        super().__init__()
        fine, coarse, width = config.fine_width, config.coarse_width, config.vector_width
        self.vector = nn.Sequential(nn.Linear(32 + config.shared + 1, width), nn.SiLU(), nn.Linear(width, width))
        self.enter = nn.Conv2d(_COLORS * PATCH**2, fine, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(fine, SIDE // PATCH, SIDE // PATCH))
        self.fine_in = ResidualBlock(fine, fine, width)
        self.down = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(ResidualBlock(coarse, coarse, width) for _ in range(config.coarse_blocks))
        self.to_qkv, self.to_out = nn.Conv2d(coarse, 3 * coarse, 1), nn.Conv2d(coarse, coarse, 1)
        self.up = nn.Conv2d(coarse, fine, 1)
        self.fine_out = ResidualBlock(2 * fine, fine, width)
        self.leave = nn.Conv2d(fine, _COLORS * PATCH**2, 3, padding=1)
        self.smooth = nn.Sequential(
            nn.Conv2d(_COLORS, 12, 3, padding=1), nn.SiLU(), nn.Conv2d(12, _COLORS, 3, padding=1)
        )
        for last in (self.leave, self.smooth[-1], self.to_out):
            nn.init.zeros_(last.weight)  # type: ignore[arg-type]
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, noisy: torch.Tensor, angle: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
        """Clean pictures [B, 3, SIDE, SIDE] from -1 to 1, of noisy ones at angles [B] and sounds [B, shared].

        A sound of zeros is none.
        """
        heard = sound.norm(dim=1, keepdim=True)
        width = math.sqrt(sound.shape[1])
        vector = F.silu(self.vector(torch.cat((_embed(angle), sound * width, heard), dim=1)))
        fine = self.fine_in(self.enter(F.pixel_unshuffle(noisy, PATCH)) + self.place, vector)
        maps = self.down(fine)
        for index, block in enumerate(self.coarse):
            maps = block(maps, vector)
            if index == 0:
                maps = maps + self.to_out(_attend(self.to_qkv(maps)))
        wide = F.interpolate(self.up(maps), scale_factor=2.0, mode="nearest")
        picture = F.pixel_shuffle(self.leave(F.silu(self.fine_out(torch.cat((wide, fine), dim=1), vector))), PATCH)
        return torch.as_tensor(picture + self.smooth(picture))


class SceneNetwork(nn.Module):
    """The encoders and the denoiser of a checkpoint."""

    def __init__(self, config: SceneConfig | None = None) -> None:
        super().__init__()
        self.config = config or SceneConfig()
        self.sounds, self.pictures = SoundEncoder(self.config), PictureEncoder(self.config)
        self.denoiser = Denoiser(self.config)


def _attend(maps: torch.Tensor) -> torch.Tensor:
    """Attention of four heads over the cells of queries, keys and values [B, 3 C, H, W]."""
    batch, channels, rows, columns = maps.shape
    query, key, value = maps.view(batch, 3, 4, channels // 12, rows * columns).transpose(3, 4).unbind(dim=1)
    seen = F.scaled_dot_product_attention(query, key, value)
    return seen.transpose(2, 3).reshape(batch, channels // 3, rows, columns)


def _embed(angle: torch.Tensor) -> torch.Tensor:
    """Angles [B] from 0 to pi / 2 as sines and cosines [B, 32]."""
    turned = angle[:, None] * torch.exp(torch.linspace(0.0, math.log(60.0), 16, device=angle.device))
    return torch.cat((torch.sin(turned), torch.cos(turned)), dim=1)


def save_scene_network(folder: Path, network: SceneNetwork, training: dict[str, Any]) -> None:
    """Write a checkpoint, weights in 8 bits a value, and its configuration."""
    write_checkpoint(folder, SCENE, network, torch.int8, {"network": asdict(network.config), "training": training})


def load_scene_network(folder: Path) -> SceneNetwork:
    """The networks of a checkpoint; BadInput, with the reason, where it does not fit."""
    network, _ = read_checkpoint(
        folder, SCENE, lambda config: SceneNetwork(build_config(SceneConfig, config["network"]))
    )
    return network.eval().requires_grad_(False)
