"""The solver against a velocity field whose solution is known."""

from __future__ import annotations

import math

import pytest
import torch

from engine.diffusion.solver import angle_schedule, sample


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("ratio", [0.4, 0.7, 1.0, 1.4, 2.5])
def test_noise_of_one_level_becomes_noise_of_another(steps: int, ratio: float) -> None:
    """Where draw and sound are independent and normal, the velocity is known and so is where it leads."""
    draw, mean = torch.randn(2, 1, 2, 8, 8, generator=torch.Generator().manual_seed(4))

    def velocity(x: torch.Tensor, angle: float) -> torch.Tensor:
        sin, cos = math.sin(angle), math.cos(angle)
        turn = (ratio**2 - 1.0) * sin * cos / (cos**2 + ratio**2 * sin**2)
        return cos * mean + turn * (x - sin * mean)

    found = sample(velocity, draw, angle_schedule(steps)) - mean  # the mean is exact however few the steps
    gain = found / draw
    assert torch.allclose(gain, gain.mean().expand_as(gain), atol=2e-3)
    if ratio == 1.0:
        assert torch.allclose(found, draw, atol=1e-5)
    error_db = abs(20.0 * math.log10(float(gain.mean()) / ratio))
    assert error_db < {1: 20.0, 2: 2.7, 3: 1.1, 4: 1.6, 8: 1.2}[steps]
    if steps == 1:
        assert float(gain.mean()) == pytest.approx(1.0, abs=1e-3)
