"""Judges of realism: what they compare, and that they tell what differs and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from engine.lab.evaluation.realism.evaluate import measure_accuracy, trim

RATE = 48_000


def test_both_sides_are_cut_to_what_the_recording_holds() -> None:
    time_s = np.arange(RATE) / RATE
    low, high = np.sin(2.0 * np.pi * 1000.0 * time_s), np.sin(2.0 * np.pi * 18_000.0 * time_s)
    cut = trim(low + high, 24_000, 16_000.0)
    spectrum = np.abs(np.fft.rfft(cut[2_000:22_000]))
    hz = np.fft.rfftfreq(20_000, 1.0 / RATE)
    assert len(cut) == 24_000 and abs(float(np.abs(cut).max()) - 0.5) < 1e-6
    assert spectrum[np.argmin(abs(hz - 18_000.0))] < 1e-3 * spectrum[np.argmin(abs(hz - 1000.0))]


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.35, 0.62), (1.0, 0.9, 1.0)])
def test_a_classifier_tells_apart_what_differs(shift: float, low: float, high: float, rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(20), 5)
    recorded, made = rng.standard_normal((100, 30)), rng.standard_normal((100, 30)) + shift
    accuracy, least, most = measure_accuracy(recorded, made, groups, rng)
    assert low <= accuracy <= high and least <= accuracy <= most
