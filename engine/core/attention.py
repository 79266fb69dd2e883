"""Parts that transformers share: attention of several heads, and the feed-forward layers after it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def attend(
    asked: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, heads: int, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """What ``asked`` [B, N, width] find among ``values`` [B, M, width] by their ``keys`` in a number of heads.

    ``mask`` [B, 1, 1, M] is true where something may be found (Vaswani et al., NeurIPS 2017).
    """
    asked, keys, values = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (asked, keys, values))
    return F.scaled_dot_product_attention(asked, keys, values, attn_mask=mask).transpose(1, 2).flatten(2)


class FeedForward(nn.Module):
    """Two layers of which the inner is four times as wide."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[B, N, width] to the same shape."""
        return torch.as_tensor(self.fc2(F.gelu(self.fc1(tokens))))
