"""How well picture and sound agree at every lag, in each stretch of a clip; the lag and drift that agree best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_LAG_S = 1.0
LAG_STEP_S = 0.005
LAGS_S = np.arange(-round(MAX_LAG_S / LAG_STEP_S), round(MAX_LAG_S / LAG_STEP_S) + 1) * LAG_STEP_S
"""Lags of the sound behind the picture that are tried."""
BIN_S = 0.5
"""Length of the stretches of a map."""

DRIFTS = (0.0, 0.001, -0.001, 25 / 24 - 1, 24 / 25 - 1, 25 / 23.976 - 1, 23.976 / 25 - 1)
"""Drifts in s per s that are tried: none, and those of film that was conformed to another frame rate and its sound
not."""
DRIFT_COST = 3.0
"""Score that a drift must gain over none."""
LAG_COST_PER_S = 2.0
"""Score that a lag longer by a second must gain."""
CONFIDENT_S = 0.025
"""A lag is right if it is so close to the true one."""


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """``values`` [B, len(LAGS_S)]: log-likelihood ratio of each stretch of BIN_S at each lag, over no relation."""

    values: np.ndarray

    @property
    def duration_s(self) -> float:
        return len(self.values) * BIN_S


@dataclass(frozen=True)
class Line:
    """Offset of the sound over time: ``lag_s`` at ``middle_s`` of the picture, growing by ``drift`` s per s.

    ``confidence`` 0 to 1 is the probability that the lag is within CONFIDENT_S, ``score`` the evidence for it.
    """

    lag_s: float
    drift: float
    middle_s: float
    confidence: float
    score: float

    def offset_at(self, time_s: np.ndarray | float) -> np.ndarray:
        """Offset of the sound at times of the picture, in s."""
        return np.asarray(self.lag_s + self.drift * (np.asarray(time_s, np.float64) - self.middle_s))


def sum_along(scores: ScoreMap, drift: float) -> np.ndarray:
    """Score of the clip at each lag at its middle, [len(LAGS_S)], along lines of a drift."""
    middle_s = 0.5 * scores.duration_s
    total = np.zeros(len(LAGS_S))
    for index, row in enumerate(scores.values):
        moved_s = drift * ((index + 0.5) * BIN_S - middle_s)
        total += row if drift == 0.0 else np.interp(LAGS_S + moved_s, LAGS_S, row, left=0.0, right=0.0)
    return total


def find_line(scores: ScoreMap, certainty: float = 1.0) -> Line | None:
    """The lag and drift that explain a map best; None where nothing speaks for any.

    ``certainty`` scales the scores to log-odds; it is calibrated so that confidences are probabilities.
    """
    if float(np.ptp(scores.values, axis=1).max()) <= 1e-9:
        return None
    sums = {drift: sum_along(scores, drift) - LAG_COST_PER_S * np.abs(LAGS_S) for drift in DRIFTS}
    drift = max(DRIFTS, key=lambda d: float(sums[d].max()) - (DRIFT_COST if d else 0.0))
    total = sums[drift]
    best = int(np.argmax(total))
    probability = np.exp(certainty * (total - total[best]))
    near = np.abs(LAGS_S - LAGS_S[best]) <= CONFIDENT_S + 1e-9
    confidence = float(probability[near].sum() / probability.sum())
    return Line(_refine(total, best), drift, 0.5 * scores.duration_s, confidence, float(total[best]))


def _refine(total: np.ndarray, best: int) -> float:
    """Lag of the parabola through the best value and its neighbours."""
    if not 0 < best < len(total) - 1:
        return float(LAGS_S[best])
    before, at, after = total[best - 1 : best + 2]
    bend = before - 2.0 * at + after
    return float(LAGS_S[best] + (0.5 * LAG_STEP_S * (before - after) / bend if bend < 0.0 else 0.0))
