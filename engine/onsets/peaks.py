"""Peaks of the network's outputs as hits: which frames, when, and with which strength."""

from __future__ import annotations

import numpy as np

from engine.onsets.track import DEFAULT_THRESHOLD

MIN_SEPARATION_S = 0.09
"""Of two hits closer than this only the likelier is kept."""
MIN_PROBABILITY = 0.03
CALIBRATED_RATE_HZ = 30.0
"""The calibrated threshold is of film of 25 to 30 frames a second; in faster film a hit is spread over more frames."""


def odds_gain(times_s: np.ndarray) -> float:
    """Factor of the odds of a hit: the frame rate over CALIBRATED_RATE_HZ, 1 in slower clips.

    A hit whose moment is uncertain by some milliseconds has a share of its probability in each of the frames there.
    """
    return max(1.0, 1.0 / float(np.median(np.diff(times_s))) / CALIBRATED_RATE_HZ)


def read_strengths(times_s: np.ndarray, outputs: np.ndarray, calibrated_threshold: float) -> np.ndarray:
    """Strengths 0 to 1 of the network's outputs [N, 3] for frames at ``times_s`` [N], float64 [N]."""
    logit = outputs[:, 0] + np.log(odds_gain(times_s))
    return calibrate_strength(1.0 / (1.0 + np.exp(-logit)), calibrated_threshold)


def calibrate_strength(probability: np.ndarray, calibrated_threshold: float) -> np.ndarray:
    """Scale the odds of probabilities so that ``calibrated_threshold`` becomes DEFAULT_THRESHOLD; monotonic."""
    odds = probability / np.maximum(1.0 - probability, 1e-9) * (1.0 - calibrated_threshold) / calibrated_threshold
    odds = odds * DEFAULT_THRESHOLD / (1.0 - DEFAULT_THRESHOLD)
    return odds / (1.0 + odds)


def pick_peaks(times_s: np.ndarray, outputs: np.ndarray) -> list[tuple[int, float]]:
    """Frames most probable within MIN_SEPARATION_S, and the times in seconds of their hits, in order of time."""
    logit = outputs[:, 0]
    steps = np.append(np.diff(times_s), times_s[-1] - times_s[-2])
    padded = np.pad(logit, 1, constant_values=-np.inf)
    peaks = np.flatnonzero((logit >= padded[:-2]) & (logit > padded[2:]))
    peaks = peaks[logit[peaks] > np.log(MIN_PROBABILITY / (1 - MIN_PROBABILITY))]
    at = times_s[peaks] + np.clip(outputs[peaks, 1], -1.0, 1.0) * steps[peaks]
    kept: list[tuple[int, float]] = []
    for k in np.argsort(-logit[peaks], kind="stable"):
        if all(abs(at[k] - other) >= MIN_SEPARATION_S for _, other in kept):
            kept.append((int(peaks[k]), float(max(0.0, at[k]))))
    return sorted(kept, key=lambda pair: pair[1])
