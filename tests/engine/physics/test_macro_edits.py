"""Edits that set, reset and bake macros."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from engine.core.errors import BadInput
from engine.document.edits.messages import apply_message
from engine.document.edits.values import PhysicsOps
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import Source
from engine.physics.macros import apply_macros
from engine.physics.model import MACRO_NAMES, Macros, Modes
from engine.physics.morph import morph
from engine.pipeline.render import hit_physics
from tests.bell import BELL, NOISE

EVERY = [(name, value) for name in MACRO_NAMES for value in (-1.0, -0.4, 0.4, 1.0)]


LAWS = PhysicsOps(apply_macros, morph)


def make_project() -> Project:
    clip = Clip("/c.mp4", "d", 4.0, Fraction(25), 320, 240)
    sounds = (
        Sound("s1", "Steel bin", BELL, NOISE, Source("clip"), 0.9),
        Sound("s2", "Oak", Modes(), NOISE, Source("preset")),
    )
    return Project(clip, sounds, (Hit("h1", 1.0, "s1", 1), Hit("h2", 2.0, "s1", 2, velocity_db=-12.0)))


def do(project: Project, **message: object) -> Project:
    return apply_message(project, message, ops=LAWS).apply(project)


@pytest.mark.parametrize(("name", "value"), EVERY)
def test_an_edit_under_a_macro_is_there_when_the_macro_goes(name: str, value: float) -> None:
    project = make_project()
    project = do(project, kind="set_modes", sound_id="s1", indices=[1], frequency_hz=[900.0], power_db=[-10.0])
    edited = project.sound("s1")
    turned = do(project, kind="set_macros", sound_id="s1", values={name: value})
    assert turned.sound("s1").modes == edited.modes and hit_physics(turned, turned.hit("h1")) != (BELL, NOISE)
    turned = do(turned, kind="set_modes", sound_id="s1", indices=[2], power_db=[-11.0])
    back = do(turned, kind="set_macros", sound_id="s1", values={name: 0.0}).sound("s1")
    assert back.modes == replace(edited.modes, power_db=(-14.0, -10.0, -11.0, -20.0, -24.0, -28.0))
    assert back.residual == NOISE and back.macros == Macros()


def test_macros_are_set_reset_and_baked() -> None:
    project = make_project()
    edit = apply_message(project, {"kind": "set_macros", "sound_id": "s1", "values": {"mass": 0.5, "room": -9}})
    assert edit.label == "Mass, room of Steel bin"
    turned = edit.apply(project)
    assert turned.sound("s1").macros == Macros(mass=0.5, room=-1.0)
    assert turned.sound("s1").fit == 0.9 and turned.sound("s1").origin == "clip"  # its own physics is untouched
    wanted = hit_physics(turned, turned.hit("h1"))
    baked = do(turned, kind="bake_macros", sound_id="s1")
    assert baked.sound("s1").macros == Macros() and baked.sound("s1").origin == "edited"
    assert hit_physics(baked, baked.hit("h1")) == wanted
    assert [project_from_json(project_to_json(p)) for p in (turned, baked)] == [turned, baked]
    assert do(turned, kind="reset_macros", sound_id="s1") == project
    assert do(project, kind="bake_macros", sound_id="s1") == project
    detached = do(turned, kind="detach_hits", ids=["h2"])
    assert detached.sound("s3").macros == turned.sound("s1").macros


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "set_macros", "sound_id": "s1", "values": {"colour": 1}},
        {"kind": "set_macros", "sound_id": "s1", "values": {"mass": float("nan")}},
        {"kind": "set_macros", "sound_id": "s1", "values": [1]},
        {"kind": "set_macros", "sound_id": "s1"},
        {"kind": "set_macros", "sound_id": "s9", "values": {}},
        {"kind": "set_macros", "sound_id": ["s1"], "values": {}},
        {"kind": "bake_macros", "sound_id": 3},
        {"kind": "reset_macros"},
    ],
    ids=repr,
)
def test_nonsense_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        apply_message(make_project(), message, ops=LAWS)
    assert "\n" not in str(caught.value)


def test_without_the_physics_what_needs_it_is_refused() -> None:
    with pytest.raises(BadInput, match="physics"):
        apply_message(make_project(), {"kind": "bake_macros", "sound_id": "s1"})
