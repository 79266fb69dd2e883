"""Damped sinusoids: sums, least squares and Gauss-Newton steps against dense linear algebra and the definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from engine.physics.analysis.cramer_rao import cramer_rao
from engine.physics.analysis.damped_sinusoids import (
    fit_changes,
    keep_distinct,
    refine_jointly,
    solve_amplitudes,
    synthesize_found,
    synthesize_poles,
)
from engine.physics.model import Modes
from engine.physics.synthesis import synthesize_modes
from tests.sounds import BELL, RATE, make_modes, reference

POLES = np.array([[440.0, 6.0], [452.0, 10.0], [3000.0, 50.0], [9000.0, 300.0]])
AMPLITUDES = np.array([0.3, 0.2j, -0.1 + 0.1j, 0.05])
LENGTH = 4801


def columns(poles: np.ndarray, length: int = LENGTH) -> np.ndarray:
    """Real and imaginary parts of each damped exponential, [length, 2 K], so that x = columns @ [Re a, Im a]."""
    time = np.arange(length)[:, None] / RATE
    wave = np.exp((2j * np.pi * poles[:, 0] - poles[:, 1]) * time)
    return np.concatenate([wave.real, -wave.imag], axis=1)


def make_sound(poles: np.ndarray = POLES, length: int = LENGTH) -> np.ndarray:
    return columns(poles, length) @ np.concatenate([AMPLITUDES.real, AMPLITUDES.imag])


@pytest.mark.parametrize("length", [1, 255, 256, LENGTH])
def test_the_sum_is_its_definition(length: int) -> None:
    assert np.abs(synthesize_poles(POLES, AMPLITUDES, length, RATE) - make_sound(length=length)).max() < 1e-12
    assert not synthesize_poles(np.zeros((0, 2)), np.zeros(0, complex), length, RATE).any()


def test_modes_that_were_found_sound_as_their_definition_and_as_the_renderer_s(length: int = LENGTH) -> None:
    assert synthesize_found(BELL, length, RATE) == pytest.approx(reference(BELL, length), abs=1e-12)
    assert synthesize_found(BELL, length, RATE) == pytest.approx(synthesize_modes([BELL], length, RATE)[0], abs=1e-6)
    assert not synthesize_found(Modes(), length, RATE).any()


def test_amplitudes_are_those_of_dense_least_squares(rng: np.random.Generator) -> None:
    noisy = make_sound() + 0.01 * rng.standard_normal(LENGTH)
    wanted = np.linalg.lstsq(columns(POLES), noisy, rcond=None)[0]
    found = solve_amplitudes(noisy, RATE, POLES)
    assert np.concatenate([found.real, found.imag]) == pytest.approx(wanted, abs=1e-5)


def test_a_step_is_the_dense_gauss_newton_step(rng: np.random.Generator) -> None:
    """Columns of the Jacobian by amplitude and by exponent, per sample; with a prior, their ridge regression."""
    remainder = 1e-3 * rng.standard_normal(LENGTH)
    n = np.arange(LENGTH)[:, None]
    wave = np.exp((2j * np.pi * POLES[:, 0] - POLES[:, 1]) * n / RATE)
    slopes = np.concatenate([wave, AMPLITUDES * n * wave], axis=1)
    dense = np.concatenate([slopes.real, -slopes.imag], axis=1)
    std = np.stack([np.full(4, 1e-4), np.full(4, 1e-7)])
    ridge = np.diag(np.sqrt((remainder @ remainder / LENGTH) / np.square(np.tile(std.ravel(), 2))))
    for prior, system, right in (
        (None, dense, remainder),
        (std, np.concatenate([dense, ridge]), np.append(remainder, np.zeros(16))),
    ):
        scale = np.linalg.norm(system, axis=0)
        wanted = np.linalg.lstsq(system / scale, right, rcond=None)[0] / scale
        found = fit_changes(remainder, RATE, POLES, AMPLITUDES, prior).reshape(-1)
        assert np.abs(np.concatenate([found.real, found.imag]) - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.slow
def test_refinement_ends_where_a_general_optimiser_ends(rng: np.random.Generator) -> None:
    noisy = make_sound() + 1e-3 * rng.standard_normal(LENGTH)
    start = POLES * (1.0 + np.array([1e-4, 0.02]) * rng.standard_normal((4, 2)))

    def error(parameters: np.ndarray) -> np.ndarray:
        return columns(start * (1.0 + parameters[:8].reshape(4, 2) * [1e-4, 0.02])) @ parameters[8:] - noisy

    first = np.linalg.lstsq(columns(start), noisy, rcond=None)[0]
    wanted = least_squares(error, np.concatenate([np.zeros(8), first]), xtol=1e-12, ftol=1e-12)
    poles, amplitudes, remainder = refine_jointly(noisy, RATE, start, steps=12)
    assert remainder @ remainder == pytest.approx(2.0 * wanted.cost, rel=1e-5)
    assert poles == pytest.approx(start * (1.0 + wanted.x[:8].reshape(4, 2) * [1e-4, 0.02]), rel=2e-4)
    assert np.allclose(remainder, noisy - synthesize_poles(poles, amplitudes, LENGTH, RATE))


@pytest.mark.slow
def test_refined_modes_attain_the_cramer_rao_bound() -> None:
    """In white noise, started near the truth: the standard deviations are those of an efficient estimator."""
    four = make_modes([440.0, 452.0, 3000.0, 9000.0], [-10.0, -12.0, -30.0, -20.0], [6.0, 10.0, 50.0, 300.0], [0.3] * 4)
    bound = cramer_rao(four, 19_200, RATE, 1e-3)
    true = np.stack([four.frequency_hz, four.decay_per_s], axis=1)
    errors = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        sound = reference(four, 19_200) + 1e-3 * rng.standard_normal(19_200)
        poles = true * (1.0 + np.array([2e-4, 0.03]) * rng.standard_normal((4, 2)))
        poles, found, _ = refine_jointly(sound, RATE, poles, steps=8)
        power = 20.0 * np.log10(np.abs(found)) - np.asarray(four.power_db)
        phase = np.angle(found * np.exp(-0.3j))
        error = (poles - true).T
        errors.append([error[0] / bound.frequency_hz, error[1] / bound.decay_per_s])
        errors[-1] += [power / bound.power_db, phase / bound.phase_rad]
    scatter = np.sqrt(np.square(errors).mean(axis=(0, 2)))  # of frequency, decay, power and phase
    assert (scatter > 0.75).all() and (scatter < 1.25).all(), scatter


def test_the_own_share_is_what_a_projection_off_the_others_leaves() -> None:
    """The least squared norm, orthogonal to the others' columns, of unit combinations of a mode's unit columns."""
    near = np.array([[440.0, 6.0], [441.5, 7.0], [470.0, 20.0], [3000.0, 50.0]])
    dense = columns(near, 24_000)
    dense /= np.linalg.norm(dense, axis=0)
    kept, share = keep_distinct(near, np.ones(4, complex), RATE, 24_000)
    assert list(kept) == [0, 1, 2, 3]
    for k in range(4):
        basis = np.linalg.qr(np.delete(dense, [k, k + 4], axis=1))[0]
        own = dense[:, [k, k + 4]]
        left = np.linalg.svd(own - basis @ (basis.T @ own), compute_uv=False)
        assert share[k] == pytest.approx(left[-1] ** 2, rel=1e-3)


def test_of_two_nearly_equal_poles_one_goes() -> None:
    twins = np.array([[440.0, 6.0], [440.01, 6.0], [3000.0, 50.0]])
    kept, share = keep_distinct(twins, np.array([1.0, -0.5, 0.1], complex), RATE, LENGTH)
    assert len(kept) == 2 and 2 in kept and share == pytest.approx([1.0, 1.0], abs=0.02)
