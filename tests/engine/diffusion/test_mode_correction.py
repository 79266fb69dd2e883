"""A sampled sound's modes are held to the frequencies and decays they were asked to have; all else stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.diffusion.mode_correction import correct_modes
from engine.diffusion.mode_envelope import limit_deviations, order_by_overlap
from engine.lab.evaluation.sampler.outside import measure_decay
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.damped_sinusoids import fit_changes, synthesize_poles
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize

RATE, LENGTH = 48_000, 60_000
MODES = Modes((400.0, 1130.0, 3100.0), (-10.0, -16.0, -20.0), (6.0, 12.0, 25.0), (0.3, -1.0, 2.0), (False,) * 3)


def sound_of(modes: Modes) -> np.ndarray:
    return synthesize(Physics(modes, Residual(), RATE), LENGTH / RATE)


NOISE = Residual((100.0, 8000.0), (-50.0,), (40.0,))


def held(sound: np.ndarray) -> np.ndarray:
    asked = sound_of(MODES)
    return asked + correct_modes(sound - asked, MODES, NOISE)


def test_changes_are_found_and_doubt_draws_them_to_nothing() -> None:
    poles, amplitudes = np.array([[500.0, 8.0], [900.0, 20.0]]), np.array([0.3 + 0.1j, -0.2j])
    moved = poles + np.array([[0.0, 0.05], [0.0, 0.0]])
    rest = synthesize_poles(moved, amplitudes, 20_000, RATE) - synthesize_poles(poles, amplitudes, 20_000, RATE)
    change = fit_changes(rest, RATE, poles, amplitudes)
    assert change[1, 0].real * RATE == pytest.approx(-0.05, rel=0.02) and abs(change[1, 1]) * RATE < 1e-3
    sure = fit_changes(rest, RATE, poles, amplitudes, np.full((2, 2), 1e-9))
    assert np.abs(sure).max() < 0.05 * np.abs(change[1, 0])


def test_a_mode_that_falls_too_fast_or_slides_is_brought_back() -> None:
    strayed = replace(MODES, decay_per_s=(6.9, 10.6, 25.0), frequency_hz=(400.2, 1130.0, 3099.0))
    noise = synthesize(Physics(Modes(), NOISE, RATE), LENGTH / RATE, seed=2)
    found = analyze_hit(held(sound_of(strayed) + noise), RATE, onset_s=0.0)[0].modes
    for index, (hz, fall) in enumerate(zip(MODES.frequency_hz, MODES.decay_per_s, strict=True)):
        nearest = int(np.argmin(np.abs(np.array(found.frequency_hz) - hz)))
        assert 1200.0 * abs(np.log2(found.frequency_hz[nearest] / hz)) < 1.0, index
        assert found.decay_per_s[nearest] == pytest.approx(fall, rel=0.05), index


def test_louder_modes_and_noise_stay_as_they_are() -> None:
    louder = replace(MODES, power_db=(-7.0, -16.0, -24.0))
    np.testing.assert_allclose(held(sound_of(louder)), sound_of(louder), atol=1e-3)
    loud = Residual((100.0, 20_000.0), (-30.0,), (30.0,))
    noise = synthesize(Physics(Modes(), loud, RATE), LENGTH / RATE, seed=3)
    kept = correct_modes(noise, MODES, loud)
    assert np.sqrt(np.mean((kept - noise) ** 2)) < 0.1 * np.sqrt(np.mean(noise**2))


def test_a_mode_that_fades_early_is_measured_at_its_own_decay() -> None:
    """Seen by a regression of the band's envelope: the fit of a single decay alone leaves the end too low."""
    time_s = np.arange(LENGTH) / RATE
    sound = sound_of(MODES) * np.where(time_s < 0.15, 1.0, np.exp(-5.0 * np.maximum(time_s - 0.15, 0.0)))
    for index, (hz, fall) in enumerate(zip(MODES.frequency_hz, MODES.decay_per_s, strict=True)):
        before, after = (measure_decay(x.astype(np.float64), hz, 700.0) for x in (sound, held(sound)))
        assert after == pytest.approx(fall, rel=0.1), index
        assert index or before > 1.2 * fall


def test_nothing_is_done_where_no_mode_sounds() -> None:
    rest = np.random.default_rng(1).standard_normal(LENGTH).astype(np.float32)
    for modes in (Modes(), replace(MODES, muted=(True,) * 3)):
        assert correct_modes(rest, modes, NOISE) is rest


def test_a_slow_mode_beside_a_fast_one_does_not_take_its_energy() -> None:
    """What was sampled there lasts longer than both: the fit gives it all to the slow one, which then would stand out
    by 14 dB, and a damped sound would last longer than before."""
    asked = Modes((880.0, 890.0), (-10.0, -24.0), (170.0, 45.0), (0.0, 0.0), (False,) * 2)
    sampled = sound_of(replace(asked, power_db=(-10.0, -10.0)))
    sound = sound_of(asked) + correct_modes(sampled - sound_of(asked), asked, NOISE)
    late = slice(round(0.05 * RATE), round(0.1 * RATE))
    over_db = 20.0 * np.log10(np.linalg.norm(sound[late]) / np.linalg.norm(sound_of(asked)[late]))
    assert over_db < 6.5


def test_bands_that_overlap_are_limited_in_order_and_others_at_once() -> None:
    middle, half = np.array([100, 118, 300, 90, 310, 500]), np.array([10, 10, 8, 12, 8, 9])
    assert [group.tolist() for group in order_by_overlap(middle, half)] == [[0, 2, 5], [1, 3, 4]]
    assert not order_by_overlap(middle[:0], half[:0])


def test_modes_that_are_limited_at_once_change_as_each_alone() -> None:
    poles = np.array([[400.0, 20.0], [1130.0, 35.0], [3100.0, 90.0]])
    amplitudes = np.array([0.1, 0.05, 0.02]) * np.exp(1j * np.arange(3))
    quiet = Residual((100.0, 8000.0), (-80.0,), (40.0,))
    left = synthesize_poles(poles + np.array([3.0, 0.0]), 0.3 * amplitudes, LENGTH, RATE)
    changes = [limit_deviations(left, poles[k : k + 1], amplitudes[k : k + 1], quiet) - left for k in range(3)]
    assert min(np.linalg.norm(change) for change in changes) > 0.05 * np.linalg.norm(left)
    together = limit_deviations(left, poles, amplitudes, quiet) - left
    assert np.linalg.norm(together - sum(changes)) < 0.03 * np.linalg.norm(together)
