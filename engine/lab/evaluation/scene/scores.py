"""Recall of the right picture among candidates, and the distance of sets of pictures."""

from __future__ import annotations

import numpy as np

from engine.lab.metrics.distribution import frechet_distance, standardize

RANKS = (1, 5, 10)
_COMPONENTS = 32
_DRAWS = 20


def measure_recall(scores: np.ndarray, groups: np.ndarray, candidates: int, seed: int) -> dict[str, float]:
    """Share of sounds whose own picture is among the best, of ``scores`` [sounds, pictures] of the same pairs.

    The candidates are the own picture and random ones of other groups; equal scores are ordered by chance. The mean
    over draws; "among" is the mean number of candidates.
    """
    random = np.random.default_rng(seed)
    places: list[float] = []
    sizes: list[int] = []
    for row in range(len(scores)):
        others = np.flatnonzero(groups != groups[row])
        for _ in range(_DRAWS):
            drawn = random.permutation(others)[: candidates - 1]
            better = int((scores[row, drawn] > scores[row, row]).sum())
            equal = int((scores[row, drawn] == scores[row, row]).sum())
            places.append(better + int(random.integers(equal + 1)))
            sizes.append(len(drawn) + 1)
    found = {f"recall@{k}": float(np.mean(np.array(places) < k)) for k in RANKS}
    return {**found, "among": float(np.mean(sizes))}


def recall_by_chance(groups: np.ndarray, candidates: int) -> dict[str, float]:
    """Recall of a random order."""
    sizes = np.array([min(candidates, int((groups != group).sum()) + 1) for group in groups], float)
    found = {f"recall@{k}": float(np.mean(np.minimum(1.0, k / sizes))) for k in RANKS}
    return {**found, "among": float(sizes.mean())}


def measure_frechet(features: np.ndarray, real: np.ndarray, base: np.ndarray) -> float:
    """Fréchet distance of features [N, D] to real ones, in the first principal components of ``base``."""
    return float(frechet_distance(standardize(features, base, _COMPONENTS), standardize(real, base, _COMPONENTS)))
