"""Edits that arrange hits in time: several new hits at once, quantising."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from engine.core.errors import BadInput, quote
from engine.document.edits.grouping import name_copied_groups
from engine.document.edits.hits import check_values, nearest_sound_id, set_hit, touch_hit
from engine.document.edits.values import (
    MAX_HITS,
    Edit,
    check_hits,
    check_number,
    count_of,
    count_of_hits,
    next_ids,
    with_hits,
)
from engine.document.project import Hit, Project
from engine.document.seeds import derive_seed

ADDED_BY = {"add": "Add", "paste": "Paste", "duplicate": "Duplicate", "pattern": "Make pattern of", "import": "Import"}
INTERVAL_RANGE_S = (1e-3, 3600.0)

FindTarget = Callable[[float], "float | None"]
"""The time to which a time is drawn; None where it stays."""


def add_hits(hits: Sequence[Mapping[str, Any]], how: str = "add") -> Edit:
    """Add hits with the values of ``set_hits``; each needs ``time_s``, and gets a seed of its own if none is given.

    A hit whose ``sound_id`` is missing or not in the project takes the sound of the hit nearest in time. Hits of one
    ``group`` become a group of their own. Raises BadInput for a time outside the clip, where a single new hit would be
    brought to its end.
    """
    if not (isinstance(how, str) and how in ADDED_BY):
        raise BadInput(f"hits are not added by {quote(how)}; reload the page")

    def apply(project: Project) -> Project:
        if not hits:
            raise BadInput("there is no hit to add; copy some first")
        if len(project.hits) + len(hits) > MAX_HITS:
            raise BadInput(f"the project would hold more than {MAX_HITS} hits; delete some first")
        known = {sound.id for sound in project.sounds}
        groups = name_copied_groups(project, hits)
        added = []
        for hit_id, values in zip(next_ids((hit.id for hit in project.hits), "h", len(hits)), hits, strict=True):
            time_s = _check_time(project, values.get("time_s"))
            sound_id = values.get("sound_id")
            if not (isinstance(sound_id, str) and sound_id in known):
                sound_id = nearest_sound_id(project, time_s)
            fields, offsets = check_values(project, {**values, "sound_id": sound_id})
            if fields.get("group"):
                fields["group"] = groups[fields["group"]]
            hit = Hit(hit_id, time_s, sound_id, derive_seed(project.render.seed, hit_id), touched=True)
            added.append(set_hit(hit, fields, offsets))
        return with_hits(project, (*project.hits, *added))

    return Edit(f"{ADDED_BY[how]} {count_of(len(hits), 'hit')}", apply)


def _check_time(project: Project, value: Any) -> float:
    time_s = check_number(value, "time_s", (-math.inf, math.inf))
    if not 0.0 <= time_s <= project.clip.duration_s:
        end_s = project.clip.duration_s
        raise BadInput(f"a hit at {time_s:.3f} s lies outside the clip, which ends at {end_s:.3f} s; place it inside")
    return time_s


def quantize_hits(
    ids: Sequence[str], interval_s: float | None = None, offset_s: float = 0.0, strength: float = 1.0
) -> Edit:
    """Draw hits to the clip's frames, or to a grid of ``interval_s`` that passes through ``offset_s``.

    ``strength`` from 0 to 1 is the part of the way.
    """

    def apply(project: Project) -> Project:
        if interval_s is None:
            find = nearest_frame(project.clip.frame_rate, project.clip.duration_s)
        else:
            step_s = check_number(interval_s, "interval_s", INTERVAL_RANGE_S)
            find = nearest_line(step_s, check_number(offset_s, "offset_s", (-1e6, 1e6)), project.clip.duration_s)
        return draw_hits(ids, find, strength).apply(project)

    return Edit(f"Quantise {count_of_hits(ids)}", apply)


def draw_hits(ids: Sequence[str], find_target: FindTarget, strength: float = 1.0) -> Edit:
    """Move each hit the part ``strength`` of the way to its target; hits without one stay."""

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        part = check_number(strength, "strength", (0.0, 1.0))
        return with_hits(project, (draw(hit, part) if hit.id in wanted else hit for hit in project.hits))

    def draw(hit: Hit, part: float) -> Hit:
        target_s = find_target(hit.time_s)
        if target_s is None:
            return hit
        time_s = target_s if part == 1.0 else hit.time_s + part * (target_s - hit.time_s)
        return hit if time_s == hit.time_s else replace(touch_hit(hit), time_s=time_s)

    return Edit(f"Quantise {count_of_hits(ids)}", apply)


def nearest_frame(frame_rate: Fraction, duration_s: float) -> FindTarget:
    """The start of the nearest frame within the clip."""
    last = math.floor(Fraction(duration_s) * frame_rate)
    return lambda time_s: float(min(round(Fraction(time_s) * frame_rate), last) / frame_rate)


def nearest_line(interval_s: float, offset_s: float, duration_s: float) -> FindTarget:
    """The nearest line of a grid; None where that lies outside the clip."""

    def find(time_s: float) -> float | None:
        line_s = offset_s + round((time_s - offset_s) / interval_s) * interval_s
        return line_s if 0.0 <= line_s <= duration_s else None

    return find


def nearest_of(times_s: Sequence[float], reach_s: float) -> FindTarget:
    """The nearest of some times; None where none is within reach."""
    ordered = sorted(times_s)

    def find(time_s: float) -> float | None:
        at = bisect_left(ordered, time_s)
        near = [value for value in ordered[max(0, at - 1) : at + 1] if abs(value - time_s) <= reach_s]
        return min(near, key=lambda value: abs(value - time_s), default=None)

    return find
