"""The lag between a clip's picture and sound as recorded: its own where it is plain, else its source's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.lab.data.sync.takes import SyncTake
from engine.sync.events import score_events
from engine.sync.score_map import find_line

MOST_LAG_S = 0.2
PLAIN = 0.5
"""Confidence from which a clip's own lag is believed."""
LEAST_TAKES = 3


def measure_own_lag(take: SyncTake) -> float | None:
    """Lag of the sound behind the picture by onsets alone, None where it is not plain; 0 for simulated takes."""
    if not take.real:
        return 0.0
    line = find_line(score_events(take.seen, take.heard, take.duration_s))
    if line is None or line.confidence < PLAIN or abs(line.lag_s) > MOST_LAG_S or line.drift:
        return None
    return line.lag_s


def usual_lag(take: SyncTake, takes: Sequence[SyncTake], own_lags_s: Sequence[float | None]) -> float:
    """Median lag of the takes of a take's source that share no recording day with it; 0 where there are too few."""
    others = [
        lag_s
        for other, lag_s in zip(takes, own_lags_s, strict=True)
        if lag_s is not None and other.source == take.source and other.days and not set(other.days) & set(take.days)
    ]
    return float(np.median(others)) if len(others) >= LEAST_TAKES else 0.0
