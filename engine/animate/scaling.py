"""Motion in the units that the network works in: lengths compressed, so that a contact is exact and a swing bounded."""

from __future__ import annotations

import torch

from engine.animate.network import MotionNetworkConfig

MOST_TIP, MOST_FIELD = 3.0, 0.3
"""Longest vectors that expand, in heights of the canvas."""


def compress_motion(
    track: torch.Tensor, field: torch.Tensor, config: MotionNetworkConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """A track [B, channels, N] and a field [B, N, 2, rows, columns] in the network's units."""
    scale = torch.tensor(config.track_scale, device=track.device)[:, None]
    tip = _compress(track[:, :2], 1, config.tip_scale) * config.tip_gain
    return torch.cat((tip, track[:, 2:] / scale), dim=1), _compress(field, 2, config.field_scale)


def expand_motion(
    track: torch.Tensor, field: torch.Tensor, config: MotionNetworkConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """The inverse of ``compress_motion``, bounded."""
    scale = torch.tensor(config.track_scale, device=track.device)[:, None]
    tip = _expand(track[:, :2] / config.tip_gain, 1, config.tip_scale, MOST_TIP)
    rest = (track[:, 2:] * scale).clamp(-MOST_TIP, MOST_TIP)
    return torch.cat((tip, rest), dim=1), _expand(field, 2, config.field_scale, MOST_FIELD)


def _compress(vectors: torch.Tensor, dim: int, scale: float) -> torch.Tensor:
    """Vectors along ``dim`` with lengths r as asinh(r / scale)."""
    length = torch.linalg.vector_norm(vectors, dim=dim, keepdim=True) / scale
    return vectors / scale * (torch.asinh(length) / length.clamp_min(1e-6)).where(length > 1e-6, 1.0)


def _expand(vectors: torch.Tensor, dim: int, scale: float, most: float) -> torch.Tensor:
    length = torch.linalg.vector_norm(vectors, dim=dim, keepdim=True)
    longest = torch.asinh(torch.tensor(most / scale)).item()
    grown = torch.sinh(length.clamp_max(longest)) * scale
    return vectors * (grown / length.clamp_min(1e-6)).where(length > 1e-6, scale)
