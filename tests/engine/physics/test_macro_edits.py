"""Edits that set, reset and bake macros."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.document.edits.messages import apply_message
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import Source
from engine.physics.macros import apply_macros
from engine.physics.model import MACRO_NAMES, Macros, Modes, Physics
from engine.physics.synthesis import synthesize
from engine.pipeline.physics_ops import PHYSICS_OPS
from engine.pipeline.render import hit_physics
from tests.bell import BELL, NOISE

EVERY = [(name, value) for name in MACRO_NAMES for value in (-1.0, -0.4, 0.4, 1.0)]


def make_project() -> Project:
    clip = Clip("/c.mp4", "d", 4.0, Fraction(25), 320, 240)
    sounds = (
        Sound("s1", "Steel bin", BELL, NOISE, Source("clip"), 0.9),
        Sound("s2", "Oak", Modes(), NOISE, Source("preset")),
    )
    return Project(clip, sounds, (Hit("h1", 1.0, "s1", 1), Hit("h2", 2.0, "s1", 2, velocity_db=-12.0)))


def do(project: Project, **message: object) -> Project:
    return apply_message(project, message, ops=PHYSICS_OPS).apply(project)


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
    assert turned.sound("s1").macros == Macros(mass=0.5, room=-1.0, keep_loudness=True)
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
        apply_message(make_project(), message, ops=PHYSICS_OPS)
    assert "\n" not in str(caught.value)


def test_without_the_physics_what_needs_it_is_refused() -> None:
    with pytest.raises(BadInput, match="physics"):
        apply_message(make_project(), {"kind": "bake_macros", "sound_id": "s1"})


@pytest.mark.parametrize(("macro", "value"), [("room", 1.0), ("room", -1.0), ("roughness", 1.0)])
def test_roughness_and_room_keep_the_loudness_of_a_new_turn_and_not_that_of_older_projects(
    macro: str, value: float
) -> None:
    """By the waveform: the first 0.4 s are as loud as without the macro."""

    def level_db(macros: Macros) -> float:
        sound = synthesize(Physics(*apply_macros(BELL, NOISE, macros), 48_000), 0.4, seed=2).astype(float)
        return 10.0 * math.log10(float(np.mean(np.square(sound))))

    turned = do(make_project(), kind="set_macros", sound_id="s1", values={macro: value}).sound("s1").macros
    assert turned.keep_loudness
    assert level_db(turned) == pytest.approx(level_db(Macros()), abs=0.3)
    older = project_to_json(
        replace(make_project(), sounds=(replace(make_project().sound("s1"), macros=Macros(**{macro: value})),))
    )
    assert "keep_loudness" not in older["sounds"][0]["macros"]
    read = project_from_json(older)
    assert read.sound("s1").macros == Macros(**{macro: value})
    more = do(read, kind="set_macros", sound_id="s1", values={macro: 0.9 * value}).sound("s1").macros
    assert not more.keep_loudness
    off = do(make_project(), kind="set_macros", sound_id="s1", values={macro: value, "keep_loudness": False})
    assert off.sound("s1").macros == Macros(**{macro: value})
    kept = replace(make_project(), sounds=(replace(make_project().sound("s1"), macros=turned),))
    assert project_from_json(project_to_json(kept)) == kept
