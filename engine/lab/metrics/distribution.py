"""Distances between sets of features (KID, Fréchet, KL), accuracy, and bootstrap intervals.

Weights [N] are bootstrap multiplicities: ones for the estimate, multinomial draws for its interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

SPLITS, DRAWS = 20, 200
SPLITS_PER_DRAW = 2
MIN_PROBABILITY = 1e-4

Figure = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
"""A statistic of two halves of the recordings (indices each) under bootstrap weights [N]."""


def kernel_distance(
    a: np.ndarray,
    b: np.ndarray,
    weights_a: np.ndarray | None = None,
    weights_b: np.ndarray | None = None,
    groups_a: np.ndarray | None = None,
    groups_b: np.ndarray | None = None,
) -> float:
    """Unbiased squared MMD of two feature sets [N, D], kernel (x.y / D + 1)^3: KID (Binkowski et al., ICLR 2018).

    Pairs of a vector with itself are left out; with groups, numbers [N], all pairs within a group, since takes of one
    object lie close together in any set.
    """
    u = np.ones(len(a)) if weights_a is None else weights_a
    v = np.ones(len(b)) if weights_b is None else weights_b
    of_a = np.arange(len(a)) if groups_a is None else groups_a
    of_b = -1 - np.arange(len(b)) if groups_b is None else groups_b
    pairs = _compare(a, a, of_a, of_a), _compare(b, b, of_b, of_b), _compare(a, b, of_a, of_b)
    return _weighted_mmd(*pairs, u, v)


Pairs = tuple[np.ndarray, np.ndarray]
"""Kernel values and the mask of pairs that count, [N, M] each."""


def _compare(x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray) -> Pairs:
    apart = (of_x[:, None] != of_y[None, :]).astype(float)
    return apart * (x @ y.T / x.shape[1] + 1.0) ** 3, apart


def _weighted_mmd(aa: Pairs, bb: Pairs, ab: Pairs, u: np.ndarray, v: np.ndarray) -> float:
    def mean(pairs: Pairs, w: np.ndarray, z: np.ndarray) -> float:
        kernel, apart = pairs
        return float(w @ kernel @ z) / max(float(w @ apart @ z), 1e-12)

    return mean(aa, u, u) + mean(bb, v, v) - 2.0 * mean(ab, u, v)


def frechet_distance(
    a: np.ndarray, b: np.ndarray, weights_a: np.ndarray | None = None, weights_b: np.ndarray | None = None
) -> float:
    """Fréchet distance of Gaussians fitted to two feature sets [N, D] (Heusel et al., NeurIPS 2017)."""
    mean_a, spread_a = _moments(a, weights_a)
    mean_b, spread_b = _moments(b, weights_b)
    values, axes = np.linalg.eigh(spread_a)
    root = axes * np.sqrt(np.maximum(values, 0.0)) @ axes.T
    # the eigenvalues of the product of two covariances are those of this symmetric matrix
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ spread_b @ root), 0.0)).sum()
    shift = mean_a - mean_b
    return float(shift @ shift + np.trace(spread_a) + np.trace(spread_b) - 2.0 * shared)


def _moments(x: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    w = np.ones(len(x)) if weights is None else weights
    mean = w @ x / w.sum()
    centred = x - mean
    return mean, (centred * w[:, None]).T @ centred / max(w.sum() - 1.0, 1.0)


def kl_divergence(target: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """KL(target || estimate) in nats of class probabilities [..., C], floored at 1e-4."""
    p, q = (np.maximum(x, MIN_PROBABILITY) for x in (target, estimate))
    p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    result: np.ndarray = (p * np.log(p / q)).sum(axis=-1)
    return result


def gap_closed_percent(paper: float, ours: float, real: float) -> float | None:
    """Fraction of the baseline-to-real gap that ours closes, in percent; None where there is no gap."""
    gap = paper - real
    return None if abs(gap) < 1e-9 else 100.0 * (paper - ours) / gap


def standardize(features: np.ndarray, training: np.ndarray, most: int) -> np.ndarray:
    """Features [N, D] in the first ``most`` principal components of ``training`` [M, D], mean variance 1."""
    mean = training.mean(axis=0)
    _, values, axes = np.linalg.svd(training - mean, full_matrices=False)
    kept = min(most, len(values))
    scale = np.sqrt(np.square(values[:kept]).mean() / max(len(training) - 1, 1))
    result: np.ndarray = (features - mean) @ axes[:kept].T / max(float(scale), 1e-9)
    return result


def split(groups: Sequence[str], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two halves of the recordings (indices), stratified by group; a single recording is in both."""
    sides: dict[str, int] = {}
    halves: tuple[list[int], list[int]] = ([], [])
    start = int(rng.integers(2))
    for index in rng.permutation(len(groups)):
        side = sides.get(groups[index], (start + len(sides)) % 2)
        halves[side].append(int(index))
        sides[groups[index]] = 1 - side
    first, second = (np.array(sorted(half), int) for half in halves)
    return (first, second) if len(first) and len(second) else (np.arange(len(groups)), np.arange(len(groups)))


