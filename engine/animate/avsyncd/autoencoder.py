"""The autoencoder of Stable Diffusion 1.5 (Rombach et al., CVPR 2022): pictures to latents of an eighth of their size.

Written anew; the modules' names are those of the published weights, and sizes are read from them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

SCALE = 0.18215
"""Factor by which latents are brought to a deviation of about 1."""
GROUPS = 32
_OLD_NAMES = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, width, 1e-6)


class _ResBlock(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(before), _norm(after)
        self.conv1, self.conv2 = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        hidden = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(maps))))))
        return torch.as_tensor((maps if self.conv_shortcut is None else self.conv_shortcut(maps)) + hidden)


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.group_norm = _norm(width)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        tokens = self.group_norm(maps).flatten(2).transpose(1, 2)
        found = F.scaled_dot_product_attention(self.to_q(tokens), self.to_k(tokens), self.to_v(tokens))
        return torch.as_tensor(maps + self.to_out[0](found).transpose(1, 2).unflatten(2, maps.shape[2:]))


class _Middle(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([_ResBlock(width, width) for _ in range(2)])
        self.attentions = nn.ModuleList([_Attention(width)])

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.resnets[1](self.attentions[0](self.resnets[0](maps))))


class _Change(nn.Module):
    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        # halving pads below and to the right alone
        self.conv = nn.Conv2d(width, width, 3, stride, padding=0 if stride == 2 else 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if self.conv.stride == (2, 2):
            return torch.as_tensor(self.conv(F.pad(maps, (0, 1, 0, 1))))
        return torch.as_tensor(self.conv(F.interpolate(maps, scale_factor=2.0)))


class _Level(nn.Module):
    def __init__(self, before: int, after: int, blocks: int, change: str) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([_ResBlock(before if k == 0 else after, after) for k in range(blocks)])
        self.change = change
        if change:
            self.add_module(change, nn.ModuleList([_Change(after, 2 if change == "downsamplers" else 1)]))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        for block in self.resnets:
            maps = block(maps)
        return torch.as_tensor(self.get_submodule(f"{self.change}.0")(maps)) if self.change else maps


class _Encoder(nn.Module):
    def __init__(self, widths: tuple[int, ...], blocks: int, latent: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        pairs = list(zip((widths[0], *widths), widths, strict=False))
        self.down_blocks = nn.ModuleList(
            [_Level(a, b, blocks, "downsamplers" if k < len(pairs) - 1 else "") for k, (a, b) in enumerate(pairs)]
        )
        self.mid_block = _Middle(widths[-1])
        self.conv_norm_out, self.conv_out = _norm(widths[-1]), nn.Conv2d(widths[-1], 2 * latent, 3, padding=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = self.conv_in(maps)
        for level in self.down_blocks:
            maps = level(maps)
        return torch.as_tensor(self.conv_out(F.silu(self.conv_norm_out(self.mid_block(maps)))))


class _Decoder(nn.Module):
    def __init__(self, widths: tuple[int, ...], blocks: int, latent: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(latent, widths[-1], 3, padding=1)
        self.mid_block = _Middle(widths[-1])
        down = widths[::-1]
        pairs = list(zip((down[0], *down), down, strict=False))
        self.up_blocks = nn.ModuleList(
            [_Level(a, b, blocks + 1, "upsamplers" if k < len(pairs) - 1 else "") for k, (a, b) in enumerate(pairs)]
        )
        self.conv_norm_out, self.conv_out = _norm(widths[0]), nn.Conv2d(widths[0], 3, 3, padding=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = self.mid_block(self.conv_in(maps))
        for level in self.up_blocks:
            maps = level(maps)
        return torch.as_tensor(self.conv_out(F.silu(self.conv_norm_out(maps))))


class Autoencoder(nn.Module):
    """Pictures [B, 3, H, W] from -1 to 1 to latents and back; H and W are multiples of ``reduction``."""

    def __init__(self, widths: tuple[int, ...] = (128, 256, 512, 512), blocks: int = 2, latent: int = 4) -> None:
        super().__init__()
        self.reduction = 2 ** (len(widths) - 1)
        self.encoder, self.decoder = _Encoder(widths, blocks, latent), _Decoder(widths, blocks, latent)
        self.quant_conv, self.post_quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1), nn.Conv2d(latent, latent, 1)

    def encode(self, pictures: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Scaled latents, drawn from the encoder's distribution by standard noise of their shape."""
        mean, log_variance = self.quant_conv(self.encoder(pictures)).chunk(2, dim=1)
        spread = torch.exp(0.5 * log_variance.clamp(-30.0, 20.0))
        return torch.as_tensor(SCALE * (mean + spread * noise))

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures of scaled latents."""
        return torch.as_tensor(self.decoder(self.post_quant_conv(latents / SCALE)))


def rename_old(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights under today's names: files of 2022 call the attention's layers otherwise, some as 1 x 1 convolutions."""
    renamed: dict[str, torch.Tensor] = {}
    for name, value in weights.items():
        for old, new in _OLD_NAMES.items():
            name = name.replace(old, new)
        is_linear = ".attentions." in name and ".to_" in name and value.dim() == 4
        renamed[name] = value[:, :, 0, 0] if is_linear else value
    return renamed


def read_autoencoder_shape(weights: Mapping[str, torch.Tensor]) -> tuple[tuple[int, ...], int, int]:
    """Widths of the levels, blocks a level and channels of latents. KeyError where it is another network."""
    levels = blocks = 0
    while f"encoder.down_blocks.{levels}.resnets.0.conv1.weight" in weights:
        levels += 1
    while f"encoder.down_blocks.0.resnets.{blocks}.conv1.weight" in weights:
        blocks += 1
    widths = tuple(weights[f"encoder.down_blocks.{k}.resnets.0.conv1.weight"].shape[0] for k in range(levels))
    return widths, blocks, weights["post_quant_conv.weight"].shape[0]
