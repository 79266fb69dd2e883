"""The velocity network: shapes, zero velocity before training, and optional conditions that start without effect."""

from __future__ import annotations

import torch

from engine.diffusion.conditioning import CONTEXT_DIM
from engine.diffusion.spectrogram import BINS
from engine.diffusion.unet import VelocityNetwork, embed_angle, multiply_complex
from tests.samplers import TINY, make_network

NOISY = torch.randn(2, 2, BINS, 16, generator=torch.Generator().manual_seed(1))
FEATURES = torch.randn(2, 4, BINS, 16, generator=torch.Generator().manual_seed(2))
ANGLES = torch.tensor([0.1, 1.2])


def test_the_velocity_is_zero_before_training() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        velocity = VelocityNetwork(TINY).eval()(NOISY, ANGLES, FEATURES)
    assert velocity.shape == NOISY.shape and not velocity.any()


def test_a_context_of_zeros_is_none_and_another_is_not() -> None:
    network = make_network(1).eval()
    with torch.no_grad():
        bare = network(NOISY, ANGLES, FEATURES)
        zeros = network(NOISY, ANGLES, FEATURES, torch.zeros(2, CONTEXT_DIM))
        other = network(NOISY, ANGLES, FEATURES, torch.ones(2, CONTEXT_DIM))
    assert torch.allclose(zeros, bare, atol=1e-6) and not torch.allclose(other, bare, atol=1e-4)


def test_each_example_has_its_own_angle() -> None:
    network = make_network(1).eval()
    with torch.no_grad():
        together = network(NOISY, ANGLES, FEATURES)
        alone = network(NOISY[1:], ANGLES[1:], FEATURES[1:])
        moved = network(NOISY[1:], ANGLES[:1], FEATURES[1:])
    assert torch.allclose(together[1:], alone, atol=1e-4) and not torch.allclose(moved, alone, atol=1e-4)
    assert not torch.allclose(*embed_angle(ANGLES))


def test_complex_products_are_those_of_complex_numbers() -> None:
    a, b = (torch.view_as_complex(x.permute(0, 2, 3, 1).contiguous()) for x in (NOISY, FEATURES[:, :2]))
    product = multiply_complex(NOISY, FEATURES[:, :2])
    assert torch.allclose(torch.complex(product[:, 0], product[:, 1]), a * b, atol=1e-4)
