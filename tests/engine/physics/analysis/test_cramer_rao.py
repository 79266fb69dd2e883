"""Cramér-Rao bounds: against numeric derivatives, closed forms, and the scatter of a least-squares fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import least_squares

from engine.physics.analysis.cramer_rao import cramer_rao, fisher_matrix
from engine.physics.model import Modes
from tests.sounds import RATE, make_modes

FOUR = make_modes(
    [440.0, 444.0, 3000.0, 9000.0], [-10.0, -12.0, -30.0, -20.0], [3.0, 5.0, 50.0, 1000.0], [0.3, 1, 2, -1]
)


def ring_exactly(numbers: np.ndarray, length: int) -> np.ndarray:
    """The sound of parameters [4 K] in the order of the Fisher matrix, from the formula."""
    f, d, p, phase = numbers.reshape(4, -1, 1)
    t = np.arange(length) / RATE
    return (10.0 ** (p / 20.0) * np.exp(-d * t) * np.cos(2 * np.pi * f * t + phase)).sum(axis=0)


def numbers_of(modes: Modes) -> np.ndarray:
    return np.concatenate([modes.frequency_hz, modes.decay_per_s, modes.power_db, modes.phase_rad])


def numeric_slopes(length: int) -> np.ndarray:
    """Jacobian [length, 16] of FOUR's sound by central differences."""
    centre = numbers_of(FOUR)
    steps = np.repeat([1e-4, 1e-3, 1e-4, 1e-5], len(FOUR))
    columns = [
        (ring_exactly(centre + step, length) - ring_exactly(centre - step, length)) / (2.0 * step.max())
        for step in np.diag(steps)
    ]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("length", [1, 2, 997, 4096, 14_401])
def test_the_fisher_matrix_is_that_of_the_sound_s_numeric_derivatives(length: int) -> None:
    slopes = numeric_slopes(length)
    fisher = fisher_matrix(FOUR, length, RATE)
    scale = np.sqrt(np.maximum(np.diag(fisher), 1e-30))
    assert np.abs((slopes.T @ slopes - fisher) / np.outer(scale, scale)).max() < 1e-5


def test_the_bound_is_the_inverse_of_the_numeric_fisher_matrix_and_scales_with_the_noise() -> None:
    bound = cramer_rao(FOUR, 14_400, RATE, 1e-3)
    slopes = numeric_slopes(14_400)
    wanted = 1e-3 * np.sqrt(np.diag(np.linalg.inv(slopes.T @ slopes))).reshape(4, -1)
    got = np.stack([bound.frequency_hz, bound.decay_per_s, bound.power_db, bound.phase_rad])
    assert np.allclose(got, wanted, rtol=1e-3)
    louder = cramer_rao(FOUR, 14_400, RATE, 1e-2)
    assert np.allclose(louder.frequency_hz, 10.0 * bound.frequency_hz)


def test_the_bound_of_one_long_mode_is_the_textbook_s() -> None:
    """A steady tone in white noise: var(omega) = 24 noise^2 / (A^2 N (N^2 - 1)), Rife and Boorstyn 1974."""
    n, amplitude, noise = 48_000, 0.5, 0.1
    modes = make_modes([1000.0], [20.0 * math.log10(amplitude)], [1e-6], [0.7])
    bound = cramer_rao(modes, n, RATE, noise)
    omega = math.sqrt(24.0 * noise**2 / (amplitude**2 * n * (n**2 - 1.0)))
    assert bound.frequency_hz[0] == pytest.approx(omega * RATE / (2.0 * math.pi), rel=1e-3)


def test_the_bound_of_one_mode_that_dies_away_is_the_closed_form() -> None:
    """Frequency with phase, and decay with log amplitude, each have the Fisher matrix A^2 / (2 noise^2) times the sums
    of n^p e^(-2 d n), p = 0, 1, 2, which are integrals for many samples (Yao and Pandit 1995)."""
    decay, amplitude, noise = 20.0, 0.5, 0.02
    modes = make_modes([3000.0], [20.0 * math.log10(amplitude)], [decay], [0.4])
    bound = cramer_rao(modes, 3 * RATE, RATE, noise)
    s0, s1, s2 = 1.0 / (2.0 * decay), 1.0 / (2.0 * decay) ** 2, 2.0 / (2.0 * decay) ** 3
    inverse = np.linalg.inv(np.array([[s0, s1], [s1, s2]])) * noise**2 / RATE / (0.5 * amplitude**2)
    slope, level = math.sqrt(inverse[1, 1]), math.sqrt(inverse[0, 0])
    assert bound.frequency_hz[0] == pytest.approx(slope / (2.0 * math.pi), rel=0.01)
    assert bound.decay_per_s[0] == pytest.approx(slope, rel=0.01)
    assert bound.phase_rad[0] == pytest.approx(level, rel=0.01)
    assert bound.power_db[0] == pytest.approx(20.0 / math.log(10.0) * level, rel=0.01)


@pytest.mark.slow
def test_a_least_squares_fit_of_one_mode_scatters_as_the_bound_says(rng: np.random.Generator) -> None:
    modes = make_modes([700.0], [-6.0], [40.0], [0.4])
    length, noise = 3000, 0.02
    bound = cramer_rao(modes, length, RATE, noise)
    truth = numbers_of(modes)
    clean = ring_exactly(truth, length)
    scale = np.array([0.1, 1.0, 0.1, 0.01])
    errors = []
    for _ in range(150):
        noisy = clean + noise * rng.standard_normal(length)
        fit = least_squares(lambda v, y=noisy: ring_exactly(truth + scale * v, length) - y, np.zeros(4))
        errors.append(scale * fit.x)
    scatter = np.std(errors, axis=0)
    wanted = [bound.frequency_hz[0], bound.decay_per_s[0], bound.power_db[0], bound.phase_rad[0]]
    assert scatter / np.array(wanted) == pytest.approx(np.ones(4), abs=0.2)


def test_two_modes_alike_cannot_be_known_and_do_not_spoil_the_third() -> None:
    twins = make_modes([500.0, 500.0, 2000.0], [-10.0, -10.0, -10.0], [4.0, 4.0, 4.0], [0.0, 1.0, 0.0])
    alone = make_modes([2000.0], [-10.0], [4.0], [0.0])
    bound = cramer_rao(twins, 48_000, RATE, 1e-3)
    assert np.isinf(bound.frequency_hz[:2]).all()
    only = cramer_rao(alone, 48_000, RATE, 1e-3)
    assert bound.frequency_hz[2] == pytest.approx(only.frequency_hz[0], rel=1e-3)
    with pytest.raises(ValueError, match="noise"):
        cramer_rao(alone, 48_000, RATE, 0.0)
