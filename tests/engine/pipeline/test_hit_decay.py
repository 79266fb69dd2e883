"""Hits that share a sound die as fast as each of them was recorded to."""

from __future__ import annotations

import numpy as np
import pytest

from engine.pipeline.hit_decay import compare_falls, measure_falls
from tests.sounds import RATE


def hit(decay_per_s: float, seed: int, length_s: float = 0.5) -> np.ndarray:
    time_s = np.arange(round(length_s * RATE)) / RATE
    rng = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * 900.0 * time_s) + 0.3 * rng.standard_normal(time_s.size)
    return tone * np.exp(-decay_per_s * time_s) + 1e-3 * rng.standard_normal(time_s.size)


@pytest.mark.parametrize("ratio", [0.6, 1.4, 1.8])
def test_a_hit_that_dies_sooner_decays_as_much_faster(ratio: float) -> None:
    reference = measure_falls(hit(25.0, 1))
    np.testing.assert_allclose(reference, np.array([8, 12, 16, 20, 25]) / 8.686 / 25.0, rtol=0.1)
    assert compare_falls(measure_falls(hit(25.0 * ratio, 2)), reference) == pytest.approx(ratio, rel=0.1)


def test_hits_alike_and_those_that_cannot_be_compared_keep_the_sound_s_decay() -> None:
    reference = measure_falls(hit(25.0, 1))
    assert compare_falls(measure_falls(hit(25.5, 4)), reference) == 1.0
    cut = measure_falls(hit(25.0, 1, 0.03))
    assert np.isnan(cut).all() and compare_falls(cut, reference) == 1.0 and compare_falls((), reference) == 1.0
    assert compare_falls(measure_falls(hit(400.0, 1)), reference) == 2.0


def test_what_swells_is_no_strike_that_falls() -> None:
    swelling = np.concatenate([0.3 * hit(1.0, 3, 0.3), hit(25.0, 1)])
    assert np.isnan(measure_falls(swelling)).all()
