"""Measures of sync judges: pairwise accuracy, the AVSync protocol, RelSync, errors of the lag, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.lab.data.sync.takes import SyncTake
from engine.sync.score_map import BIN_S, CONFIDENT_S, LAGS_S, ScoreMap, find_line

SHIFTS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
STRETCH_S = 5.0
LEAST_HEARD = 2
"""A stretch is judged if so many onsets are heard in it."""
HEARD_STRENGTH = 0.5
RESAMPLES = 2000

CLIPS, APART_S, TOLERANCE, CLIP_S = 31, 0.04, 5, 2.0
"""The AVSync protocol (Lin et al. 2024): so many clips of 2 s so far apart; right within so many places."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A stretch, or a whole clip, by one judge: evidence at every lag, and the lag at which it is in step."""

    group: str
    evidence: np.ndarray
    lag_s: float


def cut_stretches(take: SyncTake, scores: ScoreMap, lag_s: float) -> list[Judged]:
    """Stretches of STRETCH_S with enough onsets heard; a clip that is shorter is one."""
    bins = round(STRETCH_S / BIN_S)
    heard_s = np.asarray([o.time_s for o in take.heard if o.strength >= HEARD_STRENGTH])
    found = []
    for first in range(0, max(1, len(scores.values) - bins + 1), bins):
        start_s = first * BIN_S + lag_s
        within = ((heard_s >= start_s) & (heard_s < start_s + STRETCH_S)).sum() if len(heard_s) else 0
        if within >= LEAST_HEARD:
            found.append(Judged(_group(take), scores.values[first : first + bins].sum(axis=0), lag_s))
    return found


def whole_clip(take: SyncTake, scores: ScoreMap, lag_s: float) -> Judged:
    """A whole clip."""
    return Judged(_group(take), scores.values.sum(axis=0), lag_s)


def _group(take: SyncTake) -> str:
    """Recordings of a day are drawn together in intervals."""
    return take.days[0] if take.days else take.name


def pairwise_accuracy(judged: Sequence[Judged], shift_s: float) -> list[float]:
    """For each stretch, the share of the shifts by ``shift_s`` either way that get less evidence; a tie is half."""
    results = []
    for one in judged:
        true, late, early = np.interp((one.lag_s, one.lag_s + shift_s, one.lag_s - shift_s), LAGS_S, one.evidence)
        results.append(0.5 * (_beats(true, late) + _beats(true, early)))
    return results


def _beats(true: float, other: float) -> float:
    return 0.5 if abs(true - other) < 1e-9 else float(true > other)


def avsync_accuracy(judged: Sequence[Judged]) -> list[float]:
    """For each stretch whether the best of CLIPS lags is within TOLERANCE places of the true one (V2A)."""
    places = (np.arange(CLIPS) - CLIPS // 2) * APART_S
    results = []
    for one in judged:
        evidence = np.interp(one.lag_s + places, LAGS_S, one.evidence)
        best = np.flatnonzero(evidence >= evidence.max() - 1e-9)
        results.append(float(np.mean(np.abs(best - CLIPS // 2) <= TOLERANCE)))
    return results


def cut_centres(take: SyncTake, scores: ScoreMap, lag_s: float) -> list[Judged]:
    """Clips of CLIP_S every CLIP_S, as the AVSync protocol judges, with enough onsets heard."""
    bins = round(CLIP_S / BIN_S)
    heard_s = np.asarray([o.time_s for o in take.heard if o.strength >= HEARD_STRENGTH])
    found = []
    for first in range(0, max(1, len(scores.values) - bins + 1), bins):
        start_s = first * BIN_S + lag_s
        if len(heard_s) and ((heard_s >= start_s) & (heard_s < start_s + CLIP_S)).any():
            found.append(Judged(_group(take), scores.values[first : first + bins].sum(axis=0), lag_s))
    return found


def rel_sync(judged: Sequence[Judged], shift_s: float) -> list[float]:
    """RelSync = sigmoid(s(sound, shifted) - s(sound, reference)): 0.5 for a perfect copy (Lin et al. 2024)."""
    results = []
    for one in judged:
        true, late, early = np.interp((one.lag_s, one.lag_s + shift_s, one.lag_s - shift_s), LAGS_S, one.evidence)
        results.append(
            float(np.mean([1.0 / (1.0 + np.exp(np.clip(true - other, -50, 50))) for other in (late, early)]))
        )
    return results


def lag_errors(judged: Sequence[Judged], certainty: float) -> list[tuple[float, float]]:
    """Error of the lag in s and confidence, of each stretch for which one is told."""
    found = []
    for one in judged:
        line = find_line(ScoreMap(one.evidence[None]), certainty)
        if line is not None:
            found.append((line.lag_s - one.lag_s, line.confidence))
    return found


def brier(errors: Sequence[tuple[float, float]]) -> float:
    """Mean squared difference of confidence and whether the lag is right to CONFIDENT_S."""
    return float(np.mean([(sure - (abs(error_s) <= CONFIDENT_S)) ** 2 for error_s, sure in errors]))


def interval(
    judged: Sequence[Judged], measure: Callable[[Sequence[Judged]], list[float]]
) -> tuple[float, float, float]:
    """Mean of a measure and its 95 % interval, recording days drawn with replacement."""
    values = np.asarray(measure(judged))
    groups = sorted({one.group for one in judged})
    member = np.asarray([groups.index(one.group) for one in judged])
    sums = np.bincount(member, values, len(groups))
    counts = np.bincount(member, minlength=len(groups))
    drawn = np.random.default_rng(0).integers(len(groups), size=(RESAMPLES, len(groups)))
    means = sums[drawn].sum(axis=1) / np.maximum(counts[drawn].sum(axis=1), 1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(values.mean()), float(low), float(high)
