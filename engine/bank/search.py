"""Exact nearest neighbours in a bank by a matrix product: a millisecond for thousands of entries."""

from __future__ import annotations

import math

import numpy as np

from engine.bank.bank import Bank, Candidate, Entry
from engine.bank.descriptor import describe_physics
from engine.core.errors import BadInput
from engine.physics.model import Physics

SIMILARITY_MIDPOINT_DB, SIMILARITY_SLOPE_PER_DB = 12.0, 0.41
"""Logistic curve of ``similarity``: distance at which it is 0.5, and its slope."""


def measure_distances(bank: Bank, descriptor: np.ndarray) -> np.ndarray:
    """``descriptor_distance_db`` of a descriptor [L] to every entry, [N]; of descriptors [Q, L], [Q, N]."""
    queries = np.atleast_2d(np.asarray(descriptor, np.float64))
    queries = queries - queries.mean(axis=1, keepdims=True)
    known = bank.descriptors - bank.descriptors.mean(axis=1, keepdims=True)
    squares = np.square(queries).sum(axis=1)[:, None] + np.square(known).sum(axis=1)[None, :] - 2.0 * queries @ known.T
    result: np.ndarray = np.sqrt(np.maximum(squares, 0.0) / bank.descriptors.shape[1])
    return result if np.ndim(descriptor) > 1 else result[0]


def similarity(distance_db: np.ndarray | float) -> np.ndarray:
    """Probability, 0 to 1, that two hits at a descriptor distance are of one object, at even prior odds.

    A logistic curve fitted to pairs of takes of the same and of different recordings (docs/bank.md).
    """
    difference_db = np.asarray(distance_db, np.float64) - SIMILARITY_MIDPOINT_DB
    result: np.ndarray = 1.0 / (1.0 + np.exp(np.clip(SIMILARITY_SLOPE_PER_DB * difference_db, -50.0, 50.0)))
    return result


def rank(bank: Bank, scores: np.ndarray, top: int = 5) -> list[int]:
    """Indices of the entries with the highest scores [N], best first, at most ``top`` and one of each group.

    An entry without a group is a group of its own; entries whose score is not finite are left out.
    """
    chosen: list[int] = []
    groups: set[str] = set()
    for number in np.argsort(-np.asarray(scores), kind="stable").tolist():
        if len(chosen) >= top or not math.isfinite(scores[number]):
            break
        group = bank.entries[number].group or f"\0{number}"
        if group not in groups:
            groups.add(group)
            chosen.append(number)
    return chosen


def rank_by_physics(bank: Bank, physics: Physics, top: int = 5) -> tuple[Candidate, ...]:
    """The entries acoustically nearest to a physics, at any level, best first; BadInput where the bank is empty."""
    if not len(bank):
        raise BadInput("the bank is empty; restore the one that ships or add recordings to your own")
    distances = measure_distances(bank, describe_physics(physics))
    scores = similarity(distances)
    return tuple(make_candidate(bank.entries[k], float(scores[k]), f"{100 * scores[k]:.0f} % alike")
                 for k in rank(bank, -distances, top))  # fmt: skip


def make_candidate(entry: Entry, score: float, reason: str = "") -> Candidate:
    """An entry as a candidate; its ``why`` is material and size where known, then the reason."""
    parts = [entry.material, describe_size(entry.size_m), reason]
    why = ", ".join(part for part in parts if part)
    return Candidate(entry.name, entry.material, score, why, entry.physics, entry.source, entry.licence)


def describe_size(size_m: float) -> str:
    """A size as text, such as "about 30 cm"; "" where it is unknown."""
    if not size_m > 0.0:
        return ""
    if size_m >= 1.0:
        return f"about {size_m:.1f} m"
    return f"about {100.0 * size_m:.0f} cm" if size_m >= 0.01 else f"about {1000.0 * size_m:.0f} mm"
