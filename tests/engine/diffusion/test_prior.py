"""The prior: its noise power against that of synthesized noise, and its length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.diffusion.prior import count_frames, expect_noise_power
from engine.diffusion.spectrogram import HOP, N_FFT, ONSET_SAMPLE
from engine.diffusion.spectrogram import wave_to_spectrogram as transform
from engine.physics.model import Modes, NoiseComponent, Residual
from engine.physics.noise import envelope_gain, rise_gain, synthesize_residual
from tests.samplers import MODES, NOISE, RATE, ROOM, SHORT


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


def test_expected_noise_is_the_window_s_sum_over_every_sample() -> None:
    """A rise, a fine envelope that ends within the window, an attack without its end and a room without either."""
    residual = replace(
        NOISE, rise_s=0.007, envelope_db=(6.0, -9.0, 3.0, -20.0), room=replace(ROOM, decay_per_s=(3.0,) * 3)
    )
    residual = replace(residual, attack=NoiseComponent((-20.0,) * 3, (400.0, 900.0, 2000.0)))
    frames = 64
    time_s = (np.arange(-N_FFT, (frames + 3) * HOP) - ONSET_SAMPLE) / RATE
    rise = np.where(time_s > 0.0, np.square(rise_gain(np.maximum(time_s, 0.0), residual.rise_s)), 0.0)
    fine = np.square(envelope_gain(np.maximum(time_s, 0.0), residual.envelope_db))
    power = np.zeros((3, time_s.size))
    for name, component in residual.components:
        level = 10.0 ** (np.array(component.power_db) / 10.0)
        fall = np.exp(-2.0 * np.outer(component.decay_per_s, np.maximum(time_s, 0.0)))
        power += level[:, None] * fall * rise * (1.0 if name == "room" else fine)
    square = np.square(np.hanning(N_FFT + 1)[:-1])
    middles = N_FFT + HOP * np.arange(frames) - N_FFT // 2
    by_band = np.stack([power[:, first : first + N_FFT] @ square for first in middles], axis=1)
    expected = expect_noise_power(residual, frames)
    for band, hz in enumerate((400.0, 2000.0, 9000.0)):
        density = by_band[band] / np.diff(residual.edges_hz)[band] * (RATE / 2)
        found = expected[round(hz * N_FFT / RATE)]
        assert found[:-2] == pytest.approx(density[:-2], rel=0.02, abs=1e-3 * density.max())  # silence beyond the end


def test_frames_follow_the_hit() -> None:
    assert count_frames(SHORT, Residual()) == 64
    assert count_frames(replace(SHORT, decay_per_s=(15.0,)), Residual()) == 128
    assert count_frames(MODES, NOISE) == 256
    assert count_frames(Modes(), Residual()) == 64
    muted = Modes((400.0, 900.0), (-12.0, -12.0), (1.0, 60.0), (0.0, 0.0), (True, False))
    assert count_frames(muted, Residual()) == 64


def test_frames_follow_what_sounds_and_its_peak_under_the_rise() -> None:
    """Neither what lies at or above half the rate nor what has fallen before the sound is there ends the window."""
    quiet = Modes((400.0,), (-40.0,), (3.0,), (0.0,), (False,))
    loud = Modes((24_100.0, 400.0), (0.0, -40.0), (60.0, 3.0), (0.0, 0.0), (False, False))
    above = Residual((24_000.0, 26_000.0), (0.0,), (500.0,))
    assert count_frames(loud, Residual()) == count_frames(quiet, above) == count_frames(quiet, Residual()) > 64
    both = Modes((900.0, 400.0), (0.0, -40.0), (300.0, 8.0), (0.0, 0.0), (False, False))
    slow = count_frames(both, Residual(rise_s=0.1))
    assert slow == count_frames(replace(both, power_db=(-45.0, -40.0)), Residual()) > count_frames(both, Residual())
