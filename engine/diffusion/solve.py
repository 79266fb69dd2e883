"""Integrate the velocity from a draw of the prior to a sound: a fold over angles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch

from engine.diffusion.denoiser import Denoise

Step = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, float], torch.Tensor]
"""(x, velocity here, velocity one even step before or None, angle to go) -> x there."""


def space_angles(steps: int) -> list[float]:
    """``steps + 1`` angles from 0 to pi/2, evenly."""
    return [0.5 * math.pi * i / steps for i in range(steps + 1)]


def rotate(x: torch.Tensor, velocity: torch.Tensor, before: torch.Tensor | None, turn: float) -> torch.Tensor:
    """DDIM in velocity form (Song et al., 2021): exact where the sound does not depend on the noise."""
    return math.cos(turn) * x + math.sin(turn) * velocity


def slide(x: torch.Tensor, velocity: torch.Tensor, before: torch.Tensor | None, turn: float) -> torch.Tensor:
    """Adams-Bashforth of order 2 (order 1 at first): exact where noise and sound are of one law."""
    slope = velocity if before is None else 1.5 * velocity - 0.5 * before
    return x + turn * slope


def sample(
    denoise: Denoise,
    noise: torch.Tensor,
    angles: Sequence[float],
    step: Step = slide,
    on_step: Callable[[int], None] | None = None,
) -> torch.Tensor:
    """Fold ``step`` over evenly spaced ``angles``, from noise to deviation; ``on_step`` may raise to stop."""
    x = noise
    before: torch.Tensor | None = None
    for index, (angle, following) in enumerate(pairwise(angles)):
        velocity = denoise(x, angle)
        x = step(x, velocity, before, following - angle)
        before = velocity
        if on_step is not None:
            on_step(index + 1)
    return x
