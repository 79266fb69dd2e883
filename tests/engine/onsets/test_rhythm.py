"""The weights of a rhythm: against every subset of a few candidates, and as a user would expect them."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from engine.onsets.rhythm import REACH_S, RHYTHM, Rhythm, weigh_by_rhythm


@pytest.mark.parametrize("rhythm", [RHYTHM, Rhythm(0.35, 0.3, 0.5, 0.2, 1.0)])
def test_weights_are_those_of_all_subsets(rhythm: Rhythm) -> None:
    random = np.random.default_rng(3)
    times_s, own = np.sort(random.uniform(0.0, 6.0, 9)), random.normal(size=9)
    irregular = rhythm.irregular_share
    whole, with_each = 0.0, np.zeros(9)
    for size in range(10):
        for chosen in combinations(range(9), size):
            weight, before_s = sum(own[list(chosen)]), None
            for first, second in pairwise(chosen):
                gap_s = times_s[second] - times_s[first]
                if gap_s > REACH_S:
                    before_s = None
                    continue
                weight -= rhythm.short_cost * max(0.0, 1.0 - gap_s / rhythm.short_s)
                if before_s is not None:
                    likeness = np.exp(-0.5 * (np.log(gap_s / before_s) / rhythm.spread) ** 2)
                    weight += rhythm.bonus + np.log((1.0 - irregular) * likeness + irregular)
                before_s = gap_s
            whole += np.exp(weight)
            with_each[list(chosen)] += np.exp(weight)
    alone = 1.0 / (1.0 + np.exp(-own))
    trust = whole / (whole + np.prod(1.0 + np.exp(own)))
    share = trust * with_each / whole + (1.0 - trust) * alone
    expected = np.log(share / (1.0 - share))
    assert weigh_by_rhythm(times_s, own, rhythm) == pytest.approx(expected, abs=1e-9)


def test_without_a_rhythm_the_candidates_keep_their_own_odds() -> None:
    gaps_s = np.array([0.4, 1.3, 0.5, 1.7, 0.35, 0.9, 1.9, 0.6, 1.6, 0.45, 1.2, 0.3])
    own = np.full(12, 3.0)
    own[4] = 0.3
    assert weigh_by_rhythm(np.cumsum(gaps_s), own) == pytest.approx(own, abs=0.1)


def test_a_faint_hit_on_the_beat_gains_one_between_beats_loses_and_one_alone_stays() -> None:
    beats_s = 0.5 * np.arange(1, 11)
    own = np.full(10, 2.0)
    own[5] = -0.5
    assert weigh_by_rhythm(beats_s, own)[5] > 0.3
    times_s = np.sort(np.append(beats_s, 2.72))
    between = int(np.searchsorted(times_s, 2.72))
    assert weigh_by_rhythm(times_s, np.insert(np.full(10, 2.0), between, 0.5))[between] < -0.5
    alone = weigh_by_rhythm(np.array([1.0, 9.0, 20.0]), np.array([0.4, -0.4, 2.0]))
    assert alone == pytest.approx([0.4, -0.4, 2.0])
