"""What kinds of simulated hits a detector finds, and what lies at its false detections, by the takes' ground truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.lab.data.greatest_hits import Take
from engine.lab.data.onsets.labels import TRUTH
from engine.lab.evaluation.onsets.scores import Clip, match_pairs, times_above

HIDDEN, IN_SIGHT = "hidden", "in sight"
WITHIN_S = 0.1
SPEEDS_M_PER_S = (0.5, 1.0, 2.0)
GAP_S = 0.25
FEINT, CUT, OTHER = "a swing that misses or a wave", "a cut", "neither"


def describe_hits(take: Take, clip: Clip) -> Clip:
    """The clip with ``kinds`` of its labelled hits and ``distractors``, where the take has its ground truth.

    The kinds of a hit: whether something hides it from the camera, what strikes, its speed, the distance to the
    nearest other labelled hit, and the frame rate.
    """
    assert take.picture is not None
    path = take.picture.with_name(take.name + TRUTH)
    if not path.is_file():
        return clip
    truth = json.loads(path.read_text(encoding="utf-8"))
    contacts = {float(contact["time_s"]): contact for contact in truth["contacts"]}
    kinds = []
    for index, time_s in enumerate(clip.labelled_s):
        contact = contacts[time_s]
        nearest_s = min((abs(t - time_s) for k, t in enumerate(clip.labelled_s) if k != index), default=float("inf"))
        kinds.append(
            {
                "sight": IN_SIGHT if contact.get("in_sight", True) else HIDDEN,
                "by": "a falling thing" if contact["by"] == "thing" else str(contact["by"]),
                "speed": _name_speed(float(contact["speed_m_per_s"])),
                "nearest other": f"under {GAP_S:g} s" if nearest_s < GAP_S else "further",
                "frame rate": "under 50" if clip.frame_s > 0.021 else "50 and 60",
            }
        )
    distractors = {FEINT: [float(row["time_s"]) for row in truth.get("none", ())], CUT: list(truth.get("cuts_s", ()))}
    return replace(clip, kinds=kinds, distractors=distractors)


def _name_speed(speed_m_per_s: float) -> str:
    bound = next((b for b in SPEEDS_M_PER_S if speed_m_per_s < b), None)
    return f"under {bound:g} m/s" if bound is not None else "faster"


def keep_visible(clip: Clip) -> Clip:
    """The clip without its hidden hits, which are then neither missed nor false."""
    if not clip.kinds:
        return clip
    shown = [k for k, kind in enumerate(clip.kinds) if kind["sight"] == IN_SIGHT]
    return replace(
        clip,
        labelled_s=[clip.labelled_s[k] for k in shown],
        action=[clip.action[k] for k in shown],
        velocity=[clip.velocity[k] for k in shown],
        kinds=[clip.kinds[k] for k in shown],
    )


def count_kinds(clips: Sequence[Clip], source: str, threshold: float) -> list[dict[str, Any]]:
    """Labelled hits, those found within WITHIN_S and those that are candidates under the threshold, by kind.

    Hidden hits have one row; the other kinds are of hits in sight.
    """
    counts: dict[tuple[str, str], list[int]] = {}
    for clip in clips:
        found = {j for _, j in match_pairs(times_above(clip, source, threshold), clip.labelled_s, WITHIN_S)}
        faint = {j for _, j in match_pairs(times_above(clip, source, 0.0), clip.labelled_s, WITHIN_S)} - found
        for j, kinds in enumerate(clip.kinds):
            shown = kinds["sight"] == IN_SIGHT
            for facet, kind in kinds.items() if shown else [("sight", HIDDEN)]:
                row = counts.setdefault((facet, kind), [0, 0, 0])
                row[0], row[1], row[2] = row[0] + 1, row[1] + (j in found), row[2] + (j in faint)
    return [
        {"of": facet, "kind": kind, "hits": hits, "found": found, "weak": weak}
        for (facet, kind), (hits, found, weak) in sorted(counts.items())
    ]


def count_distracted(clips: Sequence[Clip], source: str, threshold: float) -> dict[str, int]:
    """False detections by what lies within WITHIN_S: a swing that misses or a wave, a cut, or neither."""
    counts = dict.fromkeys((FEINT, CUT, OTHER), 0)
    for clip in clips:
        times_s = times_above(clip, source, threshold)
        right = {i for i, _ in match_pairs(times_s, clip.audible_s, WITHIN_S)}
        for i, time_s in enumerate(times_s):
            if i not in right:
                near = [n for n, at in clip.distractors.items() if any(abs(time_s - t) <= WITHIN_S for t in at)]
                counts[near[0] if near else OTHER] += 1
    return counts


def describe_kinds(rows: Sequence[dict[str, Any]], false: dict[str, int], source: str) -> list[str]:
    """The counts as lines of a Markdown table, and a sentence of the false detections."""
    lines = [f"| {source} | kind | labelled | found at ±100 ms | weaker candidates |", "|---|---|---|---|---|"]
    for row in rows:
        share = f"{row['found']} ({row['found'] / row['hits']:.0%})"
        lines.append(f"| {row['of']} | {row['kind']} | {row['hits']} | {share} | {row['weak']} |")
    return [*lines, "", "False detections at " + ", ".join(f"{name}: {count}" for name, count in false.items()) + "."]
