"""Convolution by one pixel that gives the same bits for any number of threads."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class PointwiseConv(nn.Conv2d):
    """``Conv2d`` with a kernel of 1, weights alike, as one product of matrices.

    A convolution may share the sum over channels between threads, so that its last bit depends on how many there are
    (seen on CPUs without AVX-512); a product shares its rows and columns alone.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] to [B, outputs, H, W]."""
        return F.linear(x.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias).permute(0, 3, 1, 2)
