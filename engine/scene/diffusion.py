"""Diffusion of pictures along the angular path of v-prediction (Salimans & Ho, ICLR 2022), with guidance by the sound.

Noise e and picture x: z(a) = sin(a) e + cos(a) x for a from pi / 2 (noise) to 0 (picture).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from itertools import pairwise

import torch
from threadpoolctl import ThreadpoolController

from engine.scene.network import Denoiser

_LAST = 0.04
"""Angle at which the estimate of the clean picture is taken as it is."""


def add_noise(pictures: torch.Tensor, noise: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Noisy pictures [B, 3, H, W] at angles [B]."""
    turn = angle.view(-1, 1, 1, 1)
    return torch.sin(turn) * noise + torch.cos(turn) * pictures


@torch.no_grad()
def sample_pictures(
    denoiser: Denoiser,
    sound: torch.Tensor,
    noise: torch.Tensor,
    guidance: float,
    steps: int,
    check: Callable[[float], None] = lambda _: None,
) -> torch.Tensor:
    """Pictures from noise [B, 3, H, W] in ``steps`` of DDIM, from -1 to 1; ``sound`` is [B, shared].

    Guidance 0 ignores the sound, 1 follows it as learnt, more exaggerates what it changes. ``check`` hears the share
    that is done and may raise.
    """
    # layers this small take longer to share among threads than to compute, where other programs run ten times longer
    with _thread_pools().limit(limits=1, user_api="openmp"):
        return _sample(denoiser, sound, noise, guidance, steps, check)


@functools.cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def _sample(
    denoiser: Denoiser,
    sound: torch.Tensor,
    noise: torch.Tensor,
    guidance: float,
    steps: int,
    check: Callable[[float], None],
) -> torch.Tensor:
    unheard = torch.zeros_like(sound)
    maps = noise
    angles = torch.linspace(0.5 * math.pi - 1e-3, _LAST, steps).tolist()
    for index, (now, then) in enumerate(pairwise([*angles, 0.0])):
        angle = torch.full((len(maps),), now, device=maps.device)
        clean = denoiser(maps, angle, unheard if guidance == 0.0 else sound)
        if guidance not in (0.0, 1.0):
            clean = torch.lerp(denoiser(maps, angle, unheard), clean, guidance)
        clean = clean.clamp(-1.0, 1.0)
        rough = (maps - math.cos(now) * clean) / math.sin(now)
        maps = math.sin(then) * rough + math.cos(then) * clean
        check((index + 1) / steps)
    return maps
