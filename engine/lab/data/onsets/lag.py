"""Estimate the lag of a clip's picture behind its sound from a network's probability of a hit at every frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHIFTS_S = np.arange(-0.16, 0.1601, 0.01)
"""Lags of the picture behind the sound that are tried."""

LAG_COST_PER_S = 0.5
"""Cost, in mean probability, of a deviation by 1 s from the common lag of the clip's source."""


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
    """Each clip's shift in seconds: that of best agreement, shrunk towards the best common one of its source.

    Clips of source "" have no common lag and are shrunk towards 0.
    """
    usual = {"": 0.0} | {
        source: float(SHIFTS_S[np.argmax(sum(a for a, s in zip(agreements, sources, strict=True) if s == source))])
        for source in set(sources) - {""}
    }
    return [
        float(SHIFTS_S[np.argmax(agreement - LAG_COST_PER_S * np.abs(SHIFTS_S - usual[source]))])
        for agreement, source in zip(agreements, sources, strict=True)
    ]
