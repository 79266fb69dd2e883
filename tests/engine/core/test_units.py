"""Conversions of units, against values worked out by hand and against the standards that define them."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from engine.core.errors import BadInput
from engine.core.units import (
    LN_60_DB,
    cents_to_ratio,
    db_to_gain,
    db_to_power,
    decay_to_t60_s,
    format_frame_rate,
    gain_to_db,
    parse_frame_rate,
    parse_timecode,
    power_to_db,
    seconds_to_samples,
)

NTSC = Fraction(30000, 1001)


def test_levels_of_numbers_arrays_and_tensors() -> None:
    gains, powers, levels = [1.0, 10.0, 0.1, 2.0], [1.0, 10.0, 0.1, 4.0], [0.0, 20.0, -20.0, 6.0205999]
    for gain, level in zip(gains, levels, strict=True):
        assert gain_to_db(gain) == pytest.approx(level) and db_to_gain(level) == pytest.approx(gain)
    for power, level in zip(powers, [0.0, 10.0, -10.0, 6.0205999], strict=True):
        assert power_to_db(power) == pytest.approx(level) and db_to_power(level) == pytest.approx(power)
    assert isinstance(gain_to_db(2), float)
    np.testing.assert_allclose(gain_to_db(np.array(gains)), levels)
    np.testing.assert_allclose(db_to_power(np.array([3.0, -60.0])), [1.99526231, 1e-6])
    assert db_to_gain(np.zeros(2, np.float32)).dtype == np.float32
    assert torch.allclose(gain_to_db(torch.tensor(gains)), torch.tensor(levels))
    assert torch.allclose(db_to_power(torch.tensor([20.0])), torch.tensor([100.0]))


def test_levels_of_numbers_need_no_numpy() -> None:
    code = "import sys; from engine.core.units import gain_to_db; print(gain_to_db(0.5), 'numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert float(said[0]) == pytest.approx(-6.0205999) and said[1] == "False"


def test_intervals_and_decays() -> None:
    assert cents_to_ratio(1200.0) == 2.0 and cents_to_ratio(100.0) == pytest.approx(1.059463094)
    assert pytest.approx(6.907755) == LN_60_DB and decay_to_t60_s(6.907755) == pytest.approx(1.0)
    assert decay_to_t60_s(0.0) == math.inf


def test_times_round_to_the_nearest_sample() -> None:
    assert [seconds_to_samples(t, 48_000) for t in (0.0, 1.0, 0.5 / 48_000, -0.25 / 48_000)] == [0, 48_000, 1, 0]


@pytest.mark.parametrize(
    "text", ["", "x", "0", "-25", "25/0", "nan", "1e3", "1e10000000", "1/" + "9" * 19, "1/9999999", "3000000000", "١"]
)
def test_frame_rates_are_exact_and_nonsense_is_refused(text: str) -> None:
    assert parse_frame_rate(" 30000/1001 ") == NTSC and format_frame_rate(NTSC) == "30000/1001"
    assert parse_frame_rate("1000/1") == 1000 and parse_frame_rate("12.5") == Fraction(25, 2)
    with pytest.raises(BadInput, match="frame rate "):
        parse_frame_rate(text)


def test_drop_frame_timecode_as_smpte_12m_defines_it() -> None:
    """Frame numbers 0 and 1 are left out at every minute but each tenth: 2 x 9 x 6 = 108 an hour."""
    for text, frame in (
        ("00:00:59;29", 1799),
        ("00:01:00;02", 1800),
        ("00:10:00;00", 17_982),
        ("01:00:00;00", 107_892),
    ):
        assert parse_timecode(text, NTSC) == frame
    assert parse_timecode("01:00:00:00", NTSC) == 108_000
    for text in ("1:2:3", "00:60:00:00", "00:00:00:25"):
        with pytest.raises(BadInput):
            parse_timecode(text, Fraction(25))
