"""Agreement of the blows seen with the onsets heard, at every lag: the judge that needs no network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.onsets.track import Onset
from engine.sync.score_map import BIN_S, LAGS_S, ScoreMap

WIDTH_S = 0.02
"""Standard deviation of the picture's timing, as of ``onsets.lag``."""
CONTRAST = 20.0
"""How much likelier an onset is at a certain blow than elsewhere."""
LEAST_STRENGTH = 0.1


def score_events(seen: Sequence[Onset], heard: Sequence[Onset], duration_s: float) -> ScoreMap:
    """Log-likelihood ratio of seen and heard onsets at every lag of the sound, in stretches of the picture.

    Each seen onset is matched with the nearest strong one heard, and each heard one with one seen; a pair counts by
    both strengths and by a Gaussian of WIDTH_S. What has no match at a lag adds nothing there.
    """
    values = np.zeros((max(1, math.ceil(duration_s / BIN_S)), len(LAGS_S)))
    seen_s, seen_strength = _to_arrays(seen)
    heard_s, heard_strength = _to_arrays(heard)
    _add_matches(values, seen_s, seen_strength, heard_s, heard_strength, 1.0)
    _add_matches(values, heard_s, heard_strength, seen_s, seen_strength, -1.0)
    return ScoreMap(0.5 * values)


def _to_arrays(onsets: Sequence[Onset]) -> tuple[np.ndarray, np.ndarray]:
    kept = sorted((o.time_s, o.strength) for o in onsets if o.strength >= LEAST_STRENGTH)
    return np.asarray([time_s for time_s, _ in kept]), np.asarray([strength for _, strength in kept])


def _add_matches(
    values: np.ndarray, own_s: np.ndarray, own: np.ndarray, other_s: np.ndarray, other: np.ndarray, sign: float
) -> None:
    """Add the best match of each of ``own`` among ``other`` at every lag; ``sign`` 1 where the other is the sound."""
    reach_s = float(LAGS_S[-1]) + 4.0 * WIDTH_S
    for time_s, strength in zip(own_s, own, strict=True):
        first, last = np.searchsorted(other_s, (time_s - reach_s, time_s + reach_s))
        if first == last:
            continue
        gaps_s = sign * (other_s[first:last] - time_s)
        kernel = np.exp(-0.5 * ((gaps_s[:, None] - LAGS_S) / WIDTH_S) ** 2)
        best = (other[first:last, None] * kernel).max(axis=0)
        gain = strength * np.log1p(CONTRAST * strength * best)
        rows = len(values)
        if sign > 0.0:
            values[min(rows - 1, max(0, int(time_s / BIN_S)))] += gain
        else:  # the stretch of the picture that it would belong to changes with the lag
            at = np.clip(((time_s - LAGS_S) / BIN_S).astype(int), 0, rows - 1)
            values[at, np.arange(len(LAGS_S))] += gain
