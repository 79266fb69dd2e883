"""The process: how a draw of the prior and a sound are mixed, what the network is asked, and guidance.

With z the deviation of the sound's picture from the prior's mean, and e that of a draw from the prior,
z(a) = cos(a) e + sin(a) z, a from 0 (a draw from the prior) to pi/2 (the sound): the angular path of
v-diffusion (Salimans & Ho, ICLR 2022) as a stochastic interpolant (Albergo & Vanden-Eijnden, ICLR 2023),
whose start is a physical prior rather than white noise. Velocity 0 is the bare prior, so training starts
there and only what the prior gets wrong has to be learnt.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from engine.diffusion.prior import SIGMA_MIN, Condition
from engine.diffusion.spectrogram import compress, expand
from engine.diffusion.unet import VelocityNetwork

Denoise = Callable[[torch.Tensor, float], torch.Tensor]
"""(noisy deviation [B, 2, BINS, T], angle) -> velocity."""


def draw_prior(mean: torch.Tensor, noise: torch.Tensor, white: torch.Tensor) -> torch.Tensor:
    """Deviation [B, 2, BINS, T] of a draw from the prior, compressed: its mean plus a draw of its ``noise``, complex
    and in units of what is expected, and a little ``white`` noise, since even a clean mode is not known for certain."""
    return compress(expand(mean) + noise + SIGMA_MIN * white) - mean


def mix(noise: torch.Tensor, deviation: torch.Tensor, angle: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy deviation and its velocity at ``angle`` [B], from a draw of the prior and the true deviation."""
    cos, sin = torch.cos(angle)[:, None, None, None], torch.sin(angle)[:, None, None, None]
    return cos * noise + sin * deviation, cos * deviation - sin * noise


def make_denoise(
    network: VelocityNetwork,
    condition: Condition,
    guidance: float,
    bfloat16: bool,
    context: torch.Tensor | None = None,
) -> Denoise:
    """The network as a function of noisy picture and angle, with classifier-free guidance.

    Guidance 1 asks the network once; above 1 the difference to a network that is told neither the prior
    nor the ``context`` [B, WIDTH] is amplified (Ho & Salimans, 2022), at twice the cost.
    """
    features = condition.features
    nothing = torch.zeros_like(features)

    def denoise(noisy: torch.Tensor, angle: float) -> torch.Tensor:
        angles = torch.full((noisy.shape[0],), angle, device=noisy.device)
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=bfloat16):
            told = network(noisy, angles, features, context)
            if guidance == 1.0:
                return told
            return torch.lerp(network(noisy, angles, nothing), told, guidance)

    return denoise
