"""The bank ranked by a visual prediction: what decides a score, and which entries are proposed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.bank.bank import EMBEDDING_SIZE, Bank, make_bank
from engine.bank.descriptor import DESCRIPTOR_SIZE
from engine.core.errors import BadInput
from engine.vision.rank import RankConfig, embed_bank, rank_by_prediction, score_by_prediction
from tests.frames import make_entry, make_model, make_prediction


def test_scores_are_the_weighted_terms_by_hand() -> None:
    axes = np.eye(EMBEDDING_SIZE, dtype=np.float32)
    entries = [
        replace(make_entry("a", 200.0, "wood"), size_m=0.4, striker="stick"),
        replace(make_entry("b", 300.0, ""), size_m=0.0, striker="hammer"),
    ]
    bank = replace(make_bank(entries), embeddings=axes[:2])
    prediction = make_prediction("wood", axes[0])  # 0.2 m, stick
    wanted = [
        6.0 * 1.0 + math.log(0.9) - 0.4 * (math.log(2.0) / 0.7) ** 2,
        6.0 * 0.0 + math.log(0.05) - 0.2,
    ]
    assert score_by_prediction(bank, prediction).tolist() == pytest.approx(wanted, rel=1e-6)
    with pytest.raises(ValueError, match="embed_bank"):
        score_by_prediction(make_bank(entries), prediction)


def test_candidates_are_of_the_likeliest_material_and_similar_embedding() -> None:
    materials = ("wood", "glass")
    entries = [make_entry(f"{m} {k}", 200.0 * (k + 1) * len(m), m) for m in materials for k in range(4)]
    bank = embed_bank(make_model(), make_bank(entries))
    assert bank.embeddings.shape == (8, EMBEDDING_SIZE)
    assert np.allclose(np.linalg.norm(bank.embeddings, axis=1), 1.0, atol=1e-5)
    found = rank_by_prediction(bank, make_prediction("glass"), 3, RankConfig(embedding=0.0))
    assert [candidate.material for candidate in found] == ["glass"] * 3
    assert [candidate.score for candidate in found] == pytest.approx([0.9] * 3)
    assert "glass" in found[0].why
    near = rank_by_prediction(bank, make_prediction("", bank.embeddings[5]), 1, RankConfig(material=0.0, size=0.0))
    assert near[0].name == bank.entries[5].name
    with pytest.raises(BadInput, match="empty"):
        empty = Bank((), np.zeros((0, DESCRIPTOR_SIZE)), np.zeros((0, EMBEDDING_SIZE)))
        rank_by_prediction(empty, make_prediction("wood"))


def test_a_material_that_the_user_told_has_no_probability() -> None:
    bank = embed_bank(make_model(), make_bank([make_entry("pebble", 900.0, "rock"), make_entry("pan", 300.0, "metal")]))
    seen = make_prediction("metal")
    assert [found.why for found in rank_by_prediction(bank, seen, 1)] == ["metal, about 20 cm, 90 % metal by sight"]
    told = rank_by_prediction(bank, seen.of_material("rock"), 2)
    assert [found.why for found in told] == ["rock, about 20 cm, rock as you say"]
    elsewhere = rank_by_prediction(bank, seen.of_material("water"), 1)
    assert elsewhere[0].why.endswith("by its likeness")  # the bank has none of it


def test_proposed_entries_are_those_of_least_expected_distance() -> None:
    entries = [make_entry(f"low {k}", 200.0 + k, "wood") for k in range(5)] + [make_entry("high", 6000.0, "wood")]
    bank = replace(make_bank(entries), embeddings=np.zeros((6, EMBEDDING_SIZE), np.float32))
    found = rank_by_prediction(bank, make_prediction("wood"), 2, RankConfig(size=0.0))
    assert found[0].name.startswith("low")  # all are equally likely, and five of six are low
    assert found[1].name == "high"  # nearest to what is left
    assert found[0].score >= found[1].score
