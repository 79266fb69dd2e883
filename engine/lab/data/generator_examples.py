"""Training data of the generator: physics vectors and conditions of a bank's entries, augmented by the macros."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.bank.attributes import STRIKER_HARDNESS, attributes_of
from engine.bank.bank import EMBEDDING_SIZE, Bank, Entry, select_entries
from engine.bank.generate import encode_condition
from engine.bank.physics_vector import encode_physics
from engine.lab.data.recordings import Recording, is_held_out
from engine.physics.macros import apply_macros
from engine.physics.model import Macros


@dataclass(frozen=True, eq=False)
class Examples:
    """Training vectors [N, VECTOR_SIZE], their conditions [N, CONDITION_SIZE] and sampling weights [N]."""

    vectors: np.ndarray
    conditions: np.ndarray
    weights: np.ndarray


def split_bank(bank: Bank) -> tuple[Bank, Bank]:
    """Training entries and entries of held-out groups, as ``recordings.is_held_out`` divides them."""
    held = [is_held_out(Recording(Path(), entry.group, entry.material, entry.licence, 0.0)) for entry in bank.entries]
    train, test = ([k for k, out in enumerate(held) if out == side] for side in (False, True))
    return select_entries(bank, train), select_entries(bank, test)


def make_examples(
    bank: Bank, variants: int, seed: int, on_progress: Callable[[int, int], None] | None = None
) -> Examples:
    """Every entry and ``variants`` of it under random macros (mass, hardness, damping, position), with conditions.

    An entry's weight is one over the root of its material's count times its group's. Variants have no joint embedding,
    since it belongs to the original sound.
    """
    rng = np.random.default_rng(seed)
    materials, groups = (Counter(getattr(e, name) for e in bank.entries) for name in ("material", "group"))
    vectors, conditions, weights = [], [], []
    for k, entry in enumerate(bank.entries):
        embedding = bank.embeddings[k] if bank.embeddings.shape[1] == EMBEDDING_SIZE else None
        weight = 1.0 / math.sqrt(materials[entry.material] * groups[entry.group])
        for number in range(variants + 1):
            varied, hardness = (entry, 0.0) if number == 0 else _vary(entry, rng)
            known = attributes_of(varied)
            if entry.striker:
                known = replace(known, hardness=float(np.clip(STRIKER_HARDNESS[entry.striker] + hardness, -1.0, 1.0)))
            vectors.append(encode_physics(varied.physics))
            conditions.append(encode_condition(known, embedding if number == 0 else None))
            weights.append(weight)
        if on_progress is not None and (k + 1) % 200 == 0:
            on_progress(k + 1, len(bank.entries))
    return Examples(np.stack(vectors), np.stack(conditions), np.array(weights))


def _vary(entry: Entry, rng: np.random.Generator) -> tuple[Entry, float]:
    """An entry under random macros, and the change of the striker's hardness."""
    mass, damping = rng.normal(0.0, 0.12), rng.normal(0.0, 0.1)
    hardness, position = rng.normal(0.0, 0.2), rng.normal(0.0, 0.3)
    drawn = [float(np.clip(value, -1.0, 1.0)) for value in (mass, hardness, damping, position)]
    macros = Macros(mass=drawn[0], hardness=drawn[1], damping=drawn[2], position=drawn[3])
    modes, residual = apply_macros(entry.physics.modes, entry.physics.residual, macros)
    physics = replace(entry.physics, modes=modes, residual=residual)
    return replace(entry, physics=physics, size_m=entry.size_m * 4.0 ** drawn[0]), drawn[1]
