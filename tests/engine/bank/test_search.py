"""Exact search: equal to a loop, one result of each group, similarity by its curve."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.bank.bank import Bank, make_bank
from engine.bank.descriptor import (
    describe_physics,
    descriptor_distance_db,
)
from engine.bank.search import describe_size, measure_distances, rank, rank_by_physics, similarity
from engine.core.errors import BadInput
from tests.banks import make_physics, make_takes, vary


@pytest.fixture(scope="module")
def bank() -> Bank:
    return make_takes()


def test_search_equals_measuring_one_by_one(bank: Bank) -> None:
    asked = np.stack([describe_physics(make_physics(seed)) for seed in (1000, 1001)])
    by_hand = [[descriptor_distance_db(row, descriptor) for descriptor in bank.descriptors] for row in asked]
    assert measure_distances(bank, asked) == pytest.approx(np.array(by_hand), abs=1e-3)
    order = rank(bank, -measure_distances(bank, asked[0]), top=len(bank))
    groups = [bank.entries[k].group for k in order]
    assert len(groups) == len(set(groups)) == 40
    assert [by_hand[0][k] for k in order] == sorted(by_hand[0][k] for k in order)


def test_another_take_of_a_thing_is_nearer_than_other_things(bank: Bank) -> None:
    distances = measure_distances(bank, bank.descriptors)
    np.fill_diagonal(distances, np.inf)
    groups = np.array([entry.group for entry in bank.entries])
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.98


def test_candidates_are_one_of_each_thing_best_first(bank: Bank) -> None:
    asked = vary(bank.entries[30].physics, 5)
    candidates = rank_by_physics(bank, asked, top=4)
    assert len(candidates) == 4 and candidates[0].name.startswith("Thing 10 ")
    assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)
    assert 0.0 <= candidates[-1].score <= candidates[0].score <= 1.0
    assert candidates[0].why == f"wood, about 10 cm, {100 * candidates[0].score:.0f} % alike"
    with pytest.raises(BadInput, match="empty"):
        rank_by_physics(make_bank(()), asked)


def test_similarity_is_a_logistic_curve_through_one_half_at_12_db() -> None:
    assert float(similarity(12.0)) == 0.5
    odds = [float(similarity(d) / (1.0 - similarity(d))) for d in (2.0, 12.0, 22.0)]
    assert odds == pytest.approx([math.exp(4.1), 1.0, math.exp(-4.1)])


def test_distances_are_standard_deviations_of_the_difference() -> None:
    known = np.asarray([[0.0, 0.0, 0.0, 0.0], [-10.0, 0.0, 0.0, -10.0]], np.float32)
    bank = Bank((), known, np.zeros((2, 0)))
    found = measure_distances(bank, np.asarray([0.0, -20.0, 0.0, -20.0]))
    assert found.tolist() == pytest.approx([10.0, math.sqrt(125.0)])  # of 15, -15, 5 and -5


def test_similarity_falls_with_distance_and_sizes_have_words() -> None:
    assert np.all(np.diff(similarity(np.arange(0.0, 40.0))) < 0.0)
    assert similarity(0.0) > 0.9 and similarity(40.0) < 0.01
    assert [describe_size(s) for s in (0.0, 0.005, 0.3, 1.8)] == ["", "about 5 mm", "about 30 cm", "about 1.8 m"]
