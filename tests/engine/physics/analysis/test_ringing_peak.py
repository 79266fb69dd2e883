"""The strongest peak of what follows the attack becomes a mode, and only where it is lost."""

from __future__ import annotations

import numpy as np

from engine.physics.analysis.ringing_peak import restore_ringing_peaks
from tests.sounds import RATE, make_modes, reference

LENGTH = RATE // 2
LINE = reference(make_modes([2345.0], [-20.0], [30.0], [0.4]), LENGTH)
NO_POLES, NO_AMPLITUDES = np.zeros((0, 2)), np.zeros(0, dtype=complex)


def test_a_peak_without_a_mode_gets_its_pole_and_amplitude(rng: np.random.Generator) -> None:
    sound = LINE + 1e-3 * rng.standard_normal(LENGTH)
    poles, amplitudes = restore_ringing_peaks(sound, RATE, NO_POLES, NO_AMPLITUDES)
    np.testing.assert_allclose(poles, [[2345.0, 30.0]], rtol=0.01)
    np.testing.assert_allclose(amplitudes, [0.1 * np.exp(0.4j)], rtol=0.03)


def test_a_burst_at_the_attack_does_not_change_the_line_after_it(rng: np.random.Generator) -> None:
    burst = rng.standard_normal(LENGTH) * np.exp(-1500.0 * np.arange(LENGTH) / RATE)
    pulled = np.array([[2390.0, 300.0]])
    poles, amplitudes = restore_ringing_peaks(LINE + burst, RATE, pulled, np.array([0.4 + 0.0j]))
    ringing = np.argmin(np.abs(poles[:, 0] - 2345.0))
    np.testing.assert_allclose(poles[ringing], [2345.0, 30.0], rtol=0.04)
    np.testing.assert_allclose(amplitudes[ringing], 0.1 * np.exp(0.4j), rtol=0.1)


def test_a_mode_that_is_too_loud_after_the_attack_is_fitted_again() -> None:
    other = reference(make_modes([700.0], [-32.0], [20.0], [1.0]), LENGTH)
    given = np.array([[2345.0, 30.0], [700.0, 20.0]]), np.array([0.02 * np.exp(0.4j), 0.4 * np.exp(1.0j)])
    poles, amplitudes = restore_ringing_peaks(LINE + other, RATE, *given)
    order = np.argsort(poles[:, 0])
    np.testing.assert_allclose(poles[order], [[700.0, 20.0], [2345.0, 30.0]], rtol=0.02)
    np.testing.assert_allclose(np.abs(amplitudes[order]), [10.0**-1.6, 0.1], rtol=0.05)


def test_modes_stay_where_the_peak_is_theirs_in_noise_and_in_silence(rng: np.random.Generator) -> None:
    decaying = rng.standard_normal(LENGTH) * np.exp(-40.0 * np.arange(LENGTH) / RATE)
    theirs = np.array([[2345.0, 30.0], [5000.0, 90.0]]), np.array([0.1 * np.exp(0.4j), 0.01 + 0.0j])
    for sound, (poles, amplitudes) in (
        (LINE, theirs),
        (decaying, (NO_POLES, NO_AMPLITUDES)),
        (np.zeros(LENGTH), (NO_POLES, NO_AMPLITUDES)),
        (LINE[:500], (NO_POLES, NO_AMPLITUDES)),
        (LINE[:100], (NO_POLES, NO_AMPLITUDES)),
    ):
        same = restore_ringing_peaks(sound, RATE, poles, amplitudes)
        assert same[0] is poles
        assert same[1] is amplitudes
