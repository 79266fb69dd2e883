"""Edits: what they change, what they refuse, and that no sequence of them breaks the document."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction

import pytest

from engine.core.errors import BadInput
from engine.document.edits.hits import replace_detected_hits
from engine.document.edits.messages import apply_message
from engine.document.edits.values import with_sound
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.seeds import derive_seed
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import UNSURE, Source, describe_source
from engine.physics.model import Modes, NoiseComponent, Residual
from engine.physics.presets import Preset

MODES = Modes((200.0, 431.5, 990.0), (-12.0, -20.0, -31.0), (6.0, 9.0, 30.0), (0.1, 0.2, 0.3), (False, False, True))
RESIDUAL = Residual((0.0, 500.0, 24000.0), (-40.0, -50.0), (60.0, 90.0), NoiseComponent((-70.0, -80.0), (4.0, 5.0)))


def make_project() -> Project:
    clip = Clip("/clips/drum.mp4", "d1", 8.0, Fraction(30000, 1001), 640, 360, "01:00:00;00", True)
    sounds = (
        Sound("s1", "Bowl", MODES, RESIDUAL, Source("clip"), 0.8),
        Sound("s2", "Crate", Modes(), RESIDUAL, Source("preset", note="wood, estimated from a recording")),
    )
    hits = (
        Hit("h1", 1.0, "s1", 11),
        Hit("h2", 2.5, "s1", 12, velocity_db=-6.0),
        Hit("h3", 4.0, "s2", 13, strength=0.6),
    )
    return Project(clip, sounds, hits)


def do(project: Project, **message: object) -> Project:
    return apply_message(project, message).apply(project)


def test_add_hit_takes_the_nearest_sound_a_new_id_and_a_derived_seed() -> None:
    project = do(make_project(), kind="add_hit", time_s=3.9)
    hit = project.hit("h4")
    assert (hit.sound_id, hit.time_s, hit.touched) == ("s2", 3.9, True)
    assert hit.seed == derive_seed(0, "h4") and 0 <= hit.seed < 2**31
    assert do(make_project(), kind="add_hit", time_s=3.9) == project
    assert [h.time_s for h in project.hits] == sorted(h.time_s for h in project.hits)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("Move hit", {"kind": "move_hits", "ids": ["h1", "h1"], "delta_s": 0.1}),
        ("Move 2 hits", {"kind": "move_hits", "ids": ["h1", "h2", "h1"], "delta_s": 0.1}),
        ("Set velocity of hit", {"kind": "set_hits", "ids": ["h1", "h1"], "values": {"velocity_db": -3.0}}),
        ("Delete hit", {"kind": "delete_hits", "ids": ["h1", "h1"]}),
        ("Give hit its own sound", {"kind": "detach_hits", "ids": ["h1", "h1"]}),
        ("Quantise hit", {"kind": "quantize_hits", "ids": ["h1", "h1"]}),
        ("Strike with hit instead", {"kind": "clear_strokes", "ids": ["h1", "h1"]}),
        ("Ungroup hit", {"kind": "ungroup_hits", "ids": ["h1", "h1"]}),
    ],
)
def test_what_is_given_twice_is_counted_once(label: str, message: dict[str, object]) -> None:
    assert apply_message(make_project(), message).label == label


def test_moving_together_keeps_distances_and_stays_in_the_clip() -> None:
    project = do(make_project(), kind="move_hits", ids=["h1", "h2"], delta_s=100.0)
    assert project.hit("h2").time_s == 8.0 and project.hit("h1").time_s == 6.5
    assert project.hit("h1").touched and not project.hit("h3").touched
    assert do(make_project(), kind="move_hits", ids=["h3"], delta_s=-50.0).hit("h3").time_s == 0.0


def test_values_are_brought_into_range() -> None:
    project = make_project()
    values = {"velocity_db": 99, "pan": -7, "gain_db": -1e300, "pitch_cents": 1e9, "decay_ratio": 0, "residual_db": 500}
    hit = do(project, kind="set_hits", ids=["h1"], values=values).hit("h1")
    assert (hit.velocity_db, hit.pan, hit.gain_db) == (12.0, -1.0, -60.0)
    assert (hit.offsets.pitch_cents, hit.offsets.decay_ratio, hit.offsets.residual_db) == (4800.0, 0.05, 24.0)
    modes = do(project, kind="set_modes", sound_id="s1", indices=[0, 2], frequency_hz=[0, 9e9], power_db=[-999, 999],
               decay_per_s=[0, 1e9]).sound("s1").modes  # fmt: skip
    assert modes.frequency_hz == (1.0, 431.5, 24000.0)
    assert modes.power_db == (-120.0, -20.0, 24.0)
    assert modes.decay_per_s[0] == pytest.approx(math.log(1000) / 60) and modes.decay_per_s[2] == pytest.approx(
        6907.8, 1e-4
    )
    render = do(project, kind="set_render", steps=1000, guidance=-3).render
    assert (render.steps, render.guidance) == (64, 0.0)


def test_an_edited_sound_says_what_it_was() -> None:
    project = do(make_project(), kind="set_modes", sound_id="s1", indices=[1], frequency_hz=[440.0])
    sound = project.sound("s1")
    assert (sound.origin, describe_source(sound.source), sound.fit) == ("edited", "was: from the clip's sound", None)
    again = do(project, kind="mute_modes", sound_id="s1", indices=[0], muted=True).sound("s1")
    assert again.source == sound.source and again.modes.muted == (True, False, True)
    crate = do(project, kind="set_residual", sound_id="s2", component="strike", indices=[0], power_db=[-30]).sound("s2")
    assert describe_source(crate.source) == "was: wood, estimated from a recording"
    same = do(make_project(), kind="set_modes", sound_id="s1", indices=[0], frequency_hz=[200.0])
    assert same == make_project()


def test_modes_come_and_go_without_renumbering_the_others() -> None:
    project = do(make_project(), kind="add_mode", sound_id="s1", frequency_hz=300, power_db=-20, decay_per_s=8)
    assert project.sound("s1").modes.frequency_hz == (200.0, 431.5, 990.0, 300.0)
    modes = do(project, kind="delete_modes", sound_id="s1", indices=[1, 0]).sound("s1").modes
    assert modes.frequency_hz == (990.0, 300.0) and modes.muted == (True, False) and modes.phase_rad == (0.3, 0.0)


def test_modes_without_phases_and_mutes_are_edited_like_others() -> None:
    bare = with_sound(make_project(), Sound("s1", "Bare", Modes((100.0,), (-3.0,), (5.0,)), Residual(), Source("clip")))
    muted = do(bare, kind="mute_modes", sound_id="s1", indices=[0], muted=True).sound("s1").modes
    assert muted.muted == (True,) and muted.phase_rad == (0.0,)
    added = do(bare, kind="add_mode", sound_id="s1", frequency_hz=300, power_db=-20, decay_per_s=8).sound("s1").modes
    assert len(added.phase_rad) == len(added.muted) == 2


def test_room_and_strike_are_separate_components() -> None:
    project = do(
        make_project(),
        kind="set_residual",
        sound_id="s1",
        component="room",
        indices=[1],
        power_db=[-60],
        decay_per_s=[2],
    )
    residual = project.sound("s1").residual
    assert residual.room == NoiseComponent((-70.0, -60.0), (4.0, 2.0)) and residual.power_db == RESIDUAL.power_db
    bare = with_sound(project, replace(project.sound("s2"), residual=Residual()))
    with pytest.raises(BadInput, match="room"):
        do(bare, kind="set_residual", sound_id="s2", component="room", indices=[0], power_db=[-60])


def test_detaching_gives_a_sound_of_its_own() -> None:
    project = do(make_project(), kind="detach_hits", ids=["h2"])
    assert project.hit("h2").sound_id == "s3" and project.sound("s3").name == "Bowl 2"
    edited = do(project, kind="delete_modes", sound_id="s3", indices=[0])
    assert edited.sound("s1") == make_project().sound("s1")
    assert do(make_project(), kind="detach_hits", ids=["h3"]) == make_project()
    many = do(make_project(), kind="detach_hits", ids=["h1", "h2", "h2", "h3"])
    assert [many.hit(name).sound_id for name in ("h1", "h2", "h3")] == ["s3", "s1", "s2"]


def test_presets_serve_one_sound_or_all_hits() -> None:
    preset = Preset("Glass 1", "glass", Modes((3000.0,), (-10.0,), (4.0,), (0.0,), (False,)), Residual(), "glass")
    presets = {"Glass 1": preset}
    one = apply_message(make_project(), {"kind": "apply_preset", "sound_id": "s1", "name": "Glass 1"}, presets)
    sound = one.apply(make_project()).sound("s1")
    assert (sound.name, sound.origin, sound.modes) == ("Glass 1", "preset", preset.modes)
    every = apply_message(make_project(), {"kind": "apply_preset", "sound_id": None, "name": "Glass 1"}, presets)
    project = every.apply(make_project())
    assert {hit.sound_id for hit in project.hits} == {"s3"} and {s.id for s in project.sounds} == {"s1", "s3"}
    assert every.apply(project) == project
    with pytest.raises(BadInput, match="preset"):
        do(make_project(), kind="apply_preset", sound_id="s1", name="Cheese")


def test_a_preset_for_hits_that_wait_leaves_those_that_have_been_given_a_sound() -> None:
    preset = Preset("Glass 1", "glass", Modes((3000.0,), (-10.0,), (4.0,), (0.0,), (False,)), Residual(), "glass")
    waits = Sound("s3", "Wooden box", MODES, RESIDUAL, Source("preset", reason=UNSURE))
    project = make_project()
    project = replace(project, sounds=(*project.sounds, waits), hits=(*project.hits, Hit("h4", 5.0, "s3", 14)))
    edit = apply_message(project, {"kind": "apply_preset", "sound_id": None, "name": "Glass 1"}, {"Glass 1": preset})
    now = edit.apply(project)
    assert [hit.sound_id for hit in now.hits] == ["s1", "s1", "s2", "s4"]
    assert [s.id for s in now.sounds if s.id == "s2"] and not [s.id for s in now.sounds if s.id == "s3"]


def test_a_sound_in_use_is_not_deleted() -> None:
    for sound_id, told in (("s1", "Bowl is struck by 2 hits; give them"), ("s2", "Crate is struck by 1 hit; give it")):
        with pytest.raises(BadInput, match=f"{told} another sound first"):
            do(make_project(), kind="delete_sound", sound_id=sound_id)
    project = do(make_project(), kind="delete_hits", ids=["h1", "h2"])
    assert [s.id for s in do(project, kind="delete_sound", sound_id="s1").sounds] == ["s2"]


def test_a_new_seed_reseeds_every_hit_and_the_old_one_brings_none_back_by_chance() -> None:
    project = do(make_project(), kind="set_render", seed=7)
    assert [h.seed for h in project.hits] == [derive_seed(7, h.id) for h in project.hits]
    assert len({derive_seed(k, f"h{k}") for k in range(1000)}) == 1000


def test_detection_keeps_touched_hits_and_what_it_found_before() -> None:
    project = do(make_project(), kind="set_hits", ids=["h2"], values={"pan": 0.5})
    found = [(1.0004, 0.9, -2.0), (2.51, 0.8, -5.0), (6.0, 0.4, -14.0)]
    now = replace_detected_hits(found).apply(project)
    assert [h.id for h in now.hits] == ["h1", "h2", "h4"]
    assert now.hit("h1") == project.hit("h1") and now.hit("h2") == project.hit("h2")
    assert (now.hit("h4").velocity_db, now.hit("h4").strength, now.hit("h4").touched) == (-14.0, 0.4, False)
    assert replace_detected_hits(found).apply(now) == now


def test_hits_found_after_all_were_shifted_are_shifted_alike() -> None:
    found = [(0.2, 0.9, 0.0), (0.5, 0.8, -2.0), (0.9, 0.7, -3.0)]
    first = replace_detected_hits(found[:2]).apply(replace(make_project(), hits=()))
    shifted = do(first, kind="move_hits", ids=[hit.id for hit in first.hits], delta_s=-0.053)
    more = replace_detected_hits(found).apply(shifted)
    assert [hit.time_s for hit in more.hits] == pytest.approx([0.147, 0.447, 0.847])
    assert [hit.found_s for hit in more.hits] == pytest.approx([0.2, 0.5, 0.9])
    assert replace_detected_hits(found[:2]).apply(more) == shifted


def test_detection_brings_back_neither_what_was_deleted_nor_what_was_moved() -> None:
    found = [(1.0, 0.9, -2.0), (2.0, 0.8, -5.0), (3.0, 0.7, -8.0)]
    first = replace_detected_hits(found).apply(replace(make_project(), hits=()))
    moved, deleted, left = (hit.id for hit in first.hits)
    project = do(first, kind="move_hits", ids=[moved], delta_s=0.4)
    project = do(project, kind="delete_hits", ids=[deleted])
    again = replace_detected_hits([(t + 0.012, s, v) for t, s, v in found[:2]] + found[2:]).apply(project)
    assert [(hit.id, hit.time_s) for hit in again.hits] == [(moved, 1.4), (left, 3.0)]
    assert again.hit(left) == first.hit(left)
    # Analysis may bring a hit's time to its attack; what was found where it was found is still that hit.
    refined = replace(again, hits=tuple(replace(hit, time_s=hit.time_s - 0.02) for hit in again.hits))
    assert replace_detected_hits(found).apply(refined) == refined
    # An older project does not say where its hits were found: there they stand, or stood before they were moved.
    older = replace(first, hits=tuple(replace(hit, time_s=hit.time_s - 0.02, found_s=None) for hit in first.hits))
    assert replace_detected_hits(found).apply(older) == older
    older = do(older, kind="move_hits", ids=[moved], delta_s=0.4)
    assert replace_detected_hits(found).apply(older) == older


NAN, INF = float("nan"), float("inf")
NONSENSE: list[dict[str, object]] = [
    {"kind": "explode"},
    {"kind": None},
    {"kind": ["add_hit"]},
    {"kind": "add_hit"},
    {"kind": "add_hit", "time_s": "1"},
    {"kind": "add_hit", "time_s": NAN},
    {"kind": "add_hit", "time_s": 10**400},
    {"kind": "add_hit", "time_s": 1.0, "sound_id": "s9"},
    {"kind": "add_hit", "time_s": 1.0, "velocity_db": True},
    {"kind": "move_hits", "ids": [], "delta_s": 1.0},
    {"kind": "move_hits", "ids": ["h9"], "delta_s": 1.0},
    {"kind": "move_hits", "ids": "h1", "delta_s": 1.0},
    {"kind": "move_hits", "ids": [{}], "delta_s": 1.0},
    {"kind": "move_hits", "ids": ["h1"], "delta_s": INF},
    {"kind": "set_hits", "ids": ["h1"], "values": {"colour": 1}},
    {"kind": "set_hits", "ids": ["h1"], "values": [1]},
    {"kind": "set_hits", "ids": ["h1"], "values": {"mute": 1}},
    {"kind": "set_hits", "ids": ["h1"], "values": {"seed": 1.5}},
    {"kind": "set_hits", "ids": ["h1"], "values": {"seed": 2**31}},
    {"kind": "set_hits", "ids": ["h1"], "values": {"sound_id": ["s1"]}},
    {"kind": "set_hits", "ids": ["h1"], "values": {"id": "h2"}},
    {"kind": "set_modes", "sound_id": "s1", "indices": [0, 1], "frequency_hz": [100.0]},
    {"kind": "set_modes", "sound_id": "s1", "indices": [3], "frequency_hz": [100.0]},
    {"kind": "set_modes", "sound_id": "s1", "indices": [-1], "frequency_hz": [100.0]},
    {"kind": "set_modes", "sound_id": "s1", "indices": [0, 0], "frequency_hz": [1.0, 2.0]},
    {"kind": "set_modes", "sound_id": "s1", "indices": [0], "frequency_hz": [None]},
    {"kind": "set_modes", "sound_id": "s1", "indices": 5},
    {"kind": "set_modes", "sound_id": {}, "indices": [0]},
    {"kind": "add_mode", "sound_id": "s1", "frequency_hz": NAN, "power_db": 0, "decay_per_s": 1},
    {"kind": "set_residual", "sound_id": "s1", "component": "hall", "indices": [0], "power_db": [0]},
    {"kind": "rename_sound", "sound_id": "s1", "name": "   "},
    {"kind": "rename_sound", "sound_id": "s1", "name": 5},
    {"kind": "set_render", "steps": "many"},
    {"kind": "set_render", "checkpoint": "../../etc/passwd"},
    {"kind": "set_threshold", "threshold": NAN},
    {"kind": "set_source", "source": "smell"},
    {"kind": "set_mix", "gain": 1},
    {"kind": "detach_hits", "ids": [4]},
]


@pytest.mark.parametrize("message", NONSENSE, ids=repr)
def test_nonsense_is_refused_in_one_sentence(message: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        apply_message(make_project(), message)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.slow
def test_no_sequence_of_edits_breaks_the_document() -> None:
    rng = random.Random(5)
    numbers = [0.0, -1.0, 1.0, 3.7, 1e9, -1e9, 1e-12, 440.0, 2.0**70]
    project = make_project()
    for _ in range(1500):
        some_hits = [h.id for h in rng.sample(project.hits, min(len(project.hits), rng.randint(1, 3)))]
        sound = rng.choice(project.sounds).id
        n = lambda: rng.choice(numbers) * rng.random()  # noqa: E731
        message = rng.choice(
            [
                {"kind": "add_hit", "time_s": n(), "velocity_db": n()},
                {"kind": "move_hits", "ids": some_hits, "delta_s": n()},
                {"kind": "set_hits", "ids": some_hits, "values": {"pan": n(), "time_s": n(), "sound_id": sound}},
                {"kind": "set_hits", "ids": some_hits, "values": {"decay_ratio": n(), "pitch_cents": n()}},
                {"kind": "delete_hits", "ids": some_hits[:1]},
                {"kind": "detach_hits", "ids": some_hits},
                {
                    "kind": "set_modes",
                    "sound_id": sound,
                    "indices": [0, 1],
                    "frequency_hz": [n(), n()],
                    "power_db": [n(), n()],
                },
                {"kind": "add_mode", "sound_id": sound, "frequency_hz": n(), "power_db": n(), "decay_per_s": n()},
                {"kind": "delete_modes", "sound_id": sound, "indices": [rng.randint(-1, 4)]},
                {"kind": "set_residual", "sound_id": sound, "component": "room", "indices": [1], "decay_per_s": [n()]},
                {"kind": "set_macros", "sound_id": sound, "values": {"mass": n(), "roughness": n()}},
                {"kind": "set_detail", "sound_id": sound, "detail": n(), "variation": n()},
                {"kind": "delete_sound", "sound_id": sound},
                {"kind": "add_part", "sound_id": sound, "part_sound_id": rng.choice(project.sounds).id, "gain_db": n()},
                {"kind": "set_render", "guidance": n(), "seed": rng.randint(0, 9)},
            ]
        )
        try:
            project = do(project, **message)
        except BadInput:
            continue
        assert project_from_json(project_to_json(project)) == project
