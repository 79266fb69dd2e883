"""Physics of the DDPM baseline: bins, bands and level of known sounds."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.lab.baselines.ddpm.physics import (
    BANDS,
    LENGTH,
    RATE_HZ,
    band_noise,
    cut_clip,
    divide_by_peak,
    estimate_bins,
    estimate_ddpm_batch,
    fit_bands,
    synthesize_bins,
)
from tests.sounds import ddpm_clip


def test_tone_decay_noise_and_level_are_estimated() -> None:
    clips = [0.5 * ddpm_clip(800.0, 0.3), 0.25 * ddpm_clip(3000.0, 0.05, noise=0.2)]
    physics = estimate_ddpm_batch(clips, steps=12)
    assert len(physics) == 2
    assert physics.frequency_hz.shape == physics.power_db.shape == physics.t60_s.shape == (2, 1025)
    assert physics.weight.shape == physics.noise_t60_s.shape == (2, 100)
    loudest = physics.power_db.argmax(axis=1)
    assert physics.frequency_hz[0, loudest[0]] == pytest.approx(800.0, abs=11.0)
    assert physics.frequency_hz[1, loudest[1]] == pytest.approx(3000.0, abs=11.0)
    assert physics.t60_s[0, loudest[0]] > 2 * physics.t60_s[1, loudest[1]]
    assert physics.weight[1].mean() > physics.weight[0].mean()
    assert physics.peak == pytest.approx([0.5, np.abs(clips[1]).max()], abs=0.03)
    sound = divide_by_peak(clips[1].astype(np.float64))
    tonal = synthesize_bins(estimate_bins(sound), LENGTH)
    weight, _ = fit_bands(sound[None], tonal[None], steps=12)
    assert np.allclose(weight[0], physics.weight[1], atol=1e-3)  # the batch does not matter


def test_a_clip_is_resampled_padded_and_refused_where_it_is_silent() -> None:
    clip = cut_clip(np.repeat(ddpm_clip(800.0, 0.3, noise=0.0), 2)[: 2 * 8000], 2 * RATE_HZ)
    assert clip.shape == (LENGTH,) and not clip[8100:].any()
    peak_hz = np.argmax(np.abs(np.fft.rfft(clip[:7900]))) * RATE_HZ / 7900
    assert peak_hz == pytest.approx(800.0, abs=6.0)
    with pytest.raises(BadInput, match="silent"):
        cut_clip(np.zeros(2000, np.float32), RATE_HZ)


def test_the_noise_bands_add_up_to_white_noise_without_overlap() -> None:
    noise = band_noise(LENGTH).astype(np.float64)
    power = np.abs(np.fft.rfft(noise, axis=1)) ** 2
    assert noise.shape == (BANDS, LENGTH)
    assert np.square(noise.sum(axis=0)).mean() == pytest.approx(1.0, rel=0.05)
    strongest = power.max(axis=0)
    assert (power.sum(axis=0) - strongest).sum() < 1e-6 * strongest.sum()
