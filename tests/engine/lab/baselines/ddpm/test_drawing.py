"""The drawn physics against the sound that it is of, and what the network makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.lab.baselines.ddpm.drawing import draw_physics, find_bands
from engine.lab.baselines.ddpm.physics import LENGTH, RATE_HZ, WINDOW, DdpmPhysics, band_noise, estimate_ddpm_batch
from engine.lab.baselines.ddpm.unet import DdpmConfig, DdpmNetwork
from tests.sounds import ddpm_clip

TINY = DdpmConfig(base=8, multipliers=(1, 2), patch=(4, 2), drawn=True)


@pytest.fixture(scope="module")
def physics() -> DdpmPhysics:
    return estimate_ddpm_batch([0.5 * ddpm_clip(800.0, 0.3), 0.25 * ddpm_clip(3000.0, 0.05, noise=0.2)], steps=2)


def test_modes_stand_where_they_sound_and_fall_as_they_do(physics: DdpmPhysics) -> None:
    modes = draw_physics(physics)[:, 0].numpy()
    assert modes.shape == (2, 1025, 44) and modes.min() >= -1.0 and modes.max() <= 1.0
    for row, frequency_hz in enumerate((800.0, 3000.0)):
        loudest = int(modes[row, :, 0].argmax())
        assert loudest * RATE_HZ / WINDOW == pytest.approx(frequency_hz, abs=11.0)
        assert modes[row, loudest, 0] == pytest.approx(1.0, abs=0.15)  # the first frame has half of the onset: -6 dB
        fall_db = 40.0 * (modes[row, loudest, 0] - modes[row, loudest, 4])
        assert fall_db == pytest.approx(60.0 * 4 * 256 / RATE_HZ / physics.t60_s[row, loudest], rel=1e-4)


def test_noise_stands_in_the_bins_that_its_band_has() -> None:
    """The bands of the drawing are those that the noise of the residual is made of."""
    power = np.abs(np.fft.rfft(band_noise(LENGTH).astype(np.float64), axis=1)) ** 2
    hz = np.arange(power.shape[1]) * RATE_HZ / LENGTH
    for bin_of, band in list(enumerate(find_bands()))[5:1000:37]:
        nearest = int(np.argmin(np.abs(hz - bin_of * RATE_HZ / WINDOW)))
        assert abs(int(power[:, nearest].argmax()) - band) <= 1


def test_the_network_heeds_the_drawing(physics: DdpmPhysics) -> None:
    torch.manual_seed(0)
    network = DdpmNetwork(TINY).eval()
    noisy, step, latent = torch.randn(1, 1, 1025, 44), torch.tensor([500]), torch.zeros(1, 256)
    with torch.no_grad():
        one, other = (network(noisy, step, latent, network.draw(physics.take([row]))) for row in (0, 1))
    assert one.shape == (1, 1, 1025, 44) and not torch.allclose(one, other, atol=1e-4)
    assert DdpmNetwork(replace(TINY, drawn=False)).draw(physics) is None
