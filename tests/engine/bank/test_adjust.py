"""Physics moved towards attributes: in the right direction, at equal energy, and not where nothing is asked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.bank.adjust import adjust_physics
from engine.bank.attributes import Attributes, measure_energy_db, measure_pitch
from engine.bank.bank import Bank
from engine.physics.model import NoiseComponent, Physics
from tests.banks import make_named_bank, make_sound


@pytest.fixture(scope="module")
def bank() -> Bank:
    return make_named_bank()


def test_a_larger_thing_sounds_lower_and_as_loud(bank: Bank) -> None:
    entry = bank.entries[4]
    larger = adjust_physics(entry.physics, Attributes(size_m=1.2), entry)
    assert max(larger.modes.frequency_hz) < max(entry.physics.modes.frequency_hz)
    before, after = (measure_energy_db(p.modes, p.residual) for p in (entry.physics, larger))
    assert abs(before - after) < 0.01
    assert adjust_physics(entry.physics, Attributes(size_m=entry.size_m), entry) == entry.physics
    assert adjust_physics(entry.physics, Attributes(), entry) == entry.physics


def test_a_soft_striker_takes_the_highs_and_damping_the_ring() -> None:
    physics = make_sound(decay=3.0)
    soft = adjust_physics(physics, Attributes(hardness=-1.0)).modes.power_db
    own = physics.modes.power_db
    assert soft[2] - soft[0] < own[2] - own[0]
    damped = adjust_physics(physics, Attributes(damping=1.0)).modes.decay_per_s
    assert all(a > b for a, b in zip(damped, physics.modes.decay_per_s, strict=True))
    shorter = adjust_physics(physics, Attributes(ring=-1.0)).modes.decay_per_s
    assert shorter[0] > physics.modes.decay_per_s[0]


def test_what_a_sound_already_is_changes_nothing() -> None:
    high = make_sound(4500.0)
    assert measure_pitch(high) > 0.7
    assert adjust_physics(high, Attributes(pitch=0.7)) == high


def test_a_room_replaces_the_sounds_own_and_a_dry_one_takes_it_away() -> None:
    physics = make_sound()
    wet = Physics(physics.modes, physics.residual.with_component("room", NoiseComponent((-50.0,) * 3, (7.0,) * 3)))
    assert adjust_physics(wet, Attributes(room=-1.0)).residual.room is None
    small, large = (adjust_physics(wet, Attributes(room=r)).residual.room for r in (-0.5, 1.0))
    assert small is not None and large is not None
    assert np.mean(large.decay_per_s) < np.mean(small.decay_per_s)


def test_the_room_s_t60_by_its_size(bank: Bank) -> None:
    """0.5 s at 0 in the middle bands, eight times as long or short at the ends."""
    physics = bank.entries[0].physics
    rooms = [adjust_physics(physics, Attributes(room=r)).residual.room for r in (-0.9, 0.0, 1.0)]
    short, middle, long = ([math.log(1000.0) / d for d in room.decay_per_s] for room in rooms if room is not None)
    assert np.divide(long, middle).tolist() == pytest.approx([8.0] * 3)
    assert np.divide(short, middle).tolist() == pytest.approx([8.0**-0.9] * 3)
    assert 0.25 < np.median(middle) < 1.0
