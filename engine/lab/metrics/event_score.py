"""Precision, recall and F1 of detected events, matched one to one with true ones within a tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """Event score: ``matched`` of ``found`` hits against ``truth`` true ones."""

    precision: float
    recall: float
    f1: float
    matched: int
    found: int
    truth: int


def score(found_s: Sequence[float], truth_s: Sequence[float], tolerance_s: float) -> Score:
    """Match found and true times one to one within ``tolerance_s`` (most matches possible) and count.

    Nothing to find and nothing found scores 1; the tolerance is inclusive.
    """
    matched = count_matches(found_s, truth_s, tolerance_s)
    found, truth = len(found_s), len(truth_s)
    precision = matched / found if found else float(truth == 0)
    recall = matched / truth if truth else float(found == 0)
    return Score(precision, recall, f1_of(precision, recall), matched, found, truth)


def f1_of(precision: float, recall: float) -> float:
    """Harmonic mean of precision and recall, 0 where both are 0."""
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0.0 else 0.0


def count_matches(found_s: Sequence[float], truth_s: Sequence[float], tolerance_s: float) -> int:
    """Size of the largest one-to-one matching of two sets of times within a tolerance.

    Walking both in order and taking the first admissible pair is optimal when all tolerances are equal.
    """
    found, truth = sorted(found_s), sorted(truth_s)
    matched = i = j = 0
    slack = tolerance_s + 1e-9
    while i < len(found) and j < len(truth):
        gap = found[i] - truth[j]
        if abs(gap) <= slack:
            matched, i, j = matched + 1, i + 1, j + 1
        elif gap < 0:
            i += 1
        else:
            j += 1
    return matched
