"""Where a detector misses hits and finds false ones: by action and by the distance to the next hit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.lab.evaluation.onsets.scores import Clip, match_pairs, times_above

WITHIN_S = 0.1
GAPS_S = (0.25, 0.5)
"""Upper bounds of the distance from a labelled hit to the nearest other one; the rest lie further apart."""


def count_misses(clips: Sequence[Clip], source: str, threshold: float) -> list[dict[str, Any]]:
    """Labelled hits by action and distance in s to the nearest other, those missed, and the weak among these.

    A hit is missed where no detection lies within WITHIN_S, and weak where a candidate under the threshold does.
    """
    counts: dict[tuple[str, int], list[int]] = {}
    for clip in clips:
        matched = {j for _, j in match_pairs(times_above(clip, source, threshold), clip.labelled_s, WITHIN_S)}
        faint = {j for _, j in match_pairs(times_above(clip, source, 0.0), clip.labelled_s, WITHIN_S)}
        for j, action in enumerate(clip.action):
            row = counts.setdefault((action or "unknown", _choose_gap(clip.labelled_s, j)), [0, 0, 0])
            row[0] += 1
            row[1] += j not in matched
            row[2] += j not in matched and j in faint
    gaps = [*(f"under {gap_s:g} s" for gap_s in GAPS_S), "further"]
    return [
        {"action": action, "nearest": gaps[gap], "labelled": labelled, "missed": missed, "weak": weak}
        for (action, gap), (labelled, missed, weak) in sorted(counts.items())
    ]


def count_false(clips: Sequence[Clip], source: str, threshold: float) -> dict[str, int]:
    """Detections, those that match no audible onset within WITHIN_S, and how many of these are second ones of a hit.

    A second one lies within WITHIN_S of an audible onset that a closer detection has matched.
    """
    found = false = second = 0
    for clip in clips:
        times_s = times_above(clip, source, threshold)
        right = {i for i, _ in match_pairs(times_s, clip.audible_s, WITHIN_S)}
        wrong_s = [t for i, t in enumerate(times_s) if i not in right]
        found, false = found + len(times_s), false + len(wrong_s)
        second += sum(any(abs(t - a) <= WITHIN_S for a in clip.audible_s) for t in wrong_s)
    return {"found": found, "false": false, "second": second}


def _choose_gap(times_s: Sequence[float], index: int) -> int:
    """The index of the bound of GAPS_S under which the nearest other of some times lies; their number where none."""
    nearest_s = min((abs(t - times_s[index]) for k, t in enumerate(times_s) if k != index), default=float("inf"))
    return sum(nearest_s >= gap_s for gap_s in GAPS_S)


def describe_misses(rows: Sequence[dict[str, Any]], false: dict[str, int], source: str) -> list[str]:
    """The counts as lines of a Markdown table, and a sentence of the false detections."""
    lines = [f"| {source} | nearest other hit | labelled | missed at ±100 ms | of these, weaker candidates |"]
    lines += ["|---|---|---|---|---|"]
    for row in rows:
        missed = f"{row['missed']} ({row['missed'] / max(1, row['labelled']):.0%})"
        lines.append(f"| {row['action']} | {row['nearest']} | {row['labelled']} | {missed} | {row['weak']} |")
    return [*lines, "", "False: {false} of {found} detections, {second} of them second ones of a hit.".format(**false)]
