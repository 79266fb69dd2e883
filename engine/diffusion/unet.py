"""U-Net over patches of a whitened complex spectrogram; predicts the velocity (v-prediction).

For every bin it returns a free part and gates on the prior's modal part (complex) and on the noisy spectrogram (real).
Gates let a coarse, cheap network act on single bins: rotate the phase of a mode, damp a region of noise, without
redrawing it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from engine.diffusion.conditioning import CONTEXT_DIM, DETAIL_DIM
from engine.diffusion.group_norm import GroupNorm
from engine.diffusion.pointwise import PointwiseConv
from engine.diffusion.spectrogram import BINS


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the U-Net; ``channels`` one entry a level, each level half as fine as the one before.

    ``heads`` of self-attention at the coarsest level, 0 for none.
    """

    channels: tuple[int, ...] = (48, 96, 160, 224)
    blocks: int = 2
    patch: int = 4
    embedding: int = 256
    condition_channels: int = 4
    heads: int = 0


class Block(nn.Module):
    """Pre-activation residual block, modulated by scale and shift from the time embedding (adaptive group norm)."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.norm_in = GroupNorm(8, inputs)
        self.conv_in = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.modulate = nn.Linear(embedding, 2 * outputs)
        self.norm_out = GroupNorm(8, outputs)
        self.conv_out = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip: nn.Module = PointwiseConv(inputs, outputs) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        hidden = self.conv_in(F.silu(self.norm_in(x)))
        scale, shift = self.modulate(embedding)[:, :, None, None].chunk(2, dim=1)
        hidden = self.norm_out(hidden) * (1.0 + scale) + shift
        return self.skip(x) + self.conv_out(F.silu(hidden))


class Attention(nn.Module):
    """Residual self-attention over all places of a map [B, C, H, W]."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = GroupNorm(8, channels)
        self.project_in = PointwiseConv(channels, 3 * channels)
        self.project_out = PointwiseConv(channels, channels)
        nn.init.zeros_(self.project_out.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, rows, columns = x.shape
        parts = self.project_in(self.norm(x)).reshape(batch, 3, self.heads, channels // self.heads, rows * columns)
        query, key, value = parts.transpose(-1, -2).unbind(dim=1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return x + self.project_out(mixed.transpose(-1, -2).reshape(batch, channels, rows, columns))


class VelocityNetwork(nn.Module):
    """Velocity [B, 2, BINS, T] of a noisy deviation at an angle, given the prior's features."""

    pitch: torch.Tensor
    OUTPUTS = 5  # free part (2), gate on the modal part (2, complex), gate on the noisy spectrogram (1)

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        channels, patch = config.channels, config.patch
        self.embed = nn.Sequential(
            nn.Linear(64, config.embedding), nn.SiLU(), nn.Linear(config.embedding, config.embedding), nn.SiLU()
        )
        self.context = nn.Linear(CONTEXT_DIM, config.embedding, bias=False)  # zero context: no change
        nn.init.zeros_(self.context.weight)
        self.detail = nn.Linear(DETAIL_DIM, config.embedding, bias=False)  # zero detail, the full physics: no change
        nn.init.zeros_(self.detail.weight)
        self.stem = nn.Conv2d(2 + config.condition_channels + 1, channels[0], patch, stride=patch)
        # Convolutions are shift-invariant but physics is not: each level learns an embedding of its frequency rows.
        self.freq_embedding = nn.ParameterList(
            [nn.Parameter(torch.zeros(1, c, BINS // patch // 2**i, 1)) for i, c in enumerate(channels)]
        )
        self.down = nn.ModuleList()
        self.downsample = nn.ModuleList()
        for i, width in enumerate(channels):
            self.down.append(nn.ModuleList([Block(width, width, config.embedding) for _ in range(config.blocks)]))
            if i + 1 < len(channels):
                self.downsample.append(nn.Conv2d(width, channels[i + 1], 2, stride=2))
        self.attention: nn.Module = Attention(channels[-1], config.heads) if config.heads else nn.Identity()
        self.upsample = nn.ModuleList()
        self.up = nn.ModuleList()
        for i in reversed(range(len(channels) - 1)):
            self.upsample.append(nn.ConvTranspose2d(channels[i + 1], channels[i], 2, stride=2))
            inputs = [2 * channels[i]] + [channels[i]] * (config.blocks - 1)
            self.up.append(nn.ModuleList([Block(width, channels[i], config.embedding) for width in inputs]))
        self.norm = GroupNorm(8, channels[0])
        self.head = nn.Conv2d(channels[0], self.OUTPUTS * patch * patch, 3, padding=1)
        with torch.no_grad():  # velocity 0, the bare prior, is where learning starts
            for values in self.head.parameters():
                values.zero_()
        pitch = torch.linspace(-1.0, 1.0, BINS)[None, None, :, None]
        self.register_buffer("pitch", pitch, persistent=False)

    def forward(
        self,
        noisy: torch.Tensor,
        angle: torch.Tensor,
        features: torch.Tensor,
        context: torch.Tensor | None = None,
        detail: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Velocity of ``noisy`` [B, 2, BINS, T] at ``angle`` [B] in 0..pi/2, given ``features`` [B, 4, BINS, T].

        ``context`` [B, CONTEXT_DIM] is the optional conditioning (``encode_contexts``), ``detail`` [B, DETAIL_DIM] what
        the physics leaves out (``encode_details``).
        """
        mean = features[:, :2]
        dtype = self.stem.weight.dtype
        embedding = self.embed(embed_angle(angle).to(dtype))
        if context is not None:
            embedding = embedding + self.context(context.to(dtype))
        if detail is not None:
            embedding = embedding + self.detail(detail.to(dtype))
        x = torch.cat((noisy, features, self.pitch.expand(noisy.shape[0], 1, BINS, noisy.shape[-1])), dim=1)
        x = self.stem(x.to(dtype).contiguous(memory_format=torch.channels_last))
        skips = []
        for i, blocks in enumerate(self.down):
            x = x + self.freq_embedding[i]
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, embedding)
            if i < len(self.downsample):
                skips.append(x)
                x = self.downsample[i](x)
        x = self.attention(x)
        for upsample, blocks in zip(self.upsample, self.up, strict=True):
            x = torch.cat((upsample(x), skips.pop()), dim=1)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, embedding)
        maps = F.pixel_shuffle(self.head(F.silu(self.norm(x))), self.config.patch).float()
        free, gate_mean, gate_noisy = maps[:, :2], maps[:, 2:4], maps[:, 4:5]
        return free + multiply_complex(gate_mean, mean) + gate_noisy * noisy


def multiply_complex(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Product of two complex spectrograms given as real and imaginary part, [B, 2, ...]."""
    return torch.stack((a[:, 0] * b[:, 0] - a[:, 1] * b[:, 1], a[:, 0] * b[:, 1] + a[:, 1] * b[:, 0]), dim=1)


def embed_angle(angle: torch.Tensor) -> torch.Tensor:
    """Sinusoidal embedding of an angle [B] at 32 frequencies, [B, 64]."""
    rates = torch.exp(torch.linspace(0.0, math.log(200.0), 32, device=angle.device))
    phases = angle.float()[:, None] * rates
    return torch.cat((phases.sin(), phases.cos()), dim=1)
