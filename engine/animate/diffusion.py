"""Diffusion of motion along the angular path of v-prediction (Salimans & Ho, ICLR 2022), with guidance over the sound.

Noise e and motion x: z(a) = sin(a) e + cos(a) x for a from pi / 2 (noise) to 0 (motion); the velocity is dz / da.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch

from engine.animate.network import Conditions

Pair = tuple[torch.Tensor, torch.Tensor]
"""A track [B, channels, N] and a field [B, N, 2, rows, columns]."""
Tensors = tuple[torch.Tensor, ...]
LATE = 1.3
"""Exponent by which steps grow finer."""


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
    network: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Conditions], Pair],
    given: Conditions,
    noise: Pair,
    guidance: float,
    steps: int,
    hold: Callable[[Pair], Pair] = lambda motion: motion,
    check: Callable[[float], None] = lambda _: None,
) -> Pair:
    """Motion from noise in ``steps`` of DDIM; ``check`` hears the share that is done and may raise.

    Guidance 0 ignores the sound, 1 follows it as learnt, more exaggerates what it changes. ``hold`` puts what is known
    into each step's estimate of the motion, so that what the network makes around it fits.
    """
    unheard = given.hide_sound()

    def measure(parts: Tensors, angle: torch.Tensor) -> Tensors:
        track, field = parts
        speed = network(track, field, angle, unheard if guidance == 0.0 else given)
        if guidance in (0.0, 1.0):
            return speed
        return guide(network(track, field, angle, unheard), speed, guidance)

    track, field = descend(measure, noise, steps, lambda parts: hold((parts[0], parts[1])), check)
    return track, field


def guide(bare: Tensors, heard: Tensors, guidance: float) -> Tensors:
    """Velocities with more of what the sound changes than was learnt."""
    return tuple(torch.lerp(one, other, guidance) for one, other in zip(bare, heard, strict=True))


@torch.no_grad()
def descend(
    measure: Callable[[Tensors, torch.Tensor], Tensors],
    noise: Tensors,
    steps: int,
    hold: Callable[[Tensors], Tensors],
    check: Callable[[float], None],
) -> Tensors:
    """DDIM with velocities that ``measure`` gives at angles [B], the noise being what ``hold`` leaves of it.

    Exact along the path while the estimates of noise and motion stay the same. Steps grow finer towards the motion,
    where an error is seen as trembling.
    """
    parts = noise
    angles = (0.5 * math.pi * torch.linspace(1.0, 0.0, steps + 1) ** LATE).tolist()
    for index, (now, then) in enumerate(pairwise(angles)):
        sine, cosine = math.sin(now), math.cos(now)
        speeds = measure(parts, torch.full((len(parts[0]),), now, device=parts[0].device))
        motion = hold(tuple(z * cosine - v * sine for z, v in zip(parts, speeds, strict=True)))
        rough = ((z - x * cosine) / sine for z, x in zip(parts, motion, strict=True))
        parts = tuple(x * math.cos(then) + e * math.sin(then) for x, e in zip(motion, rough, strict=True))
        check((index + 1) / steps)
    return parts
