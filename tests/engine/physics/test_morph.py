"""Morphs: exact at the ends, each mode between its partners, energy kept, and named after what they are of."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.core.units import SILENCE_DB
from engine.document.edits.messages import apply_message
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import Source, describe_source
from engine.physics.model import Macros, Modes, NoiseComponent, Physics, Residual
from engine.physics.morph import match_modes, morph
from engine.physics.presets import Preset
from engine.physics.synthesis import synthesize
from engine.pipeline.physics_ops import PHYSICS_OPS
from tests.engine.physics.test_macros import measure
from tests.ui_tab import Tab, check_sentence

RATE = 48_000


def make_modes(rows: list[tuple[float, float, float, float]]) -> Modes:
    frequency, power, decay, phase = (tuple(row[k] for row in rows) for k in range(4))
    return Modes(frequency, power, decay, phase, (False,) * len(rows))


STEEL = make_modes(
    [(400.0, -10.0, 4.0, 3.0), (1000.0, -16.0, 6.0, 0.0), (2300.0, -22.0, 9.0, 1.0), (9000.0, -30.0, 30.0, 0.0)]
)
OAK = make_modes([(330.0, -8.0, 20.0, -3.0), (860.0, -18.0, 40.0, 0.5), (2600.0, -26.0, 60.0, 1.2)])
NOISE_A = Residual(
    (0.0, 500.0, 4000.0, 22_050.0),
    (-40.0, -50.0, -60.0),
    (50.0, 60.0, 90.0),
    attack=NoiseComponent((-30.0,) * 3, (600.0,) * 3),
    rise_s=0.001,
)
NOISE_B = Residual(
    (0.0, 1000.0, 4000.0, 10_000.0, 24_000.0),
    (-30.0, -36.0, SILENCE_DB, -70.0),
    (80.0, 100.0, 90.0, 120.0),
    NoiseComponent((-70.0,) * 4, (6.0,) * 4),
)
A, B = (STEEL, NOISE_A), (OAK, NOISE_B)


def power_of(residual: Residual) -> float:
    return sum(10 ** (p / 10) for _, stage in residual.components for p in stage.power_db)


def test_the_ends_are_the_sounds_themselves() -> None:
    assert morph(A, B, 0.0) is A and morph(A, B, 1.0) is B
    for amount, (modes, residual) in ((1e-7, A), (1 - 1e-7, B)):
        near_modes, near = morph(A, B, amount)
        sounds = [synthesize(Physics(m, Residual(), RATE), 0.2) for m in (near_modes, modes)]
        np.testing.assert_allclose(*sounds, atol=1e-5)
        assert power_of(near) == pytest.approx(power_of(residual), rel=1e-4)


def test_partners_are_alike_in_pitch_and_level() -> None:
    assert match_modes(STEEL, OAK) == [(0, 0), (1, 1), (2, 2)]
    assert match_modes(OAK, STEEL) == [(0, 0), (1, 1), (2, 2)]
    assert match_modes(STEEL, replace(OAK, muted=(False, True, False))) == [(0, 0), (2, 2)]
    assert match_modes(STEEL, Modes()) == [] == match_modes(Modes(), Modes())
    far = make_modes([(60.0, -10.0, 4.0, 0.0)])
    assert match_modes(far, OAK) == []
    shifted = replace(STEEL, frequency_hz=tuple(f * 1.4 for f in STEEL.frequency_hz))
    assert match_modes(STEEL, shifted) == [(k, k) for k in range(4)]


def test_half_way_is_measured_half_way() -> None:
    modes, _ = morph(A, B, 0.5)
    assert len(modes) == 4
    pitch_hz = np.sqrt(np.array(STEEL.frequency_hz[:3]) * OAK.frequency_hz)
    fall_per_s = np.sqrt(np.array(STEEL.decay_per_s[:3]) * OAK.decay_per_s)
    found = measure(Physics(modes, Residual(), RATE), pitch_hz)
    np.testing.assert_allclose(found[0], pitch_hz, rtol=1e-3)
    np.testing.assert_allclose(found[1], fall_per_s, rtol=0.05)
    np.testing.assert_allclose(found[2], (np.array(STEEL.power_db[:3]) + OAK.power_db) / 2, atol=0.5)
    assert modes.power_db[3] == pytest.approx(-30.0 + 20 * math.log10(0.5)) and modes.frequency_hz[3] == 9000.0
    assert abs(abs(modes.phase_rad[0]) - math.pi) < 1e-9  # from 3 to -3 the short way round


def test_moving_a_little_changes_a_little() -> None:
    for amount in (0.001, 0.25, 0.6, 0.998):
        (modes, noise), (near, near_noise) = morph(A, B, amount), morph(A, B, amount + 0.001)
        assert np.abs(np.log(np.array(near.frequency_hz) / modes.frequency_hz)).max() < 1e-3
        assert np.abs(10 ** (np.array(near.power_db) / 20) - 10 ** (np.array(modes.power_db) / 20)).max() < 1e-3
        assert power_of(near_noise) == pytest.approx(power_of(noise), rel=0.02)


def test_noise_of_one_alone_fades_and_the_bands_cover_both() -> None:
    _, noise = morph(A, B, 0.5)
    assert noise.edges_hz == (0.0, 1000.0, 4000.0, 10_000.0, 24_000.0) and noise.rise_s == pytest.approx(0.0005)
    assert noise.room and noise.attack and noise.tail is None
    assert noise.room.power_db == pytest.approx((-70.0 + 20 * math.log10(0.5),) * 4)
    burst = power_of(replace(NOISE_A, power_db=(SILENCE_DB,) * 3))
    assert sum(10 ** (p / 10) for p in noise.attack.power_db) == pytest.approx(burst / 4)
    assert morph((STEEL, Residual()), (OAK, Residual()), 0.5)[1].components == ()
    assert morph((STEEL, Residual()), B, 0.5)[1].power_db[0] == pytest.approx(-30.0 - 6.02, abs=0.01)


@pytest.mark.slow
def test_muted_modes_are_left_out_and_many_modes_are_bounded() -> None:
    muted = replace(STEEL, muted=(True, False, False, False))
    assert 400.0 not in morph((muted, NOISE_A), B, 0.5)[0].frequency_hz
    rng = np.random.default_rng(2)
    low, high = np.array([(20.0, -60.0, 1.0, -3.0), (2e4, 0.0, 90.0, 3.0)])
    many = [make_modes([tuple(row) for row in rng.uniform(low, high, (4096, 4)).tolist()]) for _ in range(2)]
    assert len(morph((many[0], Residual()), (many[1], Residual()), 0.5)[0]) == 4096


# --- edits ----------------------------------------------------------------------------------------


def make_project() -> Project:
    sounds = (
        Sound("s1", "Steel bin", STEEL, NOISE_A, Source("clip"), 0.9, Macros(mass=0.5)),
        Sound("s2", "Oak block", OAK, NOISE_B, Source("preset"), macros=Macros(room=-1.0)),
    )
    return Project(Clip("/c.mp4", "d", 4.0, Fraction(25), 320, 240), sounds, (Hit("h1", 1.0, "s1", 1),))


def do(project: Project, **message: object) -> Project:
    preset = Preset("Glass 1", "glass", OAK, Residual(), "glass")
    return apply_message(project, message, {"Glass 1": preset}, PHYSICS_OPS).apply(project)


def test_a_morph_in_place_keeps_name_and_hits_and_tells_of_what_it_is() -> None:
    sound = do(make_project(), kind="morph_sound", sound_id="s1", other="s2", amount=0.4).sound("s1")
    assert (sound.modes, sound.residual) == morph(A, B, 0.4)
    assert (sound.name, sound.origin, sound.fit) == ("Steel bin", "edited", None)
    assert describe_source(sound.source) == "morph of Steel bin and Oak block, 40 %"
    assert sound.macros == Macros(mass=pytest.approx(0.3), room=pytest.approx(-0.4))
    project = do(make_project(), kind="morph_sound", sound_id="s1", other="s2", amount=0.4)
    assert project_from_json(project_to_json(project)) == project
    whole = do(make_project(), kind="morph_sound", sound_id="s1", other="s2", amount=7).sound("s1")
    assert (whole.modes, whole.residual, whole.macros) == (OAK, NOISE_B, Macros(room=-1.0))
    assert do(make_project(), kind="morph_sound", sound_id="s1", other="s2", amount=0.0) == make_project()


def test_of_a_sound_with_little_detail_what_is_heard_is_morphed() -> None:
    """At the ends the result is what the one and the other were completed to, and whole itself."""
    project = make_project()
    one, two = project.sounds
    coarse = replace(two, detail=0.2, variation=0.4)
    project = replace(project, sounds=(one, coarse))

    def complete(sound: Sound) -> tuple[Modes, Residual]:
        return (sound.modes, sound.residual) if sound.detail >= 1.0 else (STEEL, NOISE_B)

    ops = replace(PHYSICS_OPS, complete=complete)

    def change(sound_id: str, other: str, amount: float) -> Sound:
        fields = {"kind": "morph_sound", "sound_id": sound_id, "other": other, "amount": amount}
        return apply_message(project, fields, {}, ops).apply(project).sound(sound_id)

    there = change("s1", "s2", 1.0)
    assert (there.modes, there.residual, there.detail, there.variation) == (STEEL, NOISE_B, 1.0, 0.4)
    between = change("s2", "s1", 0.5)
    assert (between.modes, between.residual) == morph((STEEL, NOISE_B), A, 0.5)
    assert (between.detail, between.variation) == (1.0, 0.2)


def test_a_morph_as_a_new_sound_leaves_the_old_ones() -> None:
    project = do(make_project(), kind="morph_sound", sound_id="s1", preset="Glass 1", amount=0.25, as_new=True)
    assert project.sounds[:2] == make_project().sounds and project.hits == make_project().hits
    made = project.sound("s3")
    assert made.name == "Steel bin × Glass 1" and describe_source(made.source) == "morph of Steel bin and Glass 1, 25 %"
    assert made.modes == morph(A, (OAK, Residual()), 0.25)[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 0.5},
        {"amount": 0.5, "other": "s9"},
        {"amount": 0.5, "other": "s2", "preset": "Glass 1"},
        {"amount": 0.5, "preset": "Cheese"},
        {"amount": 0.5, "preset": 4},
        {"amount": "half", "other": "s2"},
        {"amount": 0.5, "other": "s2", "as_new": 1},
        {"other": "s2"},
    ],
    ids=repr,
)
def test_nonsense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        do(make_project(), kind="morph_sound", sound_id="s1", **fields)
    assert "\n" not in str(caught.value)


def test_a_preview_tells_the_morph_and_changes_nothing(tab: Tab) -> None:
    project = tab.session.require_project()
    sound, other = project.sounds[:2]
    tab.ask("morph_preview", sound_id=sound.id, other=other.id, amount=0.3)
    told = tab.last("morph_preview")
    modes, _ = morph((sound.modes, sound.residual), (other.modes, other.residual), 0.3)
    assert (told["sound_id"], told["amount"]) == (sound.id, 0.3)
    assert told["sound"]["modes"]["frequency_hz"] == pytest.approx(modes.frequency_hz, abs=1e-4)
    assert tab.session.require_project() is project and not tab.errors
    tab.ask("morph_preview", sound_id=sound.id, other="s99", amount=0.3)
    check_sentence(tab.errors[-1])
    tab.edit("morph_sound", sound_id=sound.id, preset="Wine glass", amount=0.5)
    source = Source("morph", parents=(sound.name, "Wine glass"), amount=0.5)
    assert tab.session.require_project().sound(sound.id).source == source
    tab.edit("set_macros", sound_id=sound.id, values={"mass": 0.5})
    tab.edit("bake_macros", sound_id=sound.id)
    assert tab.last("document")["undo"] == f"Bake macros into {sound.name}" and len(tab.errors) == 1
