"""Rank the bank by attributes: a weighted geometric mean of how well each known attribute fits."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.bank.adjust import adjust_physics
from engine.bank.attributes import Attributes, measure_pitch, measure_ring
from engine.bank.bank import Bank, Candidate, Entry
from engine.bank.lexicon import typical_size_m

WEIGHTS = {"material": 3.0, "name": 3.0, "size": 1.0, "hollow": 0.7, "striker": 0.5, "pitch": 1.0, "ring": 1.0}


def rank_by_attributes(
    bank: Bank, attributes: Attributes, top: int, names: np.ndarray | None = None
) -> tuple[Candidate, ...]:
    """The ``top`` best entries, best first, one of each group, each adjusted by ``adjust_physics``.

    ``names`` [N], 0 to 1, is how well each entry's name fits, where a description names an object. Scores are those of
    ``score_entries``. Empty where no known attribute distinguishes entries, such as a room alone.
    """
    scores = score_entries(bank, attributes, names)
    taken: set[str] = set()
    chosen: list[Candidate] = []
    for k in np.argsort(-scores, kind="stable"):
        entry = bank.entries[int(k)]
        if len(chosen) == top or scores[k] <= 0.0:
            break
        if entry.group and entry.group in taken:
            continue
        taken.add(entry.group)
        score = float(scores[k])
        adjusted = adjust_physics(entry.physics, attributes, entry)
        why = explain(entry, score)
        chosen.append(Candidate(entry.name, entry.material, score, why, adjusted, entry.source, entry.licence))
    return tuple(chosen)


def score_entries(bank: Bank, attributes: Attributes, names: np.ndarray | None = None) -> np.ndarray:
    """Fit of every entry, 0 to 1, [N]: geometric mean over the known attributes, weighted by WEIGHTS."""
    total, weights = np.zeros(len(bank.entries)), 0.0
    known = _tabulate(bank)
    for name, fits in _fit_known(known, attributes, names).items():
        total += WEIGHTS[name] * np.log(np.clip(fits, 1e-3, 1.0))
        weights += WEIGHTS[name]
    result: np.ndarray = np.exp(total / weights) if weights else np.zeros(len(bank.entries))
    return result


def explain(entry: Entry, score: float) -> str:
    """Why an entry is a candidate, to show: "glass, about 25 cm, hollow, 84 % alike"."""
    size_m = entry.size_m or typical_size_m(entry.name)
    parts = [entry.material or "of unknown material"]
    if size_m > 0.0:
        parts.append(f"about {size_m:.1f} m" if size_m >= 1.0 else f"about {100.0 * size_m:.0f} cm")
    if not math.isnan(entry.hollow):
        parts.append("hollow" if entry.hollow >= 0.5 else "solid")
    return ", ".join((*parts, f"{100.0 * score:.0f} % alike"))


@dataclass(frozen=True, eq=False)
class _Table:
    """Attributes of a bank's entries, one array [N] each; NaN or "" where unknown."""

    material: np.ndarray
    size_m: np.ndarray
    hollow: np.ndarray
    striker: np.ndarray
    pitch: np.ndarray
    ring: np.ndarray


@functools.lru_cache(maxsize=4)
def _tabulate(bank: Bank) -> _Table:
    entries = bank.entries
    sizes = [entry.size_m or typical_size_m(entry.name) for entry in entries]
    return _Table(
        np.array([entry.material for entry in entries]),
        np.array([size if size > 0.0 else math.nan for size in sizes]),
        np.array([entry.hollow for entry in entries], float),
        np.array([entry.striker for entry in entries]),
        np.array([measure_pitch(entry.physics) for entry in entries]),
        np.array([measure_ring(entry.physics) for entry in entries]),
    )


def _fit_known(known: _Table, attributes: Attributes, names: np.ndarray | None) -> dict[str, np.ndarray]:
    """Fit of every entry to each known attribute, 0 to 1, [N] by name; unknown values of an entry fit in part."""
    fits: dict[str, np.ndarray] = {}
    if attributes.material:
        fits["material"] = _fit_material(known.material, attributes.material)
    if names is not None:
        fits["name"] = 0.3 + 0.7 * names
    if attributes.size_m > 0.0:
        octaves = np.log2(attributes.size_m / known.size_m)
        fits["size"] = np.where(np.isnan(octaves), 0.5, np.exp(-0.5 * (octaves / 1.2) ** 2))
    if not math.isnan(attributes.hollow):
        difference = np.abs(known.hollow - attributes.hollow)
        fits["hollow"] = np.where(np.isnan(difference), 0.6, 1.0 - 0.7 * np.clip(difference, 0.0, 1.0))
    if attributes.striker:
        unknown = np.where(known.striker == "", 0.7, 0.5)
        fits["striker"] = np.where(known.striker == attributes.striker, 1.0, unknown)
    for name, wanted, own in (("pitch", attributes.pitch, known.pitch), ("ring", attributes.ring, known.ring)):
        if not math.isnan(wanted):
            short = np.maximum(0.0, wanted - own) if wanted > 0.0 else np.maximum(0.0, own - wanted)
            fits[name] = np.where(np.isnan(short), 0.4, np.exp(-0.5 * (short / 0.5) ** 2))
    return fits


def _fit_material(own: np.ndarray, wanted: Mapping[str, float]) -> np.ndarray:
    """1 for the likeliest material, relative weights for others, 0.05 for unnamed ones and 0.01 for excluded ones."""
    most = max(wanted.values())
    if most <= 0.0:
        return np.where(np.isin(own, list(wanted)), 0.01, np.where(own == "", 0.7, 1.0))
    fit = np.where(own == "", 0.2, 0.05)
    for name, weight in wanted.items():
        fit = np.where(own == name, max(weight / most, 0.01), fit)
    return fit
