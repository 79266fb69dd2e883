"""Judges of realism: what they compare, and that they tell what differs and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from engine.lab.data.sampler.hits import AnalysedHit
from engine.lab.evaluation.realism.evaluate import make_sounds, measure_accuracy, split_hits, trim
from engine.physics.model import Modes, Residual

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


def test_development_compares_learnt_recordings_of_groups_that_lend_nothing() -> None:
    def hit(group: str, held_out: bool) -> AnalysedHit:
        return AnalysedHit(np.zeros(480, np.float32), Modes(), Residual((), (), ()), 20_000.0, "wood", group, held_out)

    every = [hit(f"box {k // 2}", k >= 8) for k in range(12)] + [hit("imagined/wood", False)]
    compared, lenders = split_hits(every, development=False)
    assert all(one.held_out for one in compared) and not any(one.held_out for one in lenders) and len(lenders) == 9
    compared, lenders = split_hits(every, development=True)
    assert not any(one.held_out for one in [*compared, *lenders])
    assert {one.group for one in compared} == {"box 0", "box 2"} and {one.group for one in lenders} == {
        "box 1",
        "box 3",
    }


def test_another_first_seed_draws_other_sounds() -> None:
    noise = Residual((100.0, 1000.0, 8000.0), (-20.0, -30.0), (30.0, 60.0))
    hits = [AnalysedHit(np.zeros(480, np.float32), Modes(), noise, 20_000.0, "wood", "box", True)] * 2
    first, second = make_sounds(hits, "as measured", {}, None, 1, 0.0)
    again, third = make_sounds(hits, "as measured", {}, None, 1, 0.0, first_seed=1)
    assert np.array_equal(again, second) and not np.array_equal(first, second) and not np.array_equal(second, third)
