"""Judges of picture and sound that are compared: each gives a map of evidence over time and lag."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.lab.data.sync.takes import SyncTake
from engine.onsets.track import Onset
from engine.sync.bands import RATE_HZ
from engine.sync.events import score_events
from engine.sync.network import SyncNetwork, draw_heard, draw_seen, score_with_network
from engine.sync.score_map import BIN_S, LAGS_S, MAX_LAG_S, ScoreMap

HIT_STRENGTH, HIT_WIDTH_S = 0.5, 0.05
NETWORK, EVENTS, CURVES, HITS = "sync network", "onsets, likelihood", "onset curves, correlation", "hits within 50 ms"


def judge(take: SyncTake, network: SyncNetwork | None) -> dict[str, ScoreMap]:
    """Maps of a take by every judge; the network's only where there is one."""
    count = round(take.duration_s * RATE_HZ) + 1
    seen = draw_seen(take.seen, count)
    heard = draw_heard(take.heard, take.bands_db, count)
    maps = {} if network is None else {NETWORK: score_with_network(network, seen, heard)}
    return maps | {
        EVENTS: score_events(take.seen, take.heard, take.duration_s),
        CURVES: correlate_curves(seen[0], draw_heard(take.heard, None, count)[-2]),
        HITS: count_hits(take.seen, take.heard, take.duration_s),
    }


def correlate_curves(seen: np.ndarray, heard: np.ndarray) -> ScoreMap:
    """Products of two onset curves [N] at ``bands.RATE_HZ``, summed over each stretch at every lag."""
    most = round(MAX_LAG_S * RATE_HZ)
    padded = np.pad(heard, (most, most))
    step = round(BIN_S * RATE_HZ)
    lags_s = np.arange(-most, most + 1) / RATE_HZ
    rows = []
    for first in range(0, len(seen), step):
        part = seen[first : first + step]
        found = np.correlate(padded[first : first + len(part) + 2 * most], part, "valid")
        rows.append(np.interp(LAGS_S, lags_s, found))
    return ScoreMap(np.stack(rows))


def count_hits(seen: Sequence[Onset], heard: Sequence[Onset], duration_s: float) -> ScoreMap:
    """Number of detected hits seen that have one heard within 50 ms, at every lag."""
    values = np.zeros((max(1, math.ceil(duration_s / BIN_S)), len(LAGS_S)))
    heard_s = np.asarray([onset.time_s for onset in heard if onset.strength >= HIT_STRENGTH])
    for onset in seen:
        if onset.strength >= HIT_STRENGTH and len(heard_s):
            near = np.abs(heard_s[:, None] - onset.time_s - LAGS_S) <= HIT_WIDTH_S
            values[min(len(values) - 1, int(onset.time_s / BIN_S))] += near.any(axis=0)
    return ScoreMap(values)
