"""Diffusion of motion along the angular path of v-prediction (Salimans & Ho, ICLR 2022), with guidance over the sound.

Noise e and motion x: z(a) = sin(a) e + cos(a) x for a from pi / 2 (noise) to 0 (motion); the velocity is dz / da.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch

from engine.animate.network import Conditions, MotionNetwork

Pair = tuple[torch.Tensor, torch.Tensor]
"""A track [B, channels, N] and a field [B, N, 2, rows, columns]."""


def add_noise(motion: Pair, noise: Pair, angle: torch.Tensor) -> tuple[Pair, Pair]:
    """Noisy motion at angles [B], and its velocity."""
    noisy, velocity = [], []
    for clean, rough in zip(motion, noise, strict=True):
        turn = angle.view(-1, *[1] * (clean.ndim - 1))
        noisy.append(torch.sin(turn) * rough + torch.cos(turn) * clean)
        velocity.append(torch.cos(turn) * rough - torch.sin(turn) * clean)
    return (noisy[0], noisy[1]), (velocity[0], velocity[1])


@torch.no_grad()
def sample_motion(
    network: MotionNetwork,
    given: Conditions,
    noise: Pair,
    guidance: float,
    steps: int,
    check: Callable[[float], None] = lambda _: None,
) -> Pair:
    """Motion from noise in ``steps`` of DDIM; ``check`` hears the share that is done and may raise.

    Guidance 0 ignores the sound, 1 follows it as learnt, more exaggerates what it changes.
    """
    track, field = noise
    unheard = given.hide_sound()
    angles = torch.linspace(math.pi / 2, 0.0, steps + 1).tolist()
    for index, (now, then) in enumerate(pairwise(angles)):
        angle = torch.full((len(track),), now, device=track.device)
        speed = network(track, field, angle, unheard if guidance == 0.0 else given)
        if guidance not in (0.0, 1.0):
            bare = network(track, field, angle, unheard)
            speed = (torch.lerp(bare[0], speed[0], guidance), torch.lerp(bare[1], speed[1], guidance))
        track, field = _turn(track, speed[0], then - now), _turn(field, speed[1], then - now)
        check((index + 1) / steps)
    return track, field


def _turn(noisy: torch.Tensor, velocity: torch.Tensor, change: float) -> torch.Tensor:
    """DDIM: exact along the path while the estimates of noise and motion stay the same."""
    return noisy * math.cos(change) + velocity * math.sin(change)
