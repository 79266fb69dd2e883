"""Stochastic interpolant between a prior sample and data; velocity prediction; classifier-free guidance.

With z the deviation of the compressed spectrogram from the prior's mean, and e that of a prior sample,
z(a) = cos(a) e + sin(a) z for a from 0 (prior sample) to pi/2 (data): the angular path of v-diffusion (Salimans & Ho,
ICLR 2022) as a stochastic interpolant (Albergo & Vanden-Eijnden, ICLR 2023) whose source is a physical prior rather
than white noise. Velocity 0 is the bare prior, which is where training starts.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from engine.diffusion.captured import Velocity
from engine.diffusion.prior import SIGMA_MIN, Condition
from engine.diffusion.spectrogram import compress, expand

Denoise = Callable[[torch.Tensor, float], torch.Tensor]
"""(noisy deviation [B, 2, BINS, T], angle) -> velocity."""


def draw_prior(mean: torch.Tensor, noise: torch.Tensor, white: torch.Tensor) -> torch.Tensor:
    """Deviation [B, 2, BINS, T] of a prior sample from its mean, compressed.

    ``noise`` is a sample of the residual over the expected magnitude, ``white`` unit white noise of which SIGMA_MIN is
    added, since even a clean mode is uncertain; both complex [B, BINS, T].
    """
    return compress(expand(mean) + noise + SIGMA_MIN * white) - mean


def interpolate(noise: torch.Tensor, deviation: torch.Tensor, angle: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Interpolate at ``angle`` [B]: the noisy deviation and its velocity d/da, both [B, 2, BINS, T]."""
    cos, sin = torch.cos(angle)[:, None, None, None], torch.sin(angle)[:, None, None, None]
    return cos * noise + sin * deviation, cos * deviation - sin * noise


def make_denoise(
    network: Velocity,
    condition: Condition,
    guidance: float,
    bfloat16: bool,
    context: torch.Tensor | None = None,
    detail: torch.Tensor | None = None,
) -> Denoise:
    """The denoiser ``(noisy, angle) -> velocity`` with classifier-free guidance (Ho & Salimans, 2022).

    Guidance 1 evaluates the network once; other values extrapolate from a network without prior features and
    ``context`` [B, CONTEXT_DIM], at twice the cost. ``detail`` [B, DETAIL_DIM] is what the prior leaves out.
    """
    features = condition.features
    unconditional = torch.zeros_like(features)

    def denoise(noisy: torch.Tensor, angle: float) -> torch.Tensor:
        angles = torch.full((noisy.shape[0],), angle, device=noisy.device)
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=bfloat16):
            conditional = network(noisy, angles, features, context, detail)
            if guidance == 1.0:
                return conditional
            return torch.lerp(network(noisy, angles, unconditional), conditional, guidance)

    return denoise
