"""``evaluate bank``: nearest-neighbour accuracy, calibration of similarity, and speed of search."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from engine.bank.bank import BANK_PATH, Bank, load_bank, select_entries
from engine.bank.descriptor import descriptor_distance_db
from engine.bank.search import measure_distances, rank, similarity

BINS = 10
_DRAWS, _SEED = 400, 5


@dataclass(frozen=True)
class Retrieval:
    """Leave-one-out nearest-neighbour accuracy, with 95 % bootstrap intervals over groups, and chance."""

    hits: int
    same: tuple[float, float, float]  # nearest other hit is of the same object
    same_chance: float
    material: tuple[float, float, float]  # nearest hit of another object is of the same material
    material_chance: float
    material_most: float  # accuracy of always predicting the most frequent material


def measure_retrieval(bank: Bank) -> Retrieval:
    """Leave-one-out nearest neighbours of every hit of a bank."""
    groups = np.array([entry.group for entry in bank.entries])
    materials = np.array([entry.material for entry in bank.entries])
    distances = measure_distances(bank, bank.descriptors)
    np.fill_diagonal(distances, np.inf)
    sizes = np.array([(groups == group).sum() for group in groups])
    several, known = sizes > 1, materials != ""
    same = (groups[distances.argmin(axis=1)] == groups)[several]
    distances[groups[:, None] == groups[None, :]] = np.inf
    alike = (materials[distances.argmin(axis=1)] == materials)[known]
    shares = {material: float((materials == material).mean()) for material in set(materials[known].tolist())}
    return Retrieval(
        len(bank),
        _interval(same, groups[several]),
        float(((sizes[several] - 1) / (len(bank) - 1)).mean()),
        _interval(alike, groups[known]),
        float(np.mean([shares[material] for material in materials[known]])),
        max(shares.values()),
    )


def measure_top_k(bank: Bank, queries: Bank, tops: Sequence[int] = (1, 5)) -> list[tuple[float, float, float]]:
    """Top-k material accuracy of queries from another source, for each k of ``tops``.

    Materials that the bank lacks are left out. With 95 % bootstrap intervals over the queries' groups.
    """
    there = {entry.material for entry in bank.entries} - {""}
    numbers = [k for k, entry in enumerate(queries.entries) if entry.material in there]
    distances = measure_distances(bank, queries.descriptors[numbers])
    groups = np.array([queries.entries[k].group for k in numbers])
    retrieved = [[bank.entries[n].material for n in rank(bank, -row, max(tops))] for row in distances]
    materials = [queries.entries[k].material for k in numbers]
    pairs = list(zip(materials, retrieved, strict=True))
    return [_interval(np.array([name in found[:top] for name, found in pairs]), groups) for top in tops]


def fit_similarity(bank: Bank, half: int | None = None) -> tuple[float, float]:
    """Midpoint in dB and slope per dB of a logistic curve fitted to all pairs of a bank, or of one half of its groups.

    All objects have the same weight, and pairs of one object in total as much as pairs of two.
    """
    distance, same, weight = _list_pairs(bank, half)
    sign = np.where(same, 1.0, -1.0)

    def loss(curve: np.ndarray) -> float:
        return float((weight * np.logaddexp(0.0, sign * curve[1] * (distance - curve[0]))).sum())

    at_db, slope = minimize(loss, [10.0, 0.5], method="Nelder-Mead").x
    return float(at_db), float(slope)


def measure_calibration(bank: Bank, half: int, curve: tuple[float, float] | None = None) -> tuple[float, list[float]]:
    """Expected calibration error on the pairs of one half, and the share of pairs of one object in each bin.

    ``curve`` is midpoint and slope, by default those of ``similarity``.
    """
    distance, same, weight = _list_pairs(bank, half)
    stated = similarity(distance) if curve is None else 1.0 / (1.0 + np.exp(curve[1] * (distance - curve[0])))
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    total, true = (np.bincount(place, weight * value, BINS) for value in (np.ones(len(stated)), same))
    expected = np.bincount(place, weight * stated, BINS)
    error = float(np.abs(true - expected).sum() / weight.sum())
    return error, (true / np.maximum(total, 1e-12)).tolist()


def _list_pairs(bank: Bank, half: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances of all pairs of hits, whether each is of one object, and their weights."""
    names = [entry.group for entry in bank.entries]
    kept = [k for k, name in enumerate(names) if half is None or half_of(name) == half]
    part = select_entries(bank, kept)
    number = np.unique([names[k] for k in kept], return_inverse=True)[1]
    one, other = np.triu_indices(len(part), 1)
    distance = measure_distances(part, part.descriptors)[one, other]
    same = number[one] == number[other]
    weight = np.full(len(same), 0.5 / max(1, int((~same).sum())))
    each = 1.0 / np.bincount(number[one][same])[number[one][same]]
    weight[same] = 0.5 * each / each.sum()
    return distance, same, weight


