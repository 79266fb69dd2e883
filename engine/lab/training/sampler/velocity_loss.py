"""Loss on the velocity of single bins at random angles of the interpolant."""

from __future__ import annotations

import math

import torch

from engine.diffusion.conditioning import drop_parts
from engine.diffusion.interpolant import draw_prior, interpolate
from engine.diffusion.spectrogram import draw_white
from engine.diffusion.unet import VelocityNetwork
from engine.lab.data.sampler.examples import Batch


def velocity_loss(
    network: VelocityNetwork,
    batch: Batch,
    generator: torch.Generator,
    bfloat16: bool,
    dropout: tuple[float, float] = (0.0, 0.0),
) -> torch.Tensor:
    """Weighted mean square error of the velocity at random angles.

    A share ``dropout[0]`` of them have neither prior nor context; of the others, each part of the context is left out
    in a share ``dropout[1]``.
    """
    size, device = batch.deviation.shape[0], batch.deviation.device
    angle, noisy, velocity = draw_task(batch, generator)
    given = torch.rand(size, generator=generator, device=generator.device) >= dropout[0]
    given = given.float().to(device)
    context = drop_parts(batch.context, dropout[1], generator) * given[:, None]
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        features = batch.features * given[:, None, None, None]
        found = network(noisy, angle, features, context, batch.detail * given[:, None])
    return weighted_square(found - velocity, batch.weight)


def draw_task(batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random angles, the interpolated deviation there, and the velocity to predict."""
    deviation, features = batch.deviation, batch.features
    size, device = deviation.shape[0], deviation.device
    angle = (torch.rand(size, generator=generator, device=generator.device) * (0.5 * math.pi)).to(device)
    white = draw_white(size, deviation.shape[-1], generator).to(device)
    return angle, *interpolate(draw_prior(features[:, :2], batch.noise, white), deviation, angle)


def weighted_square(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean square of a spectrogram's error, a scalar."""
    return (error.square() * weight).sum() / (2.0 * weight.sum()).clamp_min(1.0)
