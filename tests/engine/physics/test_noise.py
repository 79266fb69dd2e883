"""Noise of a residual: power by band and time as defined, and nothing outside its bands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from engine.physics.model import NoiseComponent, Residual
from engine.physics.noise import (
    band_shares,
    envelope_gain,
    expected_level,
    expected_power,
    nonzero_band_shares,
    rise_gain,
    rise_peak,
    synthesize_residual,
)
from tests.sounds import NOISE, RATE, noise_power

FULL = replace(
    NOISE,
    tail=NoiseComponent(tuple(-45.0 - 0.5 * k for k in range(24)), tuple(15.0 + 0.2 * k for k in range(24))),
    attack=NoiseComponent((-25.0,) * 24, (400.0,) * 24),
)


def test_band_responses_sum_to_one_and_keep_the_width_of_each_band() -> None:
    edges = np.array([100.0, 150.0, 400.0, 1000.0, 1100.0])
    frequency = np.arange(0.005, 1200.0, 0.01)
    shares = band_shares(edges, frequency)
    inside = (frequency > 100.0) & (frequency < 1100.0)
    assert np.allclose(shares[:, inside].sum(axis=0), 1.0) and not shares[:, ~inside].any()
    assert (shares >= 0.0).all() and shares.sum(axis=1) * 0.01 == pytest.approx(np.diff(edges), rel=1e-4)
    middle = np.searchsorted(frequency, 0.5 * (edges[1:] + edges[:-1]))
    assert np.allclose(shares[np.arange(4), middle], 1.0)


def test_responses_on_a_spectrum_are_the_same_without_their_zeros() -> None:
    edges = (20.0, 55.0, 200.0, 900.0, 5000.0)
    whole = band_shares(np.array(edges), np.arange(1000) * 7.3)
    for row, (first, values) in zip(whole, nonzero_band_shares(edges, 7.3, 1000), strict=True):
        assert np.allclose(row[first : first + values.size], values) and values.any()
        assert not row[:first].any() and not row[first + values.size :].any()


def test_one_band_s_density_is_its_power_over_its_width() -> None:
    """Mean square -20 dB over 400 Hz, halved in amplitude after ln 2 / decay."""
    band = Residual((600.0, 1000.0), (-20.0,), (30.0,))
    density = expected_power(
        band, np.array([500.0, 700.0, 900.0, 1100.0]), np.array([-1e-3, 0.0, math.log(2.0) / 30.0])
    )
    assert density[[0, 3]].max() == 0.0 == density[:, 0].max()
    assert density[1:3, 1] == pytest.approx(0.01 / 400.0) and density[1:3, 2] == pytest.approx(0.01 / 400.0 / 4.0)


def test_a_band_decays_at_its_rate_in_its_passband() -> None:
    """Slope of log power over time of many realisations, filtered by a Butterworth filter inside the band."""
    residual = Residual((100.0, 900.0, 4000.0, 12_000.0), (-200.0, -10.0, -200.0), (1.0, 25.0, 1.0))
    passband = butter(4, (1500.0, 3000.0), "bandpass", fs=RATE, output="sos")
    draws = [synthesize_residual(residual, 9600, RATE, seed).astype(np.float64) for seed in range(24)]
    power = np.mean([np.square(sosfiltfilt(passband, draw)) for draw in draws], axis=0).reshape(-1, 480).mean(axis=1)
    slope = np.polyfit((np.arange(20) + 0.5) * 0.01, np.log(power), 1)[0]
    assert slope == pytest.approx(-2.0 * 25.0, rel=0.05)


def test_a_few_curves_stand_for_those_of_all_bands() -> None:
    """Bands alone, each of which is its own curve, add up to the noise of all, but for 80 dB under its peak.

    Two that never fall sound in every draw, so that each is as long.
    """
    rng = np.random.default_rng(3)
    levels, decays = rng.uniform(-40.0, -10.0, 12), np.exp(rng.uniform(0.5, 6.0, 12))
    levels[:2], decays[:2] = -10.0, 1e-3
    edges = tuple(np.geomspace(100.0, 20_000.0, 13).tolist())

    def draw(bands: list[int]) -> np.ndarray:
        given = np.full(12, -200.0)
        given[[0, 1, *bands]] = levels[[0, 1, *bands]]
        return synthesize_residual(Residual(edges, tuple(given), tuple(decays)), 9600, RATE, 4).astype(np.float64)

    ever = draw([])
    rest = draw(list(range(2, 12))) - ever - sum(draw([band]) - ever for band in range(2, 12))
    assert np.abs(rest).max() < 1e-4 * 10.0 ** (levels.max() / 20.0)


def test_the_start_of_a_draw_does_not_depend_on_how_long_it_sounds() -> None:
    """Else dragging a decay would exchange the attack's noise for another; low bands have the longest filters."""
    edges = tuple(np.geomspace(60.0, 20_000.0, 25).tolist())
    for decay in (40.0, 400.0):
        residual = Residual(edges, (-20.0,) * 24, (decay,) * 24)
        slower = replace(residual, decay_per_s=(0.2 * decay,) * 24)
        draws = [synthesize_residual(one, RATE, RATE, 9).astype(np.float64) for one in (residual, slower)]
        time_s = np.arange(480) / RATE
        both = [draw[:480] * np.exp(rate * time_s) for draw, rate in zip(draws, (decay, 0.2 * decay), strict=True)]
        assert np.abs(both[0] - both[1]).max() < 0.03 * np.abs(both[0]).max()


