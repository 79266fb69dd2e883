"""Completing a coarse physics: what is given stays, what is missing comes from similar objects, by the seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.bank.complete import NEIGHBOURS, Donor, complete_physics, describe_donor, is_dry
from engine.core.units import SILENCE_DB, power_to_db
from engine.physics.detail import Detail, gather_bands, list_noise, list_ringing, reduce_detail
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize

EDGES = tuple(float(f) for f in np.geomspace(40.0, 22_000.0, 33))
COARSE = Detail(modes=2, bands=8, envelope=False, attack=False)
TYPICAL = Detail(modes=0, bands=4, envelope=False, attack=False)


def make_object(seed: int) -> tuple[Modes, Residual]:
    """A struck object with twelve modes, and noise whose fine structure is its own."""
    rng = np.random.default_rng(seed)
    frequency = np.sort(rng.uniform(200.0, 9000.0, 12))
    power, decay = rng.uniform(-40.0, -12.0, 12), rng.uniform(4.0, 40.0, 12)
    modes = Modes(*(tuple(map(float, row)) for row in (frequency, power, decay, rng.uniform(-3, 3, 12))), (False,) * 12)
    noise = tuple(map(float, rng.uniform(-60.0, -35.0, 32)))
    attack = NoiseComponent(tuple(map(float, rng.uniform(-50.0, -25.0, 32))), (300.0,) * 32)
    return modes, Residual(EDGES, noise, (40.0,) * 32, attack=attack, rise_s=0.001, envelope_db=(0.5,))


@pytest.fixture(scope="module")
def donors() -> list[Donor]:
    return [describe_donor(*make_object(seed), "metal" if seed % 2 else "wood") for seed in range(40)]


@pytest.mark.parametrize(("room_db", "dry"), [(-33.0, True), (-28.0, False), (10.0, False)])
def test_a_room_is_weighed_by_the_energy_that_is_heard(room_db: float, dry: bool) -> None:
    object_only = replace(make_object(5)[1], attack=None, rise_s=0.0, envelope_db=())
    own = np.square(synthesize(Physics(Modes(), object_only), 1.0, seed=1)).sum()
    room = NoiseComponent(object_only.power_db, (10.0,) * 32)
    alone = replace(object_only, power_db=(SILENCE_DB,) * 32, room=room)
    gain_db = float(power_to_db(own / np.square(synthesize(Physics(Modes(), alone), 1.0, seed=1)).sum())) + room_db
    loud = NoiseComponent(tuple(p + gain_db for p in room.power_db), room.decay_per_s)
    assert is_dry(Modes(), replace(object_only, room=loud)) == dry


def test_what_is_given_stays(donors: list[Donor]) -> None:
    modes, residual = reduce_detail(*make_object(99), COARSE)
    whole, noise = complete_physics(modes, residual, COARSE, "metal", donors, 1)
    given = set(zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad, strict=True))
    rows = list(zip(whole.frequency_hz, whole.power_db, whole.decay_per_s, whole.phase_rad, strict=True))
    assert given <= set(rows) and len(rows) > len(given)
    assert list(whole.frequency_hz) == sorted(whole.frequency_hz)
    further = [row for row in rows if row not in given]
    rest = list_ringing(Modes(*map(tuple, zip(*further, strict=True)), (False,) * len(further)))  # type: ignore[arg-type]
    rest += [band for name, _ in noise.components for band in list_noise(noise, name)]
    own = [band for name, _ in residual.components for band in list_noise(residual, name)]
    found, wanted = (gather_bands(bands, residual.edges_hz) for bands in (rest, own))
    loud = np.asarray(wanted.power_db) > max(wanted.power_db) - 30.0
    assert np.abs(np.subtract(found.power_db, wanted.power_db))[loud].mean() < 2.5
    assert noise.attack is not None and noise.envelope_db == (0.5,)


def test_the_seed_draws_what_is_missing(donors: list[Donor]) -> None:
    modes, residual = reduce_detail(*make_object(99), COARSE)
    made = [complete_physics(modes, residual, COARSE, "", donors, seed) for seed in (1, 1, 2, 3, 4)]
    assert made[0] == made[1] and len({tuple(whole.frequency_hz) for whole, _ in made}) > 2


@pytest.mark.parametrize("detail", [COARSE, TYPICAL])
def test_seeds_go_round_all_the_nearest_objects(donors: list[Donor], detail: Detail) -> None:
    """So that *Another* takes another one at every press, until all have been taken."""
    reduced = reduce_detail(*make_object(99), detail)
    made = [complete_physics(*reduced, detail, "", donors, seed) for seed in range(NEIGHBOURS + 1)]
    assert len({(whole, noise) for whole, noise in made}) == NEIGHBOURS and made[0] == made[-1]


def test_an_imagined_object_is_as_loud_as_the_one_that_it_stands_for(donors: list[Donor]) -> None:
    """Over its first 0.4 s, not at its first moment alone, which a burst of a millisecond may be."""
    for number in range(90, 96):
        modes, residual = reduce_detail(*make_object(number), TYPICAL)
        wanted = measure_rms_db(modes, residual)
        for seed in range(3):
            made = complete_physics(modes, residual, TYPICAL, "", donors, seed)
            assert measure_rms_db(*made) == pytest.approx(wanted, abs=1.0)


def measure_rms_db(modes: Modes, residual: Residual) -> float:
    even = replace(residual, rise_s=0.0, envelope_db=())
    sound = synthesize(Physics(modes, even), 0.4, seed=1)
    return float(10.0 * np.log10(np.square(sound).mean()))


def test_a_full_physics_and_one_without_donors_are_left_alone(donors: list[Donor]) -> None:
    modes, residual = make_object(99)
    assert complete_physics(modes, residual, Detail(), "metal", donors, 1) == (modes, residual)
    reduced = reduce_detail(modes, residual, COARSE)
    assert complete_physics(*reduced, COARSE, "metal", (), 1) == reduced


def test_an_object_with_fewer_modes_than_asked_for_gets_no_others(donors: list[Donor]) -> None:
    tone = Modes((440.0,), (-10.0,), (6.0,), (0.0,), (False,))
    detail = Detail(modes=8, bands=8, envelope=False, attack=False)
    whole, _ = complete_physics(*reduce_detail(tone, make_object(99)[1], detail), detail, "", donors, 5)
    assert whole.frequency_hz == (440.0,)


def test_of_a_material_alone_its_own_objects_are_lent(donors: list[Donor]) -> None:
    """At the size asked for: all frequencies of the donor lie in one ratio to its own."""
    typical = Detail(modes=0, bands=4, envelope=False, attack=False, size_octaves=0.5)
    noise = Residual((20.0, 500.0, 1500.0, 5000.0, 24_000.0), (-30.0,) * 4, (30.0,) * 4)
    for seed in range(6):
        whole, _ = complete_physics(Modes(), noise, typical, "wood", donors, seed)
        ratios = [
            np.ptp(np.log(np.divide(whole.frequency_hz, donor.modes.frequency_hz[: len(whole)])))
            for donor in donors
            if donor.material == "wood" and len(donor.modes) >= len(whole)
        ]
        assert min(ratios) < 1e-9
