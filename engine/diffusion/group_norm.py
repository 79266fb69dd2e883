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
        pixels = x[0, 0].numel()
        if x.device.type != "cpu" or torch.is_grad_enabled():
            return super().forward(x)
        if pixels < _FEW_PIXELS or pixels % _PIXELS:
            return (
                super().forward(x)
                if len(x) == 1
                else torch.cat([super(GroupNorm, self).forward(p) for p in x.split(1)])
            )
        batch, channels = x.shape[:2]
        values = x.permute(0, 2, 3, 1).reshape(batch, -1, _PIXELS, channels).float()
        count = pixels * channels // self.num_groups
        moments = torch.stack((values.sum(2), values.square().sum(2))).sum(2).view(2, batch, self.num_groups, -1).sum(3)
        mean, power = (moments / count).repeat_interleave(channels // self.num_groups, dim=2)
        variance = (power - mean.square()).clamp_min(0.0)
        weight, bias = self.weight.float(), self.bias.float()
        pieces = [
            F.batch_norm(piece, mean[k], variance[k], weight, bias, training=False, eps=self.eps)
            for k, piece in enumerate(x.split(1))
        ]
        return pieces[0] if batch == 1 else torch.cat(pieces)
