"""The denoiser of AVSyncD (Zhang et al., ECCV 2024): Stable Diffusion 1.5's U-Net over the frames of a film.

- Every convolution is followed by a linear layer over the first, the previous and this frame, added to its result.
- Self-attention of a frame looks at the first frame; then it attends to the sound, to the text, and along time.
- Group normalisation outside the transformers is over all frames of a film together.

Written anew; the modules' names are those of the published weights, and sizes are read from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from engine.core.attention import attend

HEADS, GROUPS = 8, 32


@dataclass(frozen=True)
class UNetShape:
    """Channels of the levels, whether each level attends, blocks a level, and widths of latents, text and sound."""

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    attends: tuple[bool, ...] = (True, True, True, False)
    blocks: int = 2
    latent: int = 4
    text: int = 768
    sound: int = 768


@dataclass(frozen=True, eq=False)
class Told:
    """What the denoiser is told: text [B, N, text], sound [B, M, sound], and what each frame hears, bool [F, M]."""

    text: torch.Tensor
    sound: torch.Tensor
    windows: torch.Tensor


def read_shape(weights: Mapping[str, torch.Tensor]) -> UNetShape:
    """The sizes of a U-Net from its weights. KeyError or IndexError where it is another network."""
    levels = 0
    while f"down_blocks.{levels}.resnets.0.conv1.weight" in weights:
        levels += 1
    blocks = 0
    while f"down_blocks.0.resnets.{blocks}.conv1.weight" in weights:
        blocks += 1
    first = next(name for name in weights if name.endswith("attn2.to_k.weight")).removesuffix("attn2.to_k.weight")
    return UNetShape(
        tuple(weights[f"down_blocks.{k}.resnets.0.conv1.weight"].shape[0] for k in range(levels)),
        tuple(f"down_blocks.{k}.attentions.0.proj_in.weight" in weights for k in range(levels)),
        blocks,
        weights["conv_in.weight"].shape[1],
        weights[f"{first}attn2.to_k.weight"].shape[1],
        weights[f"{first}attn_audio.to_k.weight"].shape[1],
    )


class FilmConv(nn.Conv2d):
    """Convolution of each frame, and what a linear layer makes of its result in the first, previous and this frame."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1) -> None:
        super().__init__(before, after, kernel, stride, kernel // 2)
        self.conv_temp = nn.Linear(3 * after, after)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Films [B, before, F, H, W] to [B, after, F, H, W]."""
        batch, _, frames = input.shape[:3]
        maps = super().forward(input.transpose(1, 2).flatten(0, 1)).unflatten(0, (batch, frames))
        now = maps.movedim(2, -1)  # [B, F, H, W, C]
        previous = torch.cat((now[:, :1], now[:, :-1]), dim=1)
        joined = torch.cat((now[:, :1].expand_as(now), previous, now), dim=-1)
        return (now + self.conv_temp(joined)).movedim(-1, 1)


class FilmResBlock(nn.Module):
    """Two convolutions, the step of the diffusion added between them."""

    def __init__(self, before: int, after: int, step: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, before, 1e-5), nn.GroupNorm(GROUPS, after, 1e-5)
        self.conv1, self.conv2 = FilmConv(before, after, 3), FilmConv(after, after, 3)
        self.time_emb_proj = nn.Linear(step, after)
        self.conv_shortcut = FilmConv(before, after, 1) if before != after else None

    def forward(self, film: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Films [B, before, F, H, W] to [B, after, F, H, W]; ``step`` is [B, step]."""
        hidden = self.conv1(F.silu(self.norm1(film))) + self.time_emb_proj(F.silu(step))[:, :, None, None, None]
        hidden = self.conv2(F.silu(self.norm2(hidden)))
        return torch.as_tensor((film if self.conv_shortcut is None else self.conv_shortcut(film)) + hidden)


class Attention(nn.Module):
    """Attention of HEADS heads."""

    def __init__(self, width: int, other: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k, self.to_v = nn.Linear(other, width, bias=False), nn.Linear(other, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, asking: torch.Tensor, other: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Tokens [B, N, width] of what they find in others [B, M, other]; ``mask`` [B, 1, 1, M] is true where heard."""
        found = attend(self.to_q(asking), self.to_k(other), self.to_v(other), HEADS, mask)
        return torch.as_tensor(self.to_out[0](found))


class _Gated(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        value, gate = self.proj(tokens).chunk(2, dim=-1)
        return torch.as_tensor(value * F.gelu(gate))


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([_Gated(width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.net[2](self.net[0](tokens)))


class StepEmbedding(nn.Module):
    """Two linear layers on sines and cosines of a number."""

    def __init__(self, waves: int, width: int) -> None:
        super().__init__()
        self.waves = waves
        self.linear_1, self.linear_2 = nn.Linear(waves, width), nn.Linear(width, width)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Vectors [N, width] of numbers [N]."""
        half = self.waves // 2
        rates = torch.exp(-math.log(10_000.0) * torch.arange(half, device=numbers.device) / half)
        angles = numbers[:, None].float() * rates
        waves = torch.cat((angles.cos(), angles.sin()), dim=1)
        return torch.as_tensor(self.linear_2(F.silu(self.linear_1(waves))))


class FilmTransformerBlock(nn.Module):
    """Attention to the first frame, to the sound, to the text and along time, then a gated layer."""

    def __init__(self, width: int, text: int, sound: int) -> None:
        super().__init__()
        self.norm1, self.attn1 = nn.LayerNorm(width), Attention(width, width)
        self.norm_audio, self.attn_audio = nn.LayerNorm(width), Attention(width, sound)
        self.norm2, self.attn2 = nn.LayerNorm(width), Attention(width, text)
        self.pos_embedding_temp = StepEmbedding(width, width)
        self.norm_temp, self.attn_temp = nn.LayerNorm(width), Attention(width, width)
        self.norm3, self.ff = nn.LayerNorm(width), _FeedForward(width)

    def forward(self, tokens: torch.Tensor, told: Told, frames: int) -> torch.Tensor:
        """Tokens [B F, N, width] of the frames of B films."""
        normal = self.norm1(tokens)
        first = normal.unflatten(0, (-1, frames))[:, :1].expand(-1, frames, -1, -1).flatten(0, 1)
        tokens = tokens + self.attn1(normal, first)
        films = len(tokens) // frames
        heard = told.sound.repeat_interleave(frames, dim=0)
        windows = told.windows.repeat(films, 1)[:, None, None, :]
        tokens = tokens + self.attn_audio(self.norm_audio(tokens), heard, windows)
        tokens = tokens + self.attn2(self.norm2(tokens), told.text.repeat_interleave(frames, dim=0))
        along = tokens.unflatten(0, (films, frames)).transpose(1, 2).flatten(0, 1)  # [B N, F, width]
        places = self.pos_embedding_temp(torch.arange(frames, device=tokens.device))
        normal = self.norm_temp(along + places)
        along = along + self.attn_temp(normal, normal)
        tokens = along.unflatten(0, (films, -1)).transpose(1, 2).flatten(0, 1)
        return torch.as_tensor(tokens + self.ff(self.norm3(tokens)))


class FilmTransformer(nn.Module):
    """A transformer block on the places of each frame."""

    def __init__(self, width: int, text: int, sound: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width, 1e-6)
        self.proj_in, self.proj_out = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([FilmTransformerBlock(width, text, sound)])

    def forward(self, film: torch.Tensor, told: Told) -> torch.Tensor:
        """Films [B, width, F, H, W]."""
        batch, _, frames, rows, columns = film.shape
        maps = film.transpose(1, 2).flatten(0, 1)
        tokens = self.proj_in(self.norm(maps)).flatten(2).transpose(1, 2)
        tokens = self.transformer_blocks[0](tokens, told, frames)
        maps = maps + self.proj_out(tokens.transpose(1, 2).unflatten(2, (rows, columns)))
        return maps.unflatten(0, (batch, frames)).transpose(1, 2)


class _Resample(nn.Module):
    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.conv = FilmConv(width, width, 3, stride)


class Level(nn.Module):
    """The blocks of a resolution, on the way down or up, and the change to the next."""

    def __init__(self, widths: list[tuple[int, int]], step: int, shape: UNetShape, attends: bool, change: str) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([FilmResBlock(before, after, step) for before, after in widths])
        if attends:
            self.attentions = nn.ModuleList([FilmTransformer(after, shape.text, shape.sound) for _, after in widths])
        if change:
            self.add_module(change, nn.ModuleList([_Resample(widths[-1][1], 2 if change == "downsamplers" else 1)]))
        self.attends, self.change = attends, change

    def block(self, number: int, film: torch.Tensor, step: torch.Tensor, told: Told) -> torch.Tensor:
        """One block of the level."""
        film = self.resnets[number](film, step)
        return torch.as_tensor(self.attentions[number](film, told)) if self.attends else film

    def resample(self, film: torch.Tensor) -> torch.Tensor:
        """Halve or double rows and columns."""
        if self.change == "upsamplers":
            film = F.interpolate(film, scale_factor=(1.0, 2.0, 2.0))
        return torch.as_tensor(self.get_submodule(f"{self.change}.0.conv")(film))


class MiddleLevel(nn.Module):
    """Residual block, transformer, residual block."""

    def __init__(self, width: int, step: int, shape: UNetShape) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([FilmResBlock(width, width, step) for _ in range(2)])
        self.attentions = nn.ModuleList([FilmTransformer(width, shape.text, shape.sound)])

    def forward(self, film: torch.Tensor, step: torch.Tensor, told: Told) -> torch.Tensor:
        """Films [B, width, F, H, W]."""
        return torch.as_tensor(self.resnets[1](self.attentions[0](self.resnets[0](film, step), told), step))


class FilmUNet(nn.Module):
    """Noise of the latents of films, from noisy latents whose first frame is clean."""

    def __init__(self, shape: UNetShape | None = None) -> None:
        super().__init__()
        shape = shape or UNetShape()
        widths, step = shape.channels, 4 * shape.channels[0]
        self.conv_in = FilmConv(shape.latent, widths[0], 3)
        self.time_embedding = StepEmbedding(widths[0], step)
        skips, before = [widths[0]], widths[0]
        downs: list[Level] = []
        for number, after in enumerate(widths):
            pairs = [(before if block == 0 else after, after) for block in range(shape.blocks)]
            change = "downsamplers" if number < len(widths) - 1 else ""
            downs.append(Level(pairs, step, shape, shape.attends[number], change))
            skips += [after] * (shape.blocks + bool(change))
            before = after
        self.down_blocks = nn.ModuleList(downs)
        self.mid_block = MiddleLevel(before, step, shape)
        ups: list[Level] = []
        for number, after in reversed(list(enumerate(widths))):
            pairs = []
            for _ in range(shape.blocks + 1):
                pairs.append((before + skips.pop(), after))
                before = after
            ups.append(Level(pairs, step, shape, shape.attends[number], "upsamplers" if number else ""))
        self.up_blocks = nn.ModuleList(ups)
        self.conv_norm_out = nn.GroupNorm(GROUPS, widths[0], 1e-5)
        self.conv_out = FilmConv(widths[0], shape.latent, 3)

    def forward(self, film: torch.Tensor, step: torch.Tensor, told: Told) -> torch.Tensor:
        """Noise of latents [B, latent, F, H, W] at steps of the diffusion [B]; H and W divide by all halvings."""
        vector = self.time_embedding(step)
        film = self.conv_in(film)
        skips = [film]
        for level in self.down_blocks:
            assert isinstance(level, Level)
            for number in range(len(level.resnets)):
                film = level.block(number, film, vector, told)
                skips.append(film)
            if level.change:
                film = level.resample(film)
                skips.append(film)
        film = self.mid_block(film, vector, told)
        for level in self.up_blocks:
            assert isinstance(level, Level)
            for number in range(len(level.resnets)):
                film = level.block(number, torch.cat((film, skips.pop()), dim=1), vector, told)
            if level.change:
                film = level.resample(film)
        return torch.as_tensor(self.conv_out(F.silu(self.conv_norm_out(film))))
