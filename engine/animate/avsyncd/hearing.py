"""The sound as AVSyncD is told it: tokens of ImageBind's audio transformer (Girdhar et al., CVPR 2023).

Two seconds at 16 kHz become a log-mel spectrogram of 128 bands and 204 frames, cut into patches of 16 x 16 every 10;
each frame of the film hears the patches of its own time. Written anew; names are those of the published weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from engine.core.attention import FeedForward, attend

RATE_HZ, DURATION_S = 16_000, 2.0
BANDS, TIMES = 128, 204
_PATCH, _HOP = 16, 10
_MEAN, _DEVIATION = -4.268, 9.138
HEADS = 12
ROWS, COLUMNS = (BANDS - _PATCH) // _HOP + 1, (TIMES - _PATCH) // _HOP + 1
"""Patches up and along: 12 x 19."""


class _Attention(nn.Module):
    """Attention with one learnt key and value more, as PyTorch's with ``add_bias_kv``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.bias_k, self.bias_v = nn.Parameter(torch.empty(1, 1, width)), nn.Parameter(torch.empty(1, 1, width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        asked, keys, values = F.linear(tokens, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        keys = torch.cat((keys, self.bias_k.expand(len(keys), -1, -1)), dim=1)
        values = torch.cat((values, self.bias_v.expand(len(values), -1, -1)), dim=1)
        return torch.as_tensor(self.out_proj(attend(asked, keys, values, self.heads)))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.attn, self.mlp = _Attention(width, heads), FeedForward(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attn(self.norm_1(tokens))
        return torch.as_tensor(tokens + self.mlp(self.norm_2(tokens)))


class AudioTransformer(nn.Module):
    """Tokens of sounds: one for all of it, then one a patch."""

    def __init__(self, width: int = 768, blocks: int = 12, heads: int = HEADS) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + ROWS * COLUMNS, width))
        self.stem = nn.Conv2d(1, width, _PATCH, _HOP, bias=False)
        self.stem_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([_Block(width, heads) for _ in range(blocks)])

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        """Tokens [B, 1 + ROWS COLUMNS, width] of spectrograms [B, BANDS, TIMES], of mean 0 and deviation 1 each."""
        patches = self.stem_norm(self.stem(spectrograms[:, None]).flatten(2).transpose(1, 2))
        tokens = torch.cat((self.cls_token.expand(len(patches), -1, -1), patches), dim=1) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        # AVSyncD's own last normalisation, which was never trained
        return F.layer_norm(tokens, tokens.shape[-1:], eps=1e-6)


def rename_imagebind(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The audio part of ImageBind's weights under this module's names; other senses and the head are left out."""
    first, trunk = "modality_preprocessors.audio.", "modality_trunks.audio."
    names = {
        "cls_token": "cls_token",
        "pos_embedding_helper.pos_embed": "pos_embed",
        "rgbt_stem.proj.weight": "stem.weight",
        "rgbt_stem.norm_layer.weight": "stem_norm.weight",
        "rgbt_stem.norm_layer.bias": "stem_norm.bias",
    }
    renamed = {new: weights[first + old] for old, new in names.items() if first + old in weights}
    return renamed | {name.removeprefix(trunk): value for name, value in weights.items() if name.startswith(trunk)}


def make_spectrogram(samples: np.ndarray) -> torch.Tensor:
    """Log-mel spectrogram [BANDS, TIMES] of at most two seconds of a mono sound [N] at RATE_HZ, as ImageBind's."""
    from torchaudio.compliance.kaldi import fbank

    wave = torch.from_numpy(np.asarray(samples, np.float32)[: round(DURATION_S * RATE_HZ)])[None]
    wave = wave - wave.mean()
    bands = fbank(
        wave, htk_compat=True, sample_frequency=RATE_HZ, use_energy=False, window_type="hanning", num_mel_bins=BANDS,
        dither=0.0, frame_length=25.0, frame_shift=10.0,
    ).T[:, :TIMES]  # fmt: skip
    return torch.as_tensor((F.pad(bands, (0, TIMES - bands.shape[1])) - _MEAN) / _DEVIATION)


def make_windows(frames: int) -> torch.Tensor:
    """What each frame hears, bool [frames, 1 + ROWS COLUMNS]: the first token, and patches of its own time."""
    size = math.ceil(COLUMNS / frames)
    starts = np.round(np.linspace(0, COLUMNS - size, frames)).astype(int)
    heard = torch.zeros(frames, ROWS, COLUMNS, dtype=torch.bool)
    for frame, start in enumerate(starts):
        heard[frame, :, start : start + size] = True
    return torch.cat((torch.ones(frames, 1, dtype=torch.bool), heard.flatten(1)), dim=1)
