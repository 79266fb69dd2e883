"""The interpolant between prior sample and data, and guidance."""

from __future__ import annotations

import math

import pytest
import torch

from engine.diffusion.interpolant import interpolate, make_denoise
from engine.diffusion.prior import build_condition
from engine.diffusion.spectrogram import BINS
from tests.samplers import NOISE, SHORT, make_network


def test_the_interpolant_goes_from_noise_to_data_at_its_velocity() -> None:
    generator = torch.Generator().manual_seed(3)
    noise, deviation = torch.randn(2, 1, 2, 4, 4, generator=generator)
    at_start, _ = interpolate(noise, deviation, torch.zeros(1))
    at_end, _ = interpolate(noise, deviation, torch.full((1,), math.pi / 2))
    assert torch.allclose(at_start, noise) and torch.allclose(at_end, deviation, atol=1e-6)
    angle = torch.tensor([0.7], requires_grad=True)
    moved, velocity = interpolate(noise, deviation, angle)
    slope = torch.autograd.grad(moved[0, 0, 0, 0], angle)[0]
    assert float(slope) == pytest.approx(float(velocity[0, 0, 0, 0].detach()), abs=1e-5)


def test_guidance_extrapolates_from_unconditional_to_conditional() -> None:
    network, condition = make_network(3).eval(), build_condition([(SHORT, NOISE)], 64, "cpu")
    noisy = torch.randn(1, 2, BINS, 64, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        unconditional, conditional, guided = (
            make_denoise(network, condition, g, False)(noisy, 0.5) for g in (0.0, 1.0, 2.0)
        )
    assert torch.allclose(guided - conditional, conditional - unconditional, atol=1e-4)
    assert not torch.allclose(conditional, unconditional, atol=1e-3)
