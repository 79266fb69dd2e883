"""Network of the DDPM baseline: physics encoder and two-dimensional U-Net with noise prediction.

After Su et al. (CVPR 2023), who took the U-Net from Ho et al. (2020): sizes as published when ``base`` is 64 and
``patch`` (1, 1). There is no visual condition: the corpus has sounds without video.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from engine.lab.baselines.ddpm.drawing import DRAWINGS, draw_physics
from engine.lab.baselines.ddpm.physics import (
    BANDS,
    BINS,
    LENGTH,
    MAX_T60_S,
    RANGE_DB,
    RATE_HZ,
    SEARCH_HZ,
    DdpmPhysics,
    bin_centres_hz,
)

GROUPS = 8
HEADS, HEAD_WIDTH = 8, 32
PAPER_BASE = 64
LATENT = 256


@dataclass(frozen=True)
class DdpmConfig:
    """Sizes of the U-Net, the paper's by default: ``base`` a multiple of 8, levels ``multipliers`` times as wide.

    The attention has 8 heads at base 64 and fewer below it.

    ``patch``: bins and frames of the first layer's patches. (1, 1) is the paper's; larger patches are for processors
    on which 1000 steps at full resolution would take an hour a sound.

    ``drawn``: the physics is an input of the U-Net as well (drawing.py), and not only a vector as in the paper.
    ``clean``: the network predicts the clean spectrogram instead of the noise (Li and He, "Back to basics: let
    denoising generative models denoise", 2025). A narrow network of patches cannot copy noise from its input to its
    output, and its error there is noise of its own at every step.
    """

    base: int = PAPER_BASE
    multipliers: tuple[int, ...] = (1, 2, 4, 8)
    patch: tuple[int, int] = (1, 1)
    drawn: bool = False
    clean: bool = False


def stack_features(physics: DdpmPhysics) -> tuple[torch.Tensor, ...]:
    """The encoder's five inputs, each scaled to about -1 to 1: f, p, t [B, 1025], w and T [B, 100].

    Frequencies are offsets from the bin's centre relative to the search range.
    """
    scaled = (
        (physics.frequency_hz - bin_centres_hz()) / SEARCH_HZ,
        2.0 * physics.power_db / RANGE_DB + 1.0,
        2.0 * physics.t60_s * RATE_HZ / LENGTH - 1.0,
        2.0 * physics.weight - 1.0,
        2.0 * physics.noise_t60_s / MAX_T60_S - 1.0,
    )
    return tuple(torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)) for values in scaled)


class PhysicsEncoder(nn.Module):
    """Latent of a hit's physics: one MLP for each input, concatenated and projected, [B, 256] in -1 to 1.

    Beyond the paper, the input of the last tanh has a batch norm and the weights a Kaiming initialization: without them
    the latent saturated within 400 steps at the same values for all hits.
    """

    def __init__(self) -> None:
        super().__init__()
        modes, noise = (BINS, 512, 512, 512, 64), (BANDS, 64, 64, 32)
        self.parts = nn.ModuleList(_mlp(widths) for widths in (modes, modes, modes, noise, noise))
        self.join = nn.Linear(LATENT, LATENT)
        self.norm = nn.BatchNorm1d(LATENT, affine=False)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Features of ``stack_features`` to the latent [B, 256]."""
        parts = [part(values) for part, values in zip(self.parts, features, strict=True)]
        latent: torch.Tensor = torch.tanh(self.norm(self.join(torch.cat(parts, dim=1)).float()))
        return latent


def _mlp(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class TimeEmbedding(nn.Module):
    """Sinusoidal embedding of steps [B] and an MLP, [B, width]."""

    def __init__(self, sinusoids: int, width: int) -> None:
        super().__init__()
        self.sinusoids = sinusoids
        self.layers = nn.Sequential(nn.Linear(sinusoids, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, step: torch.Tensor) -> torch.Tensor:
        """Steps [B] to [B, width]."""
        half = self.sinusoids // 2
        rate = torch.exp(torch.arange(half, device=step.device) * (-math.log(10_000.0) / (half - 1)))
        angle = step.float()[:, None] * rate
        embedding: torch.Tensor = self.layers(torch.cat((angle.sin(), angle.cos()), dim=1))
        return embedding


class ResidualBlock(nn.Module):
    """Two convolutions with group norms and a skip connection; the condition scales and shifts the first (FiLM)."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.modulate = nn.Linear(condition, 2 * outputs)
        self.conv_in = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm_in = nn.GroupNorm(GROUPS, outputs)
        self.conv_out = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm_out = nn.GroupNorm(GROUPS, outputs)
        self.skip: nn.Module = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """[B, inputs, H, W] and [B, condition] to [B, outputs, H, W]."""
        scale, shift = self.modulate(F.silu(condition))[:, :, None, None].chunk(2, dim=1)
        hidden = F.silu(self.norm_in(self.conv_in(x)) * (1.0 + scale) + shift)
        return F.silu(self.norm_out(self.conv_out(hidden))) + self.skip(x)


class LinearAttention(nn.Module):
    """Self-attention over all positions at linear cost (Shen et al. 2021), with a residual connection."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * HEAD_WIDTH
        self.norm = nn.GroupNorm(1, channels)
        self.to_qkv = nn.Conv2d(channels, 3 * inner, 1, bias=False)
        self.to_out = nn.Conv2d(inner, channels, 1)
        self.norm_out = nn.GroupNorm(1, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, channels, H, W] to the same."""
        size, _, height, width = x.shape
        qkv = self.to_qkv(self.norm(x)).permute(0, 2, 3, 1).reshape(size, height * width, 3, self.heads, HEAD_WIDTH)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # [B, heads, positions, 32] each
        query, key = query.softmax(dim=3) * HEAD_WIDTH**-0.5, key.softmax(dim=2)
        context = torch.matmul(key.transpose(2, 3), value)
        attended = torch.matmul(query, context).permute(0, 2, 1, 3).reshape(size, height, width, -1)
        return x + self.norm_out(self.to_out(attended.permute(0, 3, 1, 2)))


class Level(nn.Module):
    """Two residual blocks and the attention of one resolution."""

    def __init__(self, inputs: int, outputs: int, condition: int, heads: int) -> None:
        super().__init__()
        self.first = ResidualBlock(inputs, outputs, condition)
        self.second = ResidualBlock(outputs, outputs, condition)
        self.attention = LinearAttention(outputs, heads)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """[B, inputs, H, W] and [B, condition] to [B, outputs, H, W]."""
        output: torch.Tensor = self.attention(self.second(self.first(x, condition), condition))
        return output


class DdpmNetwork(nn.Module):
    """Predict the noise in a spectrogram [B, 1, 1025, 44], or the spectrogram without it.

    Given are its step [B] and the physics latent [B, 256].

    1025 is odd: inputs are zero-padded until every level can be halved, and outputs cropped.
    """

    def __init__(self, config: DdpmConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.base * m for m in config.multipliers]
        condition, heads = 4 * config.base + LATENT, max(1, HEADS * config.base // PAPER_BASE)
        self.encoder = PhysicsEncoder()
        self.time = TimeEmbedding(config.base, 4 * config.base)
        first = (7, 1, 3) if config.patch == (1, 1) else (config.patch, config.patch, 0)
        self.stem = nn.Conv2d(1 + (DRAWINGS if config.drawn else 0), widths[0], *first)
        inner = [widths[0], *widths]
        self.down = nn.ModuleList(Level(a, b, condition, heads) for a, b in zip(inner, widths, strict=False))
        self.downsample = nn.ModuleList(nn.Conv2d(w, w, 4, 2, 1) for w in widths[:-1])
        self.middle = Level(widths[-1], widths[-1], condition, heads)
        self.up = nn.ModuleList(Level(2 * b, a, condition, heads) for a, b in zip(inner, widths, strict=False))
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(w, w, 4, 2, 1) for w in widths[:-1])
        self.last = ResidualBlock(2 * widths[0], widths[0], condition)
        self.head = nn.Conv2d(widths[0], config.patch[0] * config.patch[1], 1)

    def encode(self, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """The latent of a hit's physics, which all steps share."""
        latent: torch.Tensor = self.encoder(features)
        return latent

    def forward(
        self, x: torch.Tensor, step: torch.Tensor, latent: torch.Tensor, drawing: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Noisy spectrograms [B, 1, H, W], steps [B] and latents [B, 256] to noise or clean spectrograms.

        ``drawing`` [B, 2, H, W] is needed where the configuration is ``drawn`` (``draw_physics``).
        """
        if drawing is not None:
            x = torch.cat((x, drawing), dim=1)
        height, width = x.shape[-2:]
        dtype = self.stem.weight.dtype
        condition = torch.cat((self.time(step), latent), dim=1).to(dtype)
        x = stem = self.stem(self._pad(x).to(dtype))
        skips = []
        for i, level in enumerate(self.down):
            x = level(x, condition)
            skips.append(x)
            if i < len(self.downsample):
                x = self.downsample[i](x)
        x = self.middle(x, condition)
        for i in reversed(range(len(self.up))):
            x = self.up[i](torch.cat((x, skips[i]), dim=1), condition)
            if i > 0:
                x = self.upsample[i - 1](x)
        noise = self.head(self.last(torch.cat((x, stem), dim=1), condition).to(self.head.weight.dtype))
        return self._join_patches(noise)[:, :, :height, :width]

    def use_bfloat16(self) -> None:
        """Convert the U-Net to bfloat16; the condition and the last layer stay in float32."""
        for name, part in self.named_children():
            if name not in ("encoder", "time", "head"):
                part.to(torch.bfloat16)

    def draw(self, physics: DdpmPhysics) -> torch.Tensor | None:
        """The physics as the U-Net takes it beside the noisy spectrogram, None where it does not."""
        return draw_physics(physics) if self.config.drawn else None

    def _pad(self, x: torch.Tensor) -> torch.Tensor:
        factor = 2 ** len(self.downsample)
        rows, columns = (-size % (factor * p) for size, p in zip(x.shape[-2:], self.config.patch, strict=True))
        return F.pad(x, (0, columns, 0, rows))

    def _join_patches(self, x: torch.Tensor) -> torch.Tensor:
        size, _, height, width = x.shape
        a, b = self.config.patch
        return x.reshape(size, 1, a, b, height, width).permute(0, 1, 4, 2, 5, 3).reshape(size, 1, height * a, width * b)
