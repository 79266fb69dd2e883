"""Modal frequency ratios against values of the literature."""

from __future__ import annotations

import math

import pytest

from engine.lab.simulator.mode_ratios import bar_ratios, plate_ratios, ring_ratios


def test_free_bar_bends_at_the_squares_of_odd_numbers() -> None:
    """Rayleigh: 3^2, 5^2, 7^2, ... of the lowest, to within 1 % of the exact roots of cos x cosh x = 1."""
    exact = [(root / 4.730041) ** 2 for root in (4.730041, 7.853205, 10.995608)]
    bending = [ratio for ratio in bar_ratios(3) if all(abs(ratio - 1.83 * n) > 1e-9 for n in (1, 2, 3))]
    assert bending == pytest.approx(exact, rel=0.01)


def test_thin_ring_of_two_and_three_waves() -> None:
    """n (n^2 - 1) / sqrt(n^2 + 1): 6 / sqrt 5 for n = 2 and 24 / sqrt 10 for n = 3."""
    assert ring_ratios(2) == pytest.approx((1.0, (24 / math.sqrt(10)) / (6 / math.sqrt(5))))


def test_clamped_plate_is_tuned_as_a_drum_of_bessel_roots() -> None:
    """Roots of J_n I_(n+1) + I_n J_(n+1) = 0, squared: (0,1), (1,1), (2,1) and (0,2)."""
    from scipy.optimize import brentq
    from scipy.special import iv, jv

    def root(n: int, low: float, high: float) -> float:
        return float(brentq(lambda x: jv(n, x) * iv(n + 1, x) + iv(n, x) * jv(n + 1, x), low, high))

    roots = [root(0, 3.0, 3.5), root(1, 4.3, 5.0), root(2, 5.6, 6.2), root(0, 6.1, 6.6)]
    assert plate_ratios(4) == pytest.approx([(r / roots[0]) ** 2 for r in roots], rel=0.002)
