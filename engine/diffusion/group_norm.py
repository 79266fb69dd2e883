"""Group normalisation whose result does not depend on the number of threads."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

_PIXELS = 512
"""Pixels summed at a time, always by one thread."""

_FEW_PIXELS = 1024
"""Under this PyTorch's own kernel sums in one fixed order; above, a share of the pixels per thread."""


class GroupNorm(nn.GroupNorm):
    """Group normalisation (Wu & He, ECCV 2018) of [B, C, H, W]; inference on the CPU is the same for any threads."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W]; each of the B gets the bits that it gets alone."""
        if x.device.type != "cpu" or torch.is_grad_enabled():
            return super().forward(x)
        if len(x) == 1:
            return self._normalize(x)
        return torch.cat([self._normalize(piece) for piece in x.split(1)])  # and its numbers stay in the cache

    def _normalize(self, x: torch.Tensor) -> torch.Tensor:
        pixels = x[0, 0].numel()
        if pixels < _FEW_PIXELS or pixels % _PIXELS:
            return super().forward(x)
        channels = x.shape[1]
        values = x.permute(0, 2, 3, 1).reshape(-1, _PIXELS, channels).float()
        count = pixels * channels // self.num_groups
        moments = (
            torch.stack((values.sum(1), values.square().sum(1))).sum(1).view(2, self.num_groups, -1).sum(2) / count
        )
        mean, power = moments.repeat_interleave(channels // self.num_groups, dim=1)
        variance = (power - mean.square()).clamp_min(0.0)
        return F.batch_norm(x, mean, variance, self.weight.float(), self.bias.float(), training=False, eps=self.eps)
