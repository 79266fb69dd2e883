"""Generated candidates: of the material that words say, and never of one that they exclude."""

from __future__ import annotations

import pytest

from engine.bank.generate import CHECKPOINT, load_generator
from engine.bank.propose import propose_candidates
from engine.bank.text.parse import parse_description
from engine.core.errors import BadInput
from engine.physics.model import MATERIALS


def propose_materials(words: str, first_seed: int = 0) -> list[str]:
    attributes = parse_description(words).attributes
    return [found.material for found in propose_candidates(load_generator(CHECKPOINT), attributes, 6, first_seed)]


def test_excluded_materials_are_not_generated_and_the_others_take_turns() -> None:
    made = propose_materials("not metal")
    assert len(set(made)) == 6 and "metal" not in made
    assert propose_materials("not metal") == made
    assert set(propose_materials("not metal", 6)).isdisjoint({*made, "metal"})
    assert not {"metal", "glass"} & set(propose_materials("not metal, not glass"))
    assert "metal" not in propose_materials("large pan, not metal")
    assert set(propose_materials("bottle, not glass")) == {"plastic"}  # what else bottles are made of
    assert propose_materials("hollow") == [""] * 6
    with pytest.raises(BadInput, match="leave one"):
        propose_materials(", ".join(f"not {name}" for name in MATERIALS))


def test_a_sound_for_an_excluded_material_is_that_of_the_material_it_is_named_after() -> None:
    model = load_generator(CHECKPOINT)
    wood = propose_candidates(model, parse_description("wood").attributes, 1)[0]
    assert propose_candidates(model, parse_description("not metal").attributes, 1)[0] == wood
