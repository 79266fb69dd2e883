"""Measures of physics against standards, closed forms and the energy of the synthesised sound."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.bank.attributes import (
    STRIKER_HARDNESS,
    a_weighting,
    attributes_of,
    mean_frequency_hz,
    measure_energy_db,
    measure_pitch,
    measure_ring,
)
from engine.bank.bank import STRIKERS, Entry
from engine.physics.model import Modes, Physics, Residual
from tests.sounds import RATE, reference


@pytest.mark.parametrize(
    ("log10_hz", "level_db"),
    [(1.5, -39.4), (2.0, -19.1), (2.7, -3.2), (3.0, 0.0), (3.4, 1.3), (4.0, -2.5), (4.2, -6.6)],
)
def test_a_weighting_is_that_of_the_standard(log10_hz: float, level_db: float) -> None:
    """Table 3 of IEC 61672-1, to its 0.1 dB; the formula lacks the 2.00 dB that set 0 dB at 1 kHz."""
    assert 20.0 * math.log10(a_weighting(10.0**log10_hz)) + 2.0 == pytest.approx(level_db, abs=0.06)


def test_pitch_and_ring_of_single_modes() -> None:
    def tone(hz: float, t60_s: float) -> Physics:
        return Physics(Modes((hz,), (-12.0,), (math.log(1000.0) / t60_s,), (0.0,)))

    assert mean_frequency_hz(tone(440.0, 1.0).modes) == pytest.approx(440.0)
    assert measure_pitch(tone(700.0, 1.0)) == pytest.approx(0.0)
    assert measure_pitch(tone(1400.0, 1.0)) == pytest.approx(0.5)  # one octave of two
    assert measure_pitch(tone(60.0, 1.0)) == -1.0
    assert [measure_ring(tone(500.0, t60_s)) for t60_s in (0.3, 3.0, 30.0, 0.03)] == pytest.approx(
        [0.0, 1.0, 1.0, -1.0]
    )


def test_mean_frequency_of_two_modes_by_hand_and_muted_ones_do_not_count() -> None:
    modes = Modes((500.0, 2000.0, 50.0), (0.0, -6.0, 40.0), (5.0,) * 3, (0.0,) * 3, (False, False, True))
    low = 10.0 ** (-3.2 / 20.0) / 500.0  # A-weighting by the table of the standard
    high = 10.0 ** (-6.0 / 20.0) * 10.0 ** (1.2 / 20.0) / 2000.0
    wanted_hz = math.exp((low * math.log(500.0) + high * math.log(2000.0)) / (low + high))
    assert mean_frequency_hz(modes) == pytest.approx(wanted_hz, rel=0.005)
    assert math.isnan(mean_frequency_hz(Modes())) and measure_ring(Physics()) == -1.0


def test_energy_is_that_of_the_sound() -> None:
    modes = Modes((700.0, 1900.0), (-6.0, -10.0), (8.0, 20.0), (0.3, 1.0))
    sound = reference(modes, 2 * RATE)
    energy = float(np.square(sound).sum()) / RATE
    assert measure_energy_db(modes, Residual()) == pytest.approx(10.0 * math.log10(energy), abs=0.1)
    noise = Residual((100.0, 1000.0), (-20.0,), (10.0,))
    assert measure_energy_db(Modes(), noise) == pytest.approx(10.0 * math.log10(0.01 / 20.0), abs=1e-6)
    assert measure_energy_db(Modes(), Residual()) == -math.inf


def test_attributes_of_an_entry_leave_the_unknown_unknown() -> None:
    entry = Entry("x", Physics(Modes((1400.0,), (0.0,), (2.0,), (0.0,))), size_m=0.0)
    known = attributes_of(entry)
    assert known.material == {} and math.isnan(known.size_m) and known.pitch == pytest.approx(0.5)
    assert math.isnan(attributes_of(entry, measured=False).pitch)
    assert set(STRIKER_HARDNESS) == set(STRIKERS)
