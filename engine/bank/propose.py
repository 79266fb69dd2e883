"""Propose generated sounds for the attributes of a description or of a visual prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.bank.adjust import adjust_physics
from engine.bank.attributes import Attributes
from engine.bank.bank import Candidate, Entry
from engine.bank.generate import Generator, generate_physics
from engine.bank.search import describe_size
from engine.physics.model import MATERIALS

SOURCE = "made by the generator"
LICENCE = "Apache-2.0"


def propose_candidates(
    model: Generator, attributes: Attributes, count: int, first_seed: int = 0, embedding: np.ndarray | None = None
) -> tuple[Candidate, ...]:
    """``count`` generated candidates, with seeds from ``first_seed`` on and a score of 0, since there is none.

    Each is adjusted by ``adjust_physics`` to the attributes that the generator misses.
    """
    material = max(MATERIALS, key=lambda name: attributes.material.get(name, 0.0)) if attributes.material else ""
    found = []
    for number in range(count):
        physics = generate_physics(model, attributes, first_seed + number, embedding)
        made = Entry("", physics, material, attributes.size_m if attributes.size_m > 0.0 else 0.0, attributes.hollow)
        adjusted = adjust_physics(physics, attributes, replace(made, striker=attributes.striker))
        size = describe_size(made.size_m)
        why = ", ".join(part for part in (material, size, "no recording") if part)
        name = f"New {material or 'sound'} {first_seed + number + 1}"
        found.append(Candidate(name, material, 0.0, why, adjusted, SOURCE, LICENCE))
    return tuple(found)
