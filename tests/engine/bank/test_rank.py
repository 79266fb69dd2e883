"""The bank ranked by attributes: scores by hand, one candidate of each group."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.bank.attributes import Attributes
from engine.bank.bank import Bank, Entry, make_bank
from engine.bank.rank import rank_by_attributes, score_entries
from tests.banks import make_named_bank, make_sound


@pytest.fixture(scope="module")
def bank() -> Bank:
    return make_named_bank()


def test_one_candidate_of_a_group_and_why_it_is_one(bank: Bank) -> None:
    twice = make_bank((*bank.entries, Entry("Wine glass 2", make_sound(), "glass", 0.14, 1.0, group="Wine glass")))
    found = rank_by_attributes(twice, Attributes({"glass": 1.0}), 5)
    assert len({c.source for c in found if c.name.startswith("Wine")}) == 1
    assert "glass" in found[0].why and "%" in found[0].why


def test_scores_are_weighted_geometric_means_by_hand(bank: Bank) -> None:
    attributes = Attributes({"glass": 1.0, "wood": 0.5}, size_m=0.28, hollow=1.0, striker="stick")
    octave = math.log2(0.28 / 0.14)
    size = math.exp(-0.5 * (octave / 1.2) ** 2)
    glass = math.exp((3 * math.log(1.0) + math.log(size) + 0.7 * math.log(1.0) + 0.5 * math.log(0.7)) / 5.2)
    plank_size = math.exp(-0.5 * (math.log2(0.28 / 1.0) / 1.2) ** 2)
    terms = 3 * math.log(0.5) + math.log(plank_size) + 0.7 * math.log(0.3) + 0.5 * math.log(0.7)
    scores = score_entries(bank, attributes)
    assert scores[0] == pytest.approx(glass) and scores[5] == pytest.approx(math.exp(terms / 5.2))
    assert scores[2] == pytest.approx(  # metal, which is not named
        math.exp((3 * math.log(0.05) + math.log(math.exp(-0.5 * (math.log2(0.28 / 0.15) / 1.2) ** 2))
                  + 0.5 * math.log(0.7)) / 5.2)
    )  # fmt: skip
    assert not score_entries(bank, Attributes(room=0.5)).any()


def test_names_count_as_much_as_materials(bank: Bank) -> None:
    names = np.asarray([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    scores = score_entries(bank, Attributes(), names)
    assert scores.tolist() == pytest.approx([0.3, 0.3, 1.0, 0.3, 0.3, 0.3])
