"""The diagnosis of a comparison: errors put into band powers by hand are named with their band, time and amount."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.physics.comparison.diagnosis import Evidence, diagnose

STEP_S = 0.005
EDGES_HZ = np.array([50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0, 20_000.0])
TIMES_S = STEP_S * np.arange(200)
POWER = np.tile(10.0 ** (-2.0 * TIMES_S), (len(EDGES_HZ) - 1, 1))  # 20 dB a second in every octave
LEVEL_DB = 10.0 * np.log10(POWER.sum(axis=0))
SAME = Evidence(EDGES_HZ, POWER, POWER, np.zeros(len(POWER)), LEVEL_DB, LEVEL_DB, 1.0, None, STEP_S)


def with_error(error_db: float, low_hz: float, high_hz: float, from_s: float = 0.0) -> Evidence:
    """A model with an error in some octaves from a time on; the broadband levels stay alike."""
    rows = (EDGES_HZ[:-1] >= low_hz) & (EDGES_HZ[1:] <= high_hz)
    model = POWER.copy()
    model[np.ix_(rows, from_s <= TIMES_S)] *= 10.0 ** (error_db / 10.0)
    return replace(SAME, model=model)


def test_a_model_without_errors_fits() -> None:
    assert diagnose(SAME) == "good: within 0.1 dB almost everywhere"


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (with_error(6.0, 800.0, 1600.0), "6 dB too loud between 800 Hz and 1.6 kHz"),
        (with_error(-9.0, 6400.0, 20_000.0), "9 dB too quiet above 6.4 kHz"),
        (with_error(12.0, 50.0, 400.0), "12 dB too loud below 400 Hz"),
        (with_error(-5.0, 50.0, 20_000.0), "5 dB too quiet at all frequencies"),
    ],
)
def test_a_wrong_band_is_named_with_its_amount(evidence: Evidence, sentence: str) -> None:
    assert diagnose(evidence) == sentence


def test_a_wrong_decay_is_named_with_the_time_from_which_it_is_wrong() -> None:
    assert diagnose(with_error(-10.0, 1600.0, 3200.0, 0.3)) == (
        "10 dB too quiet between 1.6 kHz and 3.2 kHz after 0.3 s, so it dies away too fast"
    )
    assert diagnose(with_error(10.0, 1600.0, 3200.0, 0.3)).endswith("after 0.3 s, so it rings too long")


def test_a_second_hit_is_named_only_where_the_recording_rises() -> None:
    risen = np.where((TIMES_S >= 0.2) & (TIMES_S < 0.25), LEVEL_DB + 6.0, LEVEL_DB)
    struck = replace(SAME, level_measured_db=risen, restrike_s=0.2)
    assert diagnose(struck) == "rises again at 0.20 s: a second hit?"
    assert diagnose(replace(struck, level_measured_db=LEVEL_DB)).startswith("good")


def test_a_weak_attack_is_named_before_anything_else() -> None:
    weak = with_error(6.0, 800.0, 1600.0)
    weak = replace(weak, level_model_db=np.where(TIMES_S < 0.02, LEVEL_DB - 8.0, LEVEL_DB))
    assert diagnose(weak).startswith("attack too weak: 8 dB under in the first")


def test_a_silent_model_and_a_noisy_recording_are_named() -> None:
    assert diagnose(replace(SAME, modes_share=0.1)).endswith("; most of it is noise: modes make up 10 %")
    assert "24 dB or more too quiet at all frequencies" in diagnose(replace(SAME, model=0.0 * POWER))
