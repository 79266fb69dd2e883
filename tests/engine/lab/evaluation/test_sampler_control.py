"""Control figures: whether a sampler does what the physics says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from engine.lab.evaluation.sampler import control, sounds
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from tests.sounds import NOISE, PLATE

RATE = 48_000
SETTINGS = sounds.Settings("nowhere", "none", steps=(1, 8))
MAKE_MODES = Modes((400.0, 900.0, 2000.0), (-10.0, -20.0, -45.0), (10.0, 20.0, 30.0), (0.0,) * 3, (False,) * 3)


def test_modes_that_moved_too_far_or_fade_too_fast_are_not_met() -> None:
    def met(**changes: tuple[float, ...]) -> list[list[bool]]:
        found: list[list[bool]] = control.compare_modes(MAKE_MODES, replace(MAKE_MODES, **changes)).tolist()
        return found

    assert met() == [[True] * 3] * 2  # the third is 35 dB under the strongest
    sharp = tuple(f * 2 ** (10 / 1200) for f in MAKE_MODES.frequency_hz)
    assert not np.any(met(frequency_hz=sharp))
    near = tuple(f * 2 ** (4 / 1200) for f in MAKE_MODES.frequency_hz)
    assert np.all(met(frequency_hz=near))
    assert met(decay_per_s=(10.5, 23.0, 30.0)) == [[True, True, True], [True, False, False]]
    assert control.compare_modes(MAKE_MODES, Modes()).tolist() == [[False] * 3] * 2
    assert len(control.compare_modes(replace(MAKE_MODES, muted=(True, False, False)), MAKE_MODES)) == 2


def test_a_mode_measures_its_level_and_a_removed_one_is_gone() -> None:
    physics = Physics(PLATE, Residual())
    before = synthesize(physics, 1.0)
    hz, rate = PLATE.frequency_hz[2], PLATE.decay_per_s[2]
    assert control.measure_mode_db(before, hz, rate) == pytest.approx(PLATE.power_db[2], abs=0.2)
    quiet = replace(physics, modes=replace(PLATE, muted=tuple(k == 2 for k in range(len(PLATE)))))
    removed = synthesize(quiet, 1.0)
    gone = control.measure_muting(removed, before, [removed], hz, rate)
    assert gone["gone"] and gone["fall_db"] >= 20.0  # neighbours' skirts are left
    alone = Modes((hz,), (-12.0,), (rate,), (0.0,), (False,))
    single = synthesize(Physics(alone, Residual()), 1.0)
    fall = control.measure_muting(np.zeros(RATE), single, [np.zeros(RATE)], hz, rate)
    assert fall["gone"] and fall["fall_db"] >= 40.0
    half = control.measure_muting(0.5 * single, single, [np.zeros(RATE)], hz, rate)
    assert not half["gone"] and half["fall_db"] == pytest.approx(6.02, abs=0.1)
    noise = [synthesize(Physics(Modes(), NOISE), 1.0, seed) for seed in range(9)]
    down = control.measure_muting(noise[0], single + noise[0], noise[1:], hz, rate)
    assert down["gone"]


def test_measures_of_a_sound_move_as_they_are_named() -> None:
    physics = Physics(PLATE, NOISE)
    base = control.measure_sound(synthesize(physics, 1.0))
    loud = control.measure_sound(2.0 * synthesize(physics, 1.0))
    assert loud["level_db"] - base["level_db"] == pytest.approx(6.02, abs=0.01)
    assert loud["ring_db"] == pytest.approx(base["ring_db"]) and loud["peak_cents"] == base["peak_cents"]
    high = replace(PLATE, frequency_hz=tuple(2.0 * f for f in PLATE.frequency_hz))
    octave = control.measure_sound(synthesize(Physics(high, Residual()), 1.0))
    plain = control.measure_sound(synthesize(Physics(PLATE, Residual()), 1.0))
    assert octave["peak_cents"] - plain["peak_cents"] == pytest.approx(1200.0, abs=10.0)
    assert octave["brightness_cents"] - plain["brightness_cents"] == pytest.approx(1200.0, abs=60.0)


def test_the_rooms_time_is_when_only_the_room_is_left() -> None:
    wet, dry = (synthesize(Physics(Modes(), r), 1.0) for r in (NOISE, replace(NOISE, room=None)))
    from_s = control.room_time_s(wet, dry)
    assert from_s is not None and 0.05 < from_s < 0.5
    assert control.late_db(wet, from_s) - control.late_db(dry, from_s) > 10.0
    assert control.room_time_s(dry, dry) is None


Sample = Callable[..., list[np.ndarray]]


def obey(settings: sounds.Settings, physics: Sequence[Physics], seeds: Sequence[int], steps: int) -> list[np.ndarray]:
    """A sampler that gives the physics as it is."""
    return [synthesize(p, 0.8, seed) for p, seed in zip(physics, seeds, strict=True)]


def stay(settings: sounds.Settings, physics: Sequence[Physics], seeds: Sequence[int], steps: int) -> list[np.ndarray]:
    """A sampler that plays the same object, 10 cents sharp, whatever it is asked."""
    sharp = replace(PLATE, frequency_hz=tuple(f * 2 ** (10 / 1200) for f in PLATE.frequency_hz))
    return [synthesize(Physics(sharp, NOISE), 0.8, seed) for seed in seeds]


@pytest.mark.slow
def test_control_tells_a_sampler_that_obeys_from_one_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Physics(PLATE, NOISE)
    found = {}
    for name, made in (("obey", obey), ("stay", stay)):
        monkeypatch.setattr(control, "sample", made)
        row = control.measure_control(asked, 5, SETTINGS)
        found[name] = control.summarize_control([row], SETTINGS), control.summarize_steps([row])
    good, bad = found["obey"][0], found["stay"][0]
    by_name = {r["system"]: r for r in good["modes"]}
    assert by_name["sampler_1"]["both_percent"] == by_name["sampler_8"]["both_percent"] == 100.0
    assert by_name["sampler_1"]["modes"] >= 6 and by_name["prior_again"]["frequency_percent"] >= 80.0
    assert {r["system"]: r["frequency_percent"] for r in bad["modes"]}["sampler_8"] < 20.0
    assert good["muting"]["gone_percent"] == 100.0 and bad["muting"]["gone_percent"] == 0.0
    turns = [turn for turn in good["changes"] if turn["objects"]]
    assert {turn["change"] for turn in turns} >= {"velocity +6 dB", "mass +0.5", "damping +0.5", "roughness +0.7"}
    assert all(turn["right_percent"] == 100.0 for turn in turns)
    assert all(turn["right_percent"] == 0.0 for turn in bad["changes"] if turn["objects"])
    steps = {r["system"]: r for r in found["obey"][1]}
    assert steps["sampler_1"]["spectrum_db"] == 0.0 and steps["sampler_1"]["correlation"] == pytest.approx(1.0)
    assert steps["other_seed"]["spectrum_db"] > 0.5 and steps["sampler_1"]["nearer_than_seed_percent"] == 100.0


def test_a_dry_room_is_heard_to_be_dry(monkeypatch: pytest.MonkeyPatch) -> None:
    thud = Physics(Modes(), NOISE)
    base = synthesize(thud, 0.8, 5)
    monkeypatch.setattr(control, "sample", obey)
    dried = control.measure_drying(thud, 5, base, SETTINGS)
    assert dried and dried["dry"] and dried["wanted_db"] >= 10.0
    monkeypatch.setattr(control, "sample", lambda *_: [base])
    still = control.measure_drying(thud, 5, base, SETTINGS)
    assert still and not still["dry"] and still["got_db"] == 0.0
    assert control.measure_drying(Physics(PLATE, Residual()), 5, base, SETTINGS) is None


def test_made_up_objects_can_be_told_apart() -> None:
    objects = control.make_objects(6)
    assert objects == control.make_objects(6)
    assert {one.residual.room is None for one in objects} == {True, False}
    for one in objects:
        hz = np.array(one.modes.frequency_hz)
        assert len(hz) >= 2 and (hz[1:] / hz[:-1]).min() > 1.2
