"""Propose generated sounds for the attributes of a description or of a visual prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.bank.adjust import adjust_physics
from engine.bank.attributes import Attributes
from engine.bank.bank import Candidate, Entry
from engine.bank.generate import Generator, generate_physics
from engine.bank.search import describe_size
from engine.core.errors import BadInput
from engine.physics.model import MATERIALS

SOURCE = "made by the generator"
LICENCE = "Apache-2.0"


def propose_candidates(
    model: Generator, attributes: Attributes, count: int, first_seed: int = 0, embedding: np.ndarray | None = None
) -> tuple[Candidate, ...]:
    """``count`` generated candidates, with seeds from ``first_seed`` on and a score of 0, since there is none.

    Each is adjusted by ``adjust_physics`` to the attributes that the generator misses. Where materials are only
    excluded, consecutive seeds take the others in turn. BadInput where none is left.
    """
    choices = _list_materials(attributes.material)
    found = []
    for number in range(count):
        weights = choices[(first_seed + number) % len(choices)]
        material = max(weights, key=lambda name: weights[name], default="")
        wanted = replace(attributes, material=weights)
        physics = generate_physics(model, wanted, first_seed + number, embedding)
        made = Entry("", physics, material, attributes.size_m if attributes.size_m > 0.0 else 0.0, attributes.hollow)
        adjusted = adjust_physics(physics, wanted, replace(made, striker=attributes.striker))
        size = describe_size(made.size_m)
        why = ", ".join(part for part in (material, size, "no recording") if part)
        name = f"New {material or 'sound'} {first_seed + number + 1}"
        found.append(Candidate(name, material, 0.0, why, adjusted, SOURCE, LICENCE))
    return tuple(found)


def _list_materials(weights: Mapping[str, float]) -> list[Mapping[str, float]]:
    """The weights of materials to generate; where they only exclude some, the others one by one."""
    if not weights or any(weights.values()):
        return [weights]
    left = [name for name in MATERIALS if name not in weights]
    if not left:
        raise BadInput("every material is excluded; leave one of them")
    return [{name: 1.0} for name in left]
