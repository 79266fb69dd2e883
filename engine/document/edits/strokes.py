"""Strokes: hits that scrape or rub their object instead of striking it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.core.errors import BadInput, quote
from engine.document.edits.values import (
    GRAIN_RANGE_MM,
    MOST_SPEEDS,
    STROKE_LENGTH_RANGE_S,
    STROKE_SPEED_RANGE_M_PER_S,
    Edit,
    check_hits,
    check_list,
    check_mapping,
    check_number,
    count_of_hits,
    with_hits,
)
from engine.document.project import Project
from engine.physics.model import Stroke

_NUMBERS = {
    "length_s": STROKE_LENGTH_RANGE_S,
    "top_speed_m_per_s": STROKE_SPEED_RANGE_M_PER_S,
    "grain_mm": GRAIN_RANGE_MM,
}


def check_stroke(value: Any) -> Stroke:
    """A stroke from its values by name; those left out are as in a new one. Raises BadInput."""
    given = dict(check_mapping(value, "the stroke"))
    speeds = [check_number(v, "speeds", (0.0, 1.0)) for v in check_list(given.pop("speeds", None) or [1.0], "speeds")]
    if len(speeds) > MOST_SPEEDS:
        raise BadInput(f"the stroke has {len(speeds)} speeds, more than {MOST_SPEEDS}; give fewer")
    numbers = {}
    for name, number in given.items():
        if name not in _NUMBERS:
            raise BadInput(f"a stroke has no {quote(name)}; set a property that it has")
        numbers[name] = check_number(number, name, _NUMBERS[name])
    return Stroke(**{"length_s": 1.0, **numbers}, speeds=tuple(speeds))


def clear_strokes(ids: Sequence[str]) -> Edit:
    """Let hits strike their object again instead of scraping it."""

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        return with_hits(
            project, (replace(hit, stroke=None, touched=True) if hit.id in wanted else hit for hit in project.hits)
        )

    return Edit(f"Strike with {count_of_hits(ids)} instead", apply)
