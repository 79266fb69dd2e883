"""How much later a clip's picture is than its sound, by the probability of a hit that a network gives its frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHIFTS_S = np.arange(-0.16, 0.1601, 0.01)
"""How far a clip's sound may lie off its picture."""

LAG_COST_PER_S = 0.5
"""Probability that a second's deviation from the usual lag of the same kind of film must gain."""


def measure_agreement(
    times_s: np.ndarray, probability: np.ndarray, hits_s: np.ndarray, confidence: np.ndarray
) -> np.ndarray:
    """Mean probability at the hits, weighted by their confidence, for each of SHIFTS_S, less the mean over the clip."""
    if confidence.sum() <= 0.0:
        return np.zeros(len(SHIFTS_S))
    shifted = np.asarray(hits_s)[None, :] + SHIFTS_S[:, None]
    at_hits = np.interp(shifted, times_s, probability)
    return np.asarray((at_hits * confidence).sum(axis=1) / confidence.sum() - probability.mean())


def choose_shifts(agreements: Sequence[np.ndarray], sources: Sequence[str]) -> list[float]:
    """Each clip's shift in seconds: that of best agreement, drawn towards the best one of all clips of its source.

    Clips of source "" have no lag in common and are drawn towards none.
    """
    usual = {"": 0.0} | {
        source: float(SHIFTS_S[np.argmax(sum(a for a, s in zip(agreements, sources, strict=True) if s == source))])
        for source in set(sources) - {""}
    }
    return [
        float(SHIFTS_S[np.argmax(agreement - LAG_COST_PER_S * np.abs(SHIFTS_S - usual[source]))])
        for agreement, source in zip(agreements, sources, strict=True)
    ]