def test_rise_and_fine_envelope_are_their_curves() -> None:
    time = np.linspace(0.0, 0.03, 301)
    middle = time + 0.5 / RATE
    assert rise_gain(time, 0.02) == pytest.approx(np.where(middle < 0.02, np.sin(np.pi * middle / 0.04) ** 2, 1.0))
    assert (rise_gain(time, 0.0) == 1.0).all() and (envelope_gain(time, ()) == 1.0).all()
    gain = envelope_gain(np.array([0.0, 0.0025, 0.005, 0.0075, 0.01, 1.0]), (6.0206, -6.0206))
    assert gain == pytest.approx([2.0, 1.25, 0.5, 0.75, 1.0, 1.0], rel=1e-4)


def test_a_rise_much_shorter_than_a_sample_does_nothing_and_grows_from_there() -> None:
    """A hit a millionth of a decibel softer sounds the same."""
    time = np.arange(8) / RATE
    assert (rise_gain(time, 1e-9) == 1.0).all() and (rise_gain(time, 1e-6) == 1.0).all()
    first = [float(rise_gain(time, rise_s)[0]) for rise_s in np.linspace(0.0, 1e-3, 4001)]
    assert np.abs(np.diff(first)).max() < 0.05 and (np.diff(first) <= 0.0).all()
    assert first[-1] < 1e-3


@pytest.mark.parametrize("rise_s", [0.0, 0.001, 0.1])
def test_the_peak_of_a_decay_under_a_rise(rise_s: float) -> None:
    decay = np.array([0.0, 1.0, 30.0, 900.0])
    time = np.linspace(0.0, 0.11, 200_001)
    rise = np.sin(0.5 * np.pi * np.minimum(time / rise_s, 1.0)) ** 2 if rise_s else np.ones_like(time)
    assert rise_peak(decay, rise_s) == pytest.approx((rise * np.exp(-np.outer(decay, time))).max(axis=1), rel=1e-4)


def test_residual_density_sums_to_band_power() -> None:
    frequency = np.arange(0.5, 24_000.0)
    density = expected_power(NOISE, frequency, np.array([-0.01, 0.0, 0.1]))
    assert density.shape == (24_000, 3) and not density[:, 0].any()
    assert density[:, 1:].sum(axis=0) == pytest.approx(noise_power(NOISE, np.array([0.0, 0.1])), rel=0.01)
    assert expected_level(NOISE, np.array([0.0, 0.1])) == pytest.approx(noise_power(NOISE, np.array([0.0, 0.1])))


@pytest.mark.slow
def test_residual_level_is_true_in_expectation() -> None:
    draws = np.array([synthesize_residual(NOISE, 6000, RATE, seed) for seed in range(150)], dtype=np.float64)
    assert draws.dtype == np.float64 and draws.shape == (150, 6000)
    for start, end in ((0, 240), (2400, 2880), (4800, 5760)):
        wanted = noise_power(NOISE, np.arange(start, end) / RATE).mean()
        assert np.square(draws[:, start:end]).mean() == pytest.approx(wanted, rel=0.06)


def test_residual_keeps_under_its_last_edge() -> None:
    band = Residual((500.0, 2000.0), (-20.0,), (0.0,), None)
    spectrum = np.abs(np.fft.rfft(synthesize_residual(band, RATE, RATE, 1) * np.hanning(RATE))) ** 2
    assert spectrum[2100:].sum() < 1e-4 * spectrum.sum() and spectrum[:400].sum() < 1e-4 * spectrum.sum()
    beyond = Residual((30_000.0, 40_000.0), (-20.0,), (1.0,), None)
    assert not synthesize_residual(beyond, 4800, RATE, 1).any()
    assert not synthesize_residual(Residual(), 4800, RATE, 1).any()


@pytest.mark.slow
def test_every_component_has_its_level() -> None:
    for name, component in FULL.components:
        quiet = (-200.0,) * 24
        alone = Residual(FULL.edges_hz, quiet, FULL.decay_per_s).with_component(name, component)
        draws = np.array([synthesize_residual(alone, 1200, RATE, seed) for seed in range(40)], dtype=np.float64)
        wanted = noise_power(alone, np.arange(480) / RATE).mean()
        assert np.square(draws[:, :480]).mean() == pytest.approx(wanted, rel=0.08), name
