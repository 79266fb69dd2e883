"""Signal helpers by known answers."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.dsp import band_levels_db, erb_edges, erb_to_hz, hz_to_erb, power_spectrogram, resample


def test_resample_keeps_level_time_and_length() -> None:
    time = np.arange(44_100) / 44_100
    wave = (0.5 * np.sin(2 * np.pi * 1000.0 * time) * np.hanning(44_100)).astype(np.float32)
    moved = resample(np.stack([wave, -wave], axis=1), 44_100, 48_000)
    assert moved.shape == (48_000, 2) and moved.dtype == np.float32
    new_time = np.arange(48_000) / 48_000
    wanted = 0.5 * np.sin(2 * np.pi * 1000.0 * new_time) * np.interp(new_time, time, np.hanning(44_100))
    assert np.abs(moved[:, 0] - wanted).max() < 2e-3
    assert np.array_equal(moved[:, 0], -moved[:, 1])


def test_resample_removes_what_would_fold() -> None:
    time = np.arange(48_000) / 48_000
    assert np.abs(resample(np.sin(2 * np.pi * 15_000.0 * time), 48_000, 16_000)[200:-200]).max() < 0.01
    same = np.arange(5, dtype=np.float32)
    assert np.array_equal(resample(same, 8000, 8000), same)
    assert resample(np.zeros(0, np.float32), 8000, 48_000).size == 0


@pytest.mark.parametrize(("from_rate_hz", "to_rate_hz"), [(47_999, 48_000), (48_000, 45_307), (31_999, 48_000)])
def test_resample_between_odd_rates(from_rate_hz: int, to_rate_hz: int) -> None:
    """Rates without a common divisor need no filter for each of thousands of fractions."""

    def swell(rate_hz: int) -> np.ndarray:
        time = np.arange(rate_hz) / rate_hz
        return (0.5 * np.sin(2 * np.pi * 997.0 * time) * np.sin(np.pi * time) ** 2).astype(np.float32)

    moved = resample(np.stack([swell(from_rate_hz), -swell(from_rate_hz)], axis=1), from_rate_hz, to_rate_hz)
    assert moved.shape == (to_rate_hz, 2) and moved.dtype == np.float32
    assert np.abs(moved[:, 0] - swell(to_rate_hz)).max() < 2e-3
    assert np.array_equal(moved[:, 0], -moved[:, 1])


def test_erb_scale_inverts_and_rises() -> None:
    frequency = np.array([20.0, 100.0, 1000.0, 15_000.0])
    assert erb_to_hz(hz_to_erb(frequency)) == pytest.approx(frequency)
    edges = erb_edges(20.0, 24_000.0, 32)
    assert edges.shape == (33,) and edges[0] == 20.0 and edges[-1] == 24_000.0 and (np.diff(edges) > 0).all()


def test_spectrogram_frames_are_centred() -> None:
    click = np.zeros(4096, np.float32)
    click[1024] = 1.0
    power = power_spectrogram(click, window=512, hop=128)
    assert int(power.sum(axis=1).argmax()) == 8


def test_band_levels_read_a_sine_and_silence() -> None:
    sine = np.sin(2 * np.pi * 1000.0 * np.arange(24_000) / 48_000)
    levels = band_levels_db(sine, 48_000)
    assert levels.shape[1] == 64
    assert levels[20:-20].max() == pytest.approx(0.0, abs=2.0)
    assert band_levels_db(np.zeros(4800), 48_000).max() == pytest.approx(-100.0)
    halved = band_levels_db(0.5 * sine, 48_000)[40]
    assert (levels[40].max() - halved.max()) == pytest.approx(6.02, abs=0.05)
