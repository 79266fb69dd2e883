"""The rhythm's constants and the threshold, chosen for each recording day on the clips of all other days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np

from engine.lab.evaluation.onsets.scores import Clip, Detector, count_matches, estimate_interval
from engine.lab.metrics.event_score import f1_of
from engine.onsets.rhythm import RHYTHM, Rhythm
from engine.onsets.track import Onset

RHYTHMS: tuple[Rhythm | None, ...] = (
    None,
    RHYTHM,
    *(
        Rhythm(spread, irregular, bonus, short_cost=cost)
        for spread, irregular, bonus, cost in product((0.15, 0.3), (0.1, 0.3), (0.5, 1.0, 1.5), (1.0, 2.0))
    ),
)
"""What is chosen from: no rhythm, the one in use, and others about it."""
THRESHOLDS = np.linspace(0.3, 0.7, 11)
TOLERANCE_S = 0.05

Choice = tuple[int, float]
"""An index of RHYTHMS and a threshold."""


def choose_by_other_days(clips: Sequence[Clip]) -> dict[str, Choice]:
    """For each day the choice of best F1 at TOLERANCE_S over ``rhythm_tracks`` of the other days' clips, pooled."""
    choices = [(index, float(threshold)) for index in range(len(RHYTHMS)) for threshold in THRESHOLDS]
    counts = np.stack([count_matches(clips, _finder(choice), TOLERANCE_S) for choice in choices])
    chosen = {}
    for day in sorted({clip.day for clip in clips}):
        others = np.array([clip.day != day for clip in clips])
        right, found, recalled, labelled = np.maximum(counts[:, others].sum(axis=1), 1e-9).T
        f1 = [f1_of(p, r) for p, r in zip(right / found, recalled / labelled, strict=True)]
        chosen[day] = choices[int(np.argmax(f1))]
    return chosen


def find_as_chosen(chosen: dict[str, Choice]) -> Detector:
    """The hits of each clip by the choice of its day."""
    return lambda clip: _times(clip.rhythm_tracks[chosen[clip.day][0]], chosen[clip.day][1])


def describe_choices(clips: Sequence[Clip], chosen: dict[str, Choice]) -> dict[str, Any]:
    """The 95 % interval of F1 of the choices, and each day's choice."""
    low, high = estimate_interval(clips, find_as_chosen(chosen), TOLERANCE_S)
    days = {
        day: {"threshold": round(threshold, 2), "rhythm": asdict(rhythm) if (rhythm := RHYTHMS[index]) else None}
        for day, (index, threshold) in chosen.items()
    }
    return {"f1_interval": {"low": round(low, 4), "high": round(high, 4)}, "days": days}


def _finder(choice: Choice) -> Detector:
    return lambda clip: _times(clip.rhythm_tracks[choice[0]], choice[1])


def _times(onsets: Sequence[Onset], threshold: float) -> list[float]:
    return [onset.time_s for onset in onsets if onset.strength >= threshold]
