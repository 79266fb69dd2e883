"""Decay of each recorded hit, so that hits that share a sound keep their own recorded decay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, power_to_db

DEPTHS_DB = (8.0, 12.0, 16.0, 20.0, 25.0)
RATIO_RANGE = (0.5, 2.0)
LEAST_CHANGE = 0.1
"""Smaller differences of decay are within the random variation of the level of noise."""

_FRAME_S, _STEP_S = 0.010, 0.0025
_OVER_QUIET_DB, _LATEST_S = 6.0, 0.05


def measure_falls(hit: np.ndarray) -> tuple[float, ...]:
    """Seconds from a hit's loudest frame until it stays 8, 12, 16, 20 and 25 dB under it; NaN where it does not.

    ``hit`` [N] at 48 kHz. Depths within 6 dB of its quietest frame, the background, are NaN too, and so are all where
    the loudest comes later than 50 ms: that is no single strike.
    """
    frame, step = round(_FRAME_S * SAMPLE_RATE_HZ), round(_STEP_S * SAMPLE_RATE_HZ)
    if len(hit) < 4 * frame:
        return (float("nan"),) * len(DEPTHS_DB)
    energy = np.concatenate([[0.0], np.cumsum(np.square(hit, dtype=np.float64))])
    starts = np.arange(0, len(hit) - frame, step)
    level = power_to_db((energy[starts + frame] - energy[starts]) / frame + 1e-20)
    top = int(np.argmax(level))
    quiet_db = float(level.min()) + _OVER_QUIET_DB
    if top * _STEP_S > _LATEST_S:
        return (float("nan"),) * len(DEPTHS_DB)
    falls = []
    for depth in DEPTHS_DB:
        above = np.flatnonzero(level > level[top] - depth)
        fell = above[-1] < len(level) - 1 and level[top] - depth > quiet_db
        falls.append(float(above[-1] + 1 - top) * _STEP_S if fell else float("nan"))
    return tuple(falls)


def compare_falls(hit: Sequence[float], reference: Sequence[float]) -> float:
    """How many times as fast as the reference a hit decays, 0.5 to 2; 1 where they are alike or cannot be compared."""
    if not hit or not reference:
        return 1.0
    ratios = np.asarray(reference) / np.asarray(hit)
    ratios = ratios[np.isfinite(ratios)]
    if ratios.size < 2:
        return 1.0
    ratio = float(np.clip(np.exp(np.median(np.log(ratios))), *RATIO_RANGE))
    return ratio if abs(np.log(ratio)) > LEAST_CHANGE else 1.0
