"""Random variation of macros: uniform, bounded, repeatable, and only of the strike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engine.physics.model import Macros
from engine.physics.variation import SPREADS, randomize_macros


def test_no_variation_returns_the_macros_themselves() -> None:
    macros = Macros(mass=0.3, hardness=-0.2)
    assert randomize_macros(macros, 0.0, 7) is macros


def test_a_seed_gives_one_take_and_other_seeds_others() -> None:
    takes = [randomize_macros(Macros(), 0.5, seed) for seed in range(50)]
    assert takes == [randomize_macros(Macros(), 0.5, seed) for seed in range(50)]
    assert len(set(takes)) == 50


@pytest.mark.parametrize("variation", [0.3, 1.0])
@pytest.mark.parametrize("name", list(SPREADS))
def test_offsets_are_uniform_within_the_spread_and_independent_of_the_others(name: str, variation: float) -> None:
    takes = [randomize_macros(Macros(), variation, seed) for seed in range(2000)]
    offsets = np.array([getattr(take, name) for take in takes])
    reach = variation * SPREADS[name]
    assert stats.kstest(offsets, stats.uniform(-reach, 2.0 * reach).cdf).pvalue > 1e-3
    for other in SPREADS:
        if other != name:
            assert abs(stats.pearsonr(offsets, [getattr(take, other) for take in takes]).statistic) < 0.08


def test_results_stay_in_range_and_the_object_and_room_are_unchanged() -> None:
    edge = Macros(mass=0.5, hardness=0.95, damping=-0.7, position=-1.0, roughness=1.0, room=0.2)
    takes = [randomize_macros(edge, 1.0, seed) for seed in range(300)]
    assert all(abs(value) <= 1.0 for take in takes for value in vars(take).values())
    assert {(take.mass, take.damping, take.room) for take in takes} == {(0.5, -0.7, 0.2)}
    offset = np.array([randomize_macros(Macros(), 1.0, seed).position for seed in range(300)])
    assert [take.position for take in takes] == pytest.approx(np.clip(-1.0 + offset, -1.0, 1.0))
