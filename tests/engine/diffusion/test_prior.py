"""The prior: its noise power against that of synthesized noise, and its length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.diffusion.prior import count_frames, expect_noise_power
from engine.diffusion.spectrogram import HOP, N_FFT, ONSET_SAMPLE
from engine.diffusion.spectrogram import wave_to_spectrogram as transform
from engine.physics.model import Modes, Residual
from engine.physics.noise import synthesize_residual
from tests.samplers import MODES, NOISE, RATE, SHORT


@pytest.mark.slow
def test_expected_noise_is_what_noise_has() -> None:
    frames = 64
    expected = expect_noise_power(NOISE, frames)
    mean = np.zeros_like(expected)
    for seed in range(120):
        wave = np.zeros(frames * HOP, np.float32)
        wave[ONSET_SAMPLE:] = synthesize_residual(NOISE, wave.size - ONSET_SAMPLE, RATE, seed)
        mean += np.abs(transform(torch.from_numpy(wave)[None])[0].numpy()) ** 2 / 120
    for low, high in ((150, 750), (900, 3800), (4500, 19_000)):
        band = slice(int(low / RATE * N_FFT), int(high / RATE * N_FFT))
        ratio_db = 10 * np.log10(mean[band, 1:50].sum(axis=0) / expected[band, 1:50].sum(axis=0))
        assert np.abs(ratio_db).max() < 1.5 and abs(ratio_db.mean()) < 0.4


def test_frames_follow_the_hit() -> None:
    assert count_frames(SHORT, Residual()) == 64
    assert count_frames(replace(SHORT, decay_per_s=(15.0,)), Residual()) == 128
    assert count_frames(MODES, NOISE) == 256
    assert count_frames(Modes(), Residual()) == 64
    muted = Modes((400.0, 900.0), (-12.0, -12.0), (1.0, 60.0), (0.0, 0.0), (True, False))
    assert count_frames(muted, Residual()) == 64
