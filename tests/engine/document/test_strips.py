"""Edits of strips and colours: values are checked, and what is replaced or merged keeps its place in the mix."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.document.edits.merging import hit_level_db
from engine.document.edits.messages import apply_message
from engine.document.edits.sounds import replace_sound
from engine.document.project import Project, Sound
from engine.document.source import Source
from engine.document.strip import Strip
from engine.physics.model import Modes, Residual
from engine.pipeline.hit_level import strike_db
from engine.pipeline.physics_ops import PHYSICS_OPS
from tests.delivered_project import make_project


def change(project: Project, kind: str, **fields: Any) -> Project:
    return apply_message(project, {"kind": kind, **fields}, ops=PHYSICS_OPS).apply(project)


def test_values_are_clamped_and_cutoffs_under_what_is_heard_are_off() -> None:
    values = {
        "gain_db": 99.0,
        "distance_m": 0.1,
        "high_pass_hz": 5.0,
        "low_pass_hz": 400.0,
        "surround_deg": -200,
        "solo": True,
    }
    project = change(make_project(), "set_strip", sound_id="s1", values=values)
    assert project.sound("s1").strip == Strip(24.0, low_pass_hz=400.0, surround_deg=-180.0, solo=True)
    assert project.sound("s2").strip == Strip()
    assert change(project, "set_color", sound_id="s2", color="#4fd1c5").sound("s2").color == "#4fd1c5"
    assert change(project, "set_hits", ids=["h0"], values={"distance_m": -99}).hit("h0").distance_m == -50.0


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("set_strip", {"values": {"reverb": 1}}),
        ("set_strip", {"values": {"mute": 1}}),
        ("set_strip", {"values": {"pan": float("nan")}}),
        ("set_color", {"color": "red"}),
    ],
)
def test_what_a_strip_has_not_is_refused(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        change(make_project(), kind, sound_id="s1", **fields)


def test_a_replaced_sound_keeps_its_strip_and_a_merged_hit_its_place() -> None:
    project = make_project()
    strips = (Strip(-3.0, 0.2, 4.0), Strip(2.0, -0.1, 2.0))
    sounds = tuple(replace(s, strip=strip, color="#112233") for s, strip in zip(project.sounds, strips, strict=True))
    project = replace(project, sounds=sounds)
    other = Sound("", "Bowl", Modes(), Residual(), Source("file"))
    replaced = replace_sound("s1", other).apply(project).sound("s1")
    assert (replaced.name, replaced.strip, replaced.color) == ("Bowl", strips[0], "#112233")
    merged = change(project, "merge_sounds", sound_id="s1", others=["s2"])
    for hit, before in ((merged.hit(h.id), h) for h in project.hits if h.sound_id == "s2"):
        levels_db = [
            hit_level_db(project, sound, attrgetter("modes", "residual"), strike_db) for sound in project.sounds[:2]
        ]
        now_db, before_db = hit.gain_db + strips[0].gain_db, before.gain_db + strips[1].gain_db
        assert now_db + levels_db[0] == pytest.approx(before_db + levels_db[1])  # as loud as before
        assert hit.pan + strips[0].pan == pytest.approx(before.pan + strips[1].pan)
        assert hit.distance_m + strips[0].distance_m == strips[1].distance_m
