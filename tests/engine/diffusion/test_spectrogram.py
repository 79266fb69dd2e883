"""The sampler's spectrogram: inversion of transform and compression, white noise."""

from __future__ import annotations

import pytest
import torch

from engine.diffusion.spectrogram import BINS, HOP, N_FFT, compress, draw_white, expand, spectrogram_to_wave
from engine.diffusion.spectrogram import wave_to_spectrogram as transform


def test_transform_is_inverted() -> None:
    wave = torch.randn(2, 64 * HOP, generator=torch.Generator().manual_seed(1))
    spectrogram = transform(wave)
    assert spectrogram.shape == (2, BINS, 64)
    assert (spectrogram_to_wave(spectrogram) - wave)[:, : -N_FFT // 2].abs().max() < 1e-4


def test_compression_is_inverted_and_keeps_phase() -> None:
    generator = torch.Generator().manual_seed(2)
    ratio = torch.complex(*(30.0 * torch.randn(2, 1, 50, 20, generator=generator)))
    compressed = compress(ratio)
    assert torch.allclose(expand(compressed), ratio, rtol=1e-3, atol=1e-4)
    assert torch.allclose(torch.atan2(compressed[:, 1], compressed[:, 0]), ratio.angle(), atol=1e-4)
    assert float(torch.linalg.vector_norm(compress(torch.tensor([[1.0 + 0j]])))) == pytest.approx(1.0)
    assert not expand(torch.zeros(1, 2, 3, 3)).any() and not compress(torch.zeros(1, 3, 3, dtype=torch.complex64)).any()


def test_white_is_of_unit_power_and_agrees_with_itself() -> None:
    white = draw_white(8, 64, torch.Generator().manual_seed(5))
    power = white.abs().square().mean(dim=(0, 2))
    assert white.shape == (8, BINS, 64) and float(power.mean()) == pytest.approx(1.0, abs=0.02)
    assert float(power.min()) > 0.7 and float(power.max()) < 1.4
    again = transform(spectrogram_to_wave(white))
    assert (again - white)[:, :, 4:-4].abs().max() < 1e-3
