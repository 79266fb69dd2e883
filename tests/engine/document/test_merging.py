"""Sounds merged into one, and a found sound given to chosen hits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.document.edits.merging import give_hits_sound, merge_sounds
from engine.document.edits.messages import apply_message
from engine.document.edits.values import Edit
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.source import Source
from engine.physics.macros import apply_macros
from engine.physics.model import Macros, Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.hit_level import strike_db
from engine.pipeline.physics_ops import PHYSICS_OPS
from engine.pipeline.render import hit_physics

QUIET = Modes((440.0, 1200.0), (-30.0, -36.0), (12.0, 20.0), (0.0, 0.0))
LOUD = Modes((440.0, 1200.0), (-12.0, -18.0), (12.0, 20.0), (0.0, 0.0))
NOISE = Residual((100.0, 1000.0, 8000.0), (-60.0, -55.0), (60.0, 90.0))


def make_project(assigned: str) -> Project:
    sounds = tuple(
        Sound(f"s{k}", f"Sound {k}", modes, NOISE, Source("clip")) for k, modes in enumerate((LOUD, QUIET, LOUD), 1)
    )
    hits = tuple(Hit(f"h{k}", 0.1 * k, f"s{number}", k) for k, number in enumerate(assigned, 1))
    return Project(Clip("c.mp4", "", 5.0, Fraction(25), 64, 36), sounds, hits)


def merge(into: str, others: list[str]) -> Edit:
    return merge_sounds(into, others, apply_macros, lambda sound: (sound.modes, sound.residual), strike_db)


def level_of(modes: Modes, residual: Residual) -> float:
    samples = synthesize(Physics(modes, residual), 0.05, seed=3)
    return float(10.0 * np.log10(np.mean(np.square(samples))))


def test_the_expected_level_is_that_of_the_synthesised_strike() -> None:
    for sound in make_project("1").sounds:
        assert strike_db(sound.modes, sound.residual) == pytest.approx(level_of(sound.modes, sound.residual), abs=0.7)


def test_merged_hits_strike_one_sound_as_loud_as_before() -> None:
    project = merge("s1", ["s2", "s3"]).apply(make_project("1223"))
    assert [sound.id for sound in project.sounds] == ["s1"]
    assert {hit.sound_id for hit in project.hits} == {"s1"}
    shifts = [hit.gain_db for hit in project.hits]
    assert shifts == pytest.approx([0.0, -18.0, -18.0, 0.0], abs=0.1)  # the modes are 18 dB apart
    assert {hit.velocity_db for hit in project.hits} == {0.0}  # as hard as before: more velocity would be brighter, too
    assert [hit.touched for hit in project.hits] == [False, True, True, True]


def test_phases_and_rise_count_for_the_level_of_merged_hits() -> None:
    """What is rendered is as loud as before, of two close modes out of phase and of noise that rises slowly."""
    close = Modes((440.0, 446.0), (-12.0, -12.0), (12.0, 12.0), (0.0, 3.0))
    slow = replace(NOISE, power_db=(-26.0, -24.0), rise_s=0.02)
    physics = ((LOUD, NOISE), (close, NOISE), (QUIET, slow))
    project = make_project("123")
    sounds = (replace(s, modes=m, residual=r) for s, (m, r) in zip(project.sounds, physics, strict=True))
    message = {"kind": "merge_sounds", "sound_id": "s1", "others": ["s2", "s3"]}
    merged = apply_message(project, message, ops=PHYSICS_OPS).apply(replace(project, sounds=tuple(sounds)))
    wanted = [level_of(*each) - level_of(*physics[0]) for each in physics]
    assert [hit.gain_db for hit in merged.hits] == pytest.approx(wanted, abs=0.5)


@pytest.mark.parametrize(
    ("into", "other"),
    [
        (Macros(), Macros(roughness=1.0)),
        (Macros(roughness=1.0), Macros()),
        (Macros(damping=0.8), Macros(mass=-0.5)),
        (Macros(hardness=0.7, keep_loudness=True), Macros(mass=0.5)),
    ],
)
def test_what_macros_make_of_both_sounds_counts(into: Macros, other: Macros) -> None:
    """The level of what is rendered, before and after, 50 ms from the onset on."""
    project = make_project("2")
    one, two, _ = project.sounds
    project = replace(project, sounds=(replace(one, macros=into), replace(two, macros=other)))
    merged = merge("s1", ["s2"]).apply(project)
    before, after = (
        level_of(*hit_physics(document, document.hits[0])) + document.hits[0].gain_db for document in (project, merged)
    )
    assert after == pytest.approx(before, abs=1.0)


def test_a_sound_of_little_detail_is_as_loud_as_what_it_is_completed_to() -> None:
    project = make_project("2")
    one, two, _ = project.sounds
    project = replace(project, sounds=(one, replace(two, detail=0.0)))
    merged = merge_sounds(
        "s1", ["s2"], apply_macros, lambda sound: (LOUD if sound.detail < 1.0 else sound.modes, NOISE), strike_db
    )
    assert merged.apply(project).hits[0].gain_db == pytest.approx(
        0.0, abs=0.01
    )  # though its own modes are 18 dB softer


@pytest.mark.parametrize(("into", "others"), [("s1", []), ("s1", ["s1"]), ("s1", ["s9"]), ("s9", ["s1"])])
def test_nothing_is_merged_with_itself_or_with_what_is_not_there(into: str, others: list[str]) -> None:
    with pytest.raises(BadInput):
        merge(into, others).apply(make_project("12"))


def test_a_found_sound_goes_to_the_chosen_hits_alone() -> None:
    found = Sound("x", "Gravel", QUIET, NOISE, Source("text"))
    project = give_hits_sound(["h1", "h2"], found, "Use Gravel").apply(make_project("1212"))  # both are shared
    assert [hit.sound_id for hit in project.hits] == ["s4", "s4", "s1", "s2"]
    assert [sound.name for sound in project.sounds] == ["Sound 1", "Sound 2", "Sound 3", "Gravel"]
    project = give_hits_sound(["h1", "h2"], found, "Use Gravel").apply(make_project("1233"))  # both are theirs alone
    assert [hit.sound_id for hit in project.hits] == ["s1", "s1", "s3", "s3"]
    assert [(sound.id, sound.name) for sound in project.sounds] == [("s1", "Gravel"), ("s3", "Sound 3")]
