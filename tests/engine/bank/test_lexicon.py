"""The lexicon: its materials, strikers and sizes."""

from __future__ import annotations

import math

from engine.bank.lexicon import load_lexicon, typical_size_m
from engine.physics.model import MATERIALS


def test_the_lexicon_knows_only_materials_and_strikers_there_are() -> None:
    for word, concept in load_lexicon().items():
        assert word == word.lower() and "-" not in word
        assert set(concept.material) <= set(MATERIALS), word
        assert concept.slot in {
            "step", "material", "thing", "striker", "room", "size", "weight", "thick", "hollow", "hardness", "damping",
            "pitch", "ring",
        }  # fmt: skip
    assert typical_size_m("Wine glass 2") == 0.14
    assert math.isnan(typical_size_m("Xyz 3"))
