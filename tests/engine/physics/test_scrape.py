"""Scraping: the law of its force, that it drives the modes of the strike, and its seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from engine.document.edits.strokes import check_stroke
from engine.physics.model import Stroke
from engine.physics.scrape import STRIKES_PER_S, WIDTH, draw_force, scrape

RATE_HZ = 48_000


def even(speed_m_per_s: float, grain_mm: float, length_s: float = 4.0) -> Stroke:
    return Stroke(length_s, (1.0, 1.0), speed_m_per_s, grain_mm)


def density(force: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Mean one-sided power spectral density of a band."""
    frequency, power = signal.welch(force, RATE_HZ, nperseg=2048)
    return float(power[(frequency >= low_hz) & (frequency < high_hz)].mean())


def test_level_and_bandwidth_follow_the_speed() -> None:
    # Far below the corner the density is that of so many independent strikes: twice their number a second by
    # the square of the sample rate; at the corner, two first-order low passes take 6 dB.
    for speed, grain in ((0.5, 0.25), (1.0, 0.25), (1.0, 0.5)):
        corner_hz = speed / (2.0 * math.pi * WIDTH * grain / 1000.0)
        force = draw_force(even(speed, grain), RATE_HZ, 1)
        flat = density(force, 150.0, 0.15 * corner_hz)
        assert 10 * math.log10(flat / (2.0 * STRIKES_PER_S * speed / RATE_HZ**2)) == pytest.approx(0.0, abs=1.0)
        at_corner = density(force, 0.93 * corner_hz, 1.07 * corner_hz)
        assert 10 * math.log10(at_corner / flat) == pytest.approx(-6.0, abs=1.2)


def test_one_speed_is_that_of_the_whole_way() -> None:
    assert np.array_equal(draw_force(Stroke(1.0, (0.5,)), RATE_HZ, 1), draw_force(Stroke(1.0, (0.5, 0.5)), RATE_HZ, 1))
    assert draw_force(check_stroke({"length_s": 1.0}), RATE_HZ, 1).any()


def test_it_is_silent_at_rest_and_the_surface_is_the_seeds() -> None:
    assert not draw_force(Stroke(1.0, (0.0, 0.0)), RATE_HZ, 1).any()
    pause = Stroke(1.0, (1.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    force = draw_force(pause, RATE_HZ, 1)
    assert np.abs(force[RATE_HZ // 2 : 7 * RATE_HZ // 10]).max() < 0.02 * np.abs(force).max()
    assert np.array_equal(force, draw_force(pause, RATE_HZ, 1))
    other = draw_force(pause, RATE_HZ, 2)
    assert abs(float(force @ other)) < 0.2 * float(np.linalg.norm(force) * np.linalg.norm(other))


def test_a_longer_way_only_appends_to_the_surface() -> None:
    short, longer = (draw_force(even(0.5, 0.5, length_s), RATE_HZ, 1) for length_s in (1.0, 1.001))
    same = slice(RATE_HZ // 100, len(short) - RATE_HZ // 100)  # but for the fades at both ends
    assert np.allclose(short[same], longer[same], rtol=0.0, atol=1e-3 * np.abs(short).max())


@pytest.mark.parametrize(("speed", "grain"), [(0.5005, 0.5), (0.55, 0.5), (0.5, 0.5005), (0.5, 0.45)])
def test_another_speed_or_grain_crosses_the_same_surface(speed: float, grain: float) -> None:
    """Grains are met in the same order with the same heights, so earlier by the share by which more are met."""
    before = draw_force(even(0.5, 0.5, 1.0), RATE_HZ, 1)
    after = draw_force(even(speed, grain, 1.0), RATE_HZ, 1)
    pace = speed / grain
    time = np.arange(0.02 * RATE_HZ, 0.9 * RATE_HZ)
    found = np.interp(time / pace, np.arange(len(after)), after)
    wanted = np.interp(time, np.arange(len(before)), before)
    assert np.corrcoef(found, wanted)[0, 1] > 0.98


def test_a_long_way_over_a_fine_surface_is_as_loud_as_a_short_one() -> None:
    """Five million grains, more than are drawn at once."""
    force = draw_force(even(5.0, 0.02, 20.0), RATE_HZ, 1)[1000:-1000]
    start, end = (float(np.mean(part**2)) for part in (force[:RATE_HZ], force[-RATE_HZ:]))
    short = float(np.mean(draw_force(even(5.0, 0.02, 1.0), RATE_HZ, 1)[1000:-1000] ** 2))
    assert [10.0 * math.log10(power / short) for power in (start, end)] == pytest.approx([0.0, 0.0], abs=0.4)


def test_it_rings_at_the_modes_of_the_strike() -> None:
    time_s = np.arange(RATE_HZ) / RATE_HZ
    modes = ((420.0, 5.0), (1733.0, 9.0), (3011.0, 14.0))
    strike = sum(np.exp(-decay * time_s) * np.sin(2 * np.pi * hz * time_s) for hz, decay in modes)
    sound = scrape(np.asarray(strike), even(0.8, 0.1, 3.0), RATE_HZ, 3)
    assert len(sound) == 3 * RATE_HZ + RATE_HZ - 1
    frequency, power = signal.welch(sound[RATE_HZ // 2 : 3 * RATE_HZ], RATE_HZ, nperseg=16384)
    peaks = frequency[signal.find_peaks(10 * np.log10(power), prominence=25)[0]]
    assert peaks == pytest.approx([hz for hz, _ in modes], abs=6.0)
    # After the stroke it rings on and dies away as the strike does: the slowest mode by 5 nepers a second.
    early, late = (np.square(sound[start : start + 4800]).mean() for start in (3 * RATE_HZ + 9600, 3 * RATE_HZ + 19200))
    assert math.log(early / late) / 0.4 == pytest.approx(5.0, abs=1.0)