def draw_weights(groups: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Multiplicity of each recording in a bootstrap over groups, [N]."""
    names = sorted(set(groups))
    drawn = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)))
    count = dict(zip(names, drawn, strict=True))
    return np.array([count[group] for group in groups], float)


def estimate_set_figure(figure: Figure, groups: Sequence[str], seed: int = 0) -> list[float]:
    """A statistic of sets with its 95 % bootstrap interval over groups: [value, low, high].

    The value is the mean over random splits into halves, so that a recording is never compared with the sound made
    for it and real sets are compared at equal size. The interval is centred on the value: duplicates in a bootstrap
    sample bias the statistic.
    """
    rng = np.random.default_rng(seed)
    ones = np.ones(len(groups))
    value = float(np.mean([figure(*split(groups, rng), ones) for _ in range(SPLITS)]))
    drawn = []
    for _ in range(DRAWS):
        weights = draw_weights(groups, rng)
        halves = [split(groups, rng) for _ in range(SPLITS_PER_DRAW)]
        usable = [(a, b) for a, b in halves if weights[a].sum() > 1.0 and weights[b].sum() > 1.0]
        if usable:
            drawn.append(float(np.mean([figure(a, b, weights) for a, b in usable])))
    if not drawn:
        return [value, value, value]
    low, high = np.percentile(drawn, [2.5, 97.5]) - np.mean(drawn)
    return [value, value + float(low), value + float(high)]


def estimate_mean(values: np.ndarray, groups: Sequence[str], seed: int = 0) -> list[float] | None:
    """Mean with its 95 % bootstrap interval over groups, [value, low, high]; NaN are left out, None if all are."""
    known = np.isfinite(values)
    if not known.any():
        return None
    kept, names = values[known], [g for g, k in zip(groups, known, strict=True) if k]
    rng = np.random.default_rng(seed)
    means = [float(w @ kept / w.sum()) for w in (draw_weights(names, rng) for _ in range(DRAWS)) if w.sum() > 0.0]
    low, high = np.percentile(means, [2.5, 97.5])
    return [float(kept.mean()), float(low), float(high)]


def compare_sets(
    real: np.ndarray, made: np.ndarray, posterior_real: np.ndarray, posterior_made: np.ndarray, groups: Sequence[str]
) -> dict[str, Any]:
    """KID, Fréchet distance (features [N, D]) and KL of the mean class probabilities [N, C], each with its interval."""
    names = sorted(set(groups))
    of = np.array([names.index(group) for group in groups])
    pairs = _compare(real, real, of, of), _compare(made, made, of, of), _compare(real, made, of, of)

    def kernel(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> float:
        first, second = np.zeros(len(w)), np.zeros(len(w))
        first[a], second[b] = w[a], w[b]
        return 0.5 * (_weighted_mmd(*pairs, first, second) + _weighted_mmd(*pairs, second, first))

    def frechet(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> float:
        return 0.5 * (frechet_distance(real[a], made[b], w[a], w[b]) + frechet_distance(real[b], made[a], w[b], w[a]))

    def divergence(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> float:
        one = kl_divergence(w[a] @ posterior_real[a] / w[a].sum(), w[b] @ posterior_made[b] / w[b].sum())
        other = kl_divergence(w[b] @ posterior_real[b] / w[b].sum(), w[a] @ posterior_made[a] / w[a].sum())
        return 0.5 * float(one + other)

    figures = {"kid": kernel, "frechet_distance": frechet, "kl_of_means": divergence}
    return {name: estimate_set_figure(figure, groups) for name, figure in figures.items()}


def classification_accuracy(
    posterior: np.ndarray, labels: Sequence[str | None], classes: Sequence[str], scored: Sequence[str]
) -> tuple[np.ndarray, dict[str, float]]:
    """Correctness of each sound's predicted class, [N] of 1, 0 or NaN where not scored; and accuracy per class in %."""
    named = [classes[k] for k in posterior.argmax(axis=1)]
    right = np.array([float(n == label) if label in scored else np.nan for n, label in zip(named, labels, strict=True)])
    each = {
        name: round(100.0 * float(right[[label == name for label in labels]].mean()), 1)
        for name in scored
        if name in labels
    }
    return right, each
