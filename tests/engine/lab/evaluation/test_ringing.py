"""What measures the modes of recordings from outside must itself be right, on sounds whose modes are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.lab.evaluation.physics import ringing
from engine.lab.evaluation.sampler import outside
from engine.physics.model import Physics, Residual
from engine.physics.synthesis import synthesize
from tests.sounds import NOISE, PLATE, make_modes

RINGING = make_modes([440.0, 1270.0, 3100.0], [-20.0, -12.0, -14.0], [4.0, 9.0, 15.0], [0.0, 1.0, 2.0])


def test_the_strongest_peak_after_the_attack_is_the_mode_that_rings() -> None:
    """A burst 12 dB louder, which has died after some milliseconds, is no peak."""
    with_burst = [440.0, 1270.0, 3100.0, 2000.0], [-20.0, -12.0, -14.0, 0.0], [4.0, 9.0, 15.0, 900.0]
    burst = make_modes(*with_burst, [0.0] * 4)
    for modes in (RINGING, burst):
        section = ringing.transform_section(synthesize(Physics(modes, Residual()), 0.6).astype(float))
        assert section is not None
        peaks = ringing.find_peaks(section)
        assert [round(hz / 10.0) for hz, _ in peaks[:3]] == [127, 44, 310]
        alone = ringing.transform_modes(Physics(modes, Residual()), section)
        np.testing.assert_allclose(alone.level_db, section.level_db, atol=0.01)
        levels = ringing.ringing_levels(modes, section)
        assert int(np.argmax(levels)) == 1
        np.testing.assert_allclose(levels[[1, 0, 2]], [level for _, level in peaks[:3]], atol=0.5)


def test_noise_has_no_peak_that_stands_out() -> None:
    noise = synthesize(Physics(make_modes([], [], [], []), replace(NOISE, room=None)), 0.5, seed=3).astype(float)
    section = ringing.transform_section(noise)
    assert section is not None and not ringing.find_peaks(section)


def test_takes_are_compared_line_by_line() -> None:
    one = np.array([[500.0, -10.0, 5.0], [900.0, -15.0, 8.0], [2000.0, -40.0, 9.0]])
    other = np.array([[505.0, -10.0, 6.0], [1000.0, -12.0, 8.0]])
    found = ringing._pair(one, other)
    assert found[0] == pytest.approx([17.2, 1.2], abs=0.1) and np.isnan(found[1]).all() and len(found) == 2


def test_the_outside_measurement_reads_the_modes_alone_to_the_letter_and_sees_an_error() -> None:
    physics = Physics(PLATE, replace(NOISE, room=None).scaled(-20.0))
    heard = outside.audible_modes(physics)
    assert len(heard) >= 5
    exact = np.array(outside.compare_outside(physics, synthesize(replace(physics, residual=Residual()), 1.2)))
    assert np.abs(exact[:, 0]).max() < 0.5 and np.abs(exact[:, 1]).max() < 0.03
    noisy = np.array(outside.compare_outside(physics, synthesize(physics, 1.2)))
    assert np.abs(noisy[:, 0]).max() < 5.0 and np.abs(noisy[:, 1]).max() < 0.1
    wrong = replace(PLATE, frequency_hz=tuple(f * 1.006 for f in PLATE.frequency_hz))
    wrong = replace(wrong, decay_per_s=tuple(1.3 * d for d in PLATE.decay_per_s))
    seen = np.array(outside.compare_outside(physics, synthesize(Physics(wrong, Residual()), 1.2)))
    np.testing.assert_allclose(seen[:, 0], 1200.0 * np.log2(1.006), atol=1.0)
    np.testing.assert_allclose(seen[:, 1], 0.3, atol=0.05)


def test_shares_count_what_cannot_be_read_as_missed() -> None:
    rows = [{"bare": [[0.1, 0.01], [9.0, 0.02]]}, {"bare": [[1.0, float("nan")], [2.0, 0.2]]}]
    table = outside.summarize_outside(rows)[0]
    assert (table["modes"], table["unread"]) == (4, 1)
    assert table["frequency_percent"][0] == 75.0 and table["decay_percent"][0] == 50.0