def half_of(group: str) -> int:
    """0 or 1 by a hash of the group's name."""
    return hashlib.sha256(group.encode()).digest()[0] % 2


def _interval(right: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Share with its 95 % bootstrap interval over groups."""
    number = np.unique(groups, return_inverse=True)[1]
    hits, counts = np.bincount(number, right.astype(float)), np.bincount(number)
    drawn = np.random.default_rng(_SEED).integers(0, len(counts), (_DRAWS, len(counts)))
    shares = hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(right.mean()), float(low), float(high)


def main(args: Sequence[str]) -> int:
    """The command ``evaluate bank``; returns 0."""
    parser = argparse.ArgumentParser(prog="evaluate bank", description="Evaluate search by sound.")
    parser.add_argument("--bank", type=Path, default=BANK_PATH, help="folder of the bank")
    parser.add_argument(
        "--clips", type=Path, help="folder that `bank --build --clips` wrote: hits of real clips as queries"
    )
    parser.add_argument("--device", help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", help=argparse.SUPPRESS)
    parser.add_argument("--ckpt-dir", help=argparse.SUPPRESS)
    options = parser.parse_args(list(args))
    bank = load_bank(options.bank)
    kinds = sorted({entry.kind for entry in bank.entries if entry.kind != "preset"})
    print(
        "| hits | N | same-object accuracy | chance | material accuracy, other objects | chance | most frequent class |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind in [*kinds, "all"]:
        numbers = [k for k, entry in enumerate(bank.entries) if kind in ("all", entry.kind)]
        row = measure_retrieval(select_entries(bank, numbers))
        same, material = (f"{s:.3f} ({low:.2f}-{high:.2f})" for s, low, high in (row.same, row.material))
        print(f"| {kind} | {row.hits} | {same} | {row.same_chance:.4f} | {material} | {row.material_chance:.3f} | "
              f"{row.material_most:.3f} |")  # fmt: skip
    recorded = select_entries(bank, [k for k, entry in enumerate(bank.entries) if entry.kind == "recording"])
    curve = fit_similarity(recorded, 0)
    error, true = measure_calibration(recorded, 1, curve)
    print(f"\nsimilarity fitted to one half of the recordings: 0.5 at {curve[0]:.1f} dB, slope {curve[1]:.2f} per dB; "
          f"calibration error on the other half {error:.3f}, pairs of one object by tenths of similarity: "
          f"{', '.join(f'{share:.2f}' for share in true)}")  # fmt: skip
    print(f"fitted to all: 0.5 at {fit_similarity(recorded)[0]:.1f} dB")
    if options.clips is not None:
        clips = load_bank(options.clips)
        first, few = (f"{s:.3f} ({low:.2f}-{high:.2f})" for s, low, high in measure_top_k(bank, clips))
        print(f"\nmaterial accuracy for {len(clips)} hits of real clips, by sound: top-1 {first}, top-5 {few}")
    print(f"\nsearch is {_compare_speed(bank):.0f} times faster than a loop", file=sys.stderr)
    return 0


def _compare_speed(bank: Bank) -> float:
    query = bank.descriptors[0]
    start_s = time.perf_counter()
    for descriptor in bank.descriptors:
        descriptor_distance_db(query, descriptor)
    one_by_one_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    for _ in range(20):
        measure_distances(bank, query)
    return one_by_one_s / ((time.perf_counter() - start_s) / 20.0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
