"""Decays of noise bands are recovered from levels of known expectation and chance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import least_squares

from engine.physics.analysis.band_decays import fit_decays


def average_levels(edges_s: np.ndarray, power: list[float], decay: list[float]) -> np.ndarray:
    """Mean square in each frame of a sum of decays, integrated numerically."""

    def level(time_s: float) -> float:
        return sum(p * np.exp(-2.0 * d * time_s) for p, d in zip(power, decay, strict=True))

    return np.array([quad(level, a, b)[0] / (b - a) for a, b in pairwise(edges_s)])


@pytest.mark.parametrize(
    ("power", "decay"),
    [([1.0], [30.0]), ([1.0, 1e-3], [60.0, 8.0]), ([1.0, 1e-2, 1e-5], [200.0, 40.0, 5.0])],
    ids=["one", "two", "three"],
)
def test_the_decays_of_a_band_are_recovered(power: list[float], decay: list[float], rng: np.random.Generator) -> None:
    """Levels as noise of 4 kHz shows them: gamma variables of as many degrees as width times duration."""
    edges_s = np.concatenate([[0.0], np.cumsum(np.minimum(0.004 * 1.12 ** np.arange(60), 0.05))])
    edges_s = np.tile(edges_s[edges_s < 1.5], (4, 1))
    weight = np.maximum(1.0, 4000.0 * np.diff(edges_s))
    level = average_levels(edges_s[0], power, decay) * rng.gamma(weight) / weight
    found, rate = fit_decays(edges_s, level, weight, np.full(4, 1e-12), 1.5)
    count = len(power)
    assert ((found > 0.0).sum(axis=1) == count).all()
    assert np.abs(rate[:, :count] / decay - 1.0).max() < 0.15
    assert np.abs(10.0 * np.log10(found[:, :count] / power)).max() < 2.5


def test_a_steady_background_is_no_decay(rng: np.random.Generator) -> None:
    edges_s = np.tile(np.linspace(0.0, 1.4, 60), (4, 1))
    weight = np.full((4, 59), 50.0)
    level = (average_levels(edges_s[0], [1.0], [20.0]) + 1e-4) * rng.gamma(weight) / weight
    found, rate = fit_decays(edges_s, level, weight, np.full(4, 3e-4), 1.5)
    assert ((found > 0.0).sum(axis=1) == 1).all()
    assert np.abs(rate[:, 0] / 20.0 - 1.0).max() < 0.1


def test_without_chance_the_decays_are_exact() -> None:
    """So many degrees of freedom that the levels are their expectation."""
    edges_s = np.concatenate([[0.0], np.cumsum(np.minimum(0.004 * 1.12 ** np.arange(60), 0.05))])[:50]
    level = average_levels(edges_s, [1.0, 1e-3], [60.0, 6.0])
    found, rate = fit_decays(edges_s[None], level[None], np.full((1, 49), 1e6), np.full(1, 1e-13), 1.0)
    assert rate[0, :2] == pytest.approx([60.0, 6.0], rel=0.02) and found[0, :2] == pytest.approx([1.0, 1e-3], rel=0.05)
    assert found[0, 2] == 0.0


def test_one_decay_is_that_of_a_least_squares_fit_of_the_logarithm(rng: np.random.Generator) -> None:
    edges_s = np.linspace(0.0, 0.3, 40)
    weight = np.full(39, 30.0)
    level = average_levels(edges_s, [0.02], [12.0]) * rng.gamma(weight) / weight
    middle_s = 0.5 * (edges_s[1:] + edges_s[:-1])
    line = least_squares(lambda v: v[0] - 2.0 * v[1] * middle_s - np.log(level), [0.0, 10.0]).x
    found, rate = fit_decays(edges_s[None], level[None], weight[None], np.full(1, 1e-12), 1.0)
    assert (found[0] > 0.0).sum() == 1
    assert rate[0, 0] == pytest.approx(line[1], rel=0.02) and found[0, 0] == pytest.approx(np.exp(line[0]), rel=0.05)


def test_silence_has_no_decay_and_frames_without_weight_do_not_count(rng: np.random.Generator) -> None:
    edges_s = np.linspace(0.0, 0.5, 41)
    weight = np.full(40, 40.0)
    level = average_levels(edges_s, [1.0], [15.0]) * rng.gamma(weight) / weight
    spoilt, ignored = level.copy(), weight.copy()
    spoilt[25:], ignored[25:] = 100.0, 0.0
    rows = np.stack([np.zeros(40), level[:40], spoilt])
    found, rate = fit_decays(
        np.tile(edges_s, (3, 1)), rows, np.stack([weight, weight, ignored]), np.full(3, 1e-12), 1.0
    )
    assert not found[0].any()
    assert rate[1, 0] == pytest.approx(15.0, rel=0.1) and rate[2, 0] == pytest.approx(15.0, rel=0.15)


def test_levels_of_few_degrees_of_freedom_are_not_biased(rng: np.random.Generator) -> None:
    """The mean logarithm of a gamma variable of 2 degrees lies 1.2 dB under the logarithm of its mean."""
    edges_s = np.linspace(0.0, 0.5, 60)
    weight = np.full((64, 59), 2.0)
    level = average_levels(edges_s, [0.01], [10.0]) * rng.gamma(weight) / weight
    found, _ = fit_decays(np.tile(edges_s, (64, 1)), level, weight, np.full(64, 1e-12), 1.0)
    assert 10.0 * np.log10(found.sum(axis=1)).mean() == pytest.approx(-20.0, abs=0.5)
