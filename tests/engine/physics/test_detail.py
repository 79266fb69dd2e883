"""Levels of detail: what is kept stays as it was, what is dropped leaves its level and energy to the bands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.physics.detail import (
    Detail,
    choose_detail,
    find_detail,
    gather_bands,
    measure_level_db,
    measure_size,
    reduce_detail,
    split_modes,
    thin_edges,
)
from engine.physics.model import Modes, NoiseComponent, Residual

EDGES = tuple(float(f) for f in np.geomspace(50.0, 20_000.0, 17))
RESIDUAL = Residual(
    EDGES,
    tuple(float(-30.0 - k) for k in range(16)),
    tuple(float(20.0 + 5.0 * k) for k in range(16)),
    attack=NoiseComponent((-25.0,) * 16, (300.0,) * 16),
    rise_s=0.002,
    envelope_db=(1.0, -1.0),
)
MODES = Modes((300.0, 900.0, 2700.0), (-10.0, -20.0, -12.0), (5.0, 4.0, 60.0), (0.1, 0.2, 0.3), (False, False, False))


def total(modes: Modes, residual: Residual) -> tuple[float, float]:
    """Mean square at the onset and energy, by the closed forms of decaying tones and noise."""
    level = sum(0.5 * 10 ** (p / 10) for p in modes.power_db)
    energy = sum(0.25 * 10 ** (p / 10) / d for p, d in zip(modes.power_db, modes.decay_per_s, strict=True))
    for _, component in residual.components:
        powers = [10 ** (p / 10) for p in component.power_db]
        level += sum(powers)
        energy += sum(p / (2 * d) for p, d in zip(powers, component.decay_per_s, strict=True))
    return level, energy


def test_full_detail_changes_nothing() -> None:
    assert reduce_detail(MODES, RESIDUAL, Detail()) == (MODES, RESIDUAL)
    assert Detail().is_full and Detail(size_octaves=1.0, variation=1.0).is_full and not Detail(bands=8).is_full


@pytest.mark.parametrize("modes", [0, 1, 2])
@pytest.mark.parametrize("bands", [1, 4, 16, None])
def test_level_and_energy_stay(modes: int, bands: int | None) -> None:
    before = total(MODES, RESIDUAL)
    after = total(*reduce_detail(MODES, RESIDUAL, Detail(modes, bands)))
    assert after == pytest.approx(before, rel=1e-6)


def test_the_modes_of_most_energy_are_kept() -> None:
    kept, dropped = split_modes(MODES, 2)  # energies a^2 / 4 d: 5e-3, 6e-4, 3e-4
    assert kept.frequency_hz == (300.0, 900.0) and dropped.frequency_hz == (2700.0,)
    muted = replace(MODES, muted=(True, False, False))
    assert split_modes(muted, 1)[0].frequency_hz == (900.0,)


def test_envelope_and_attack_can_be_left_out() -> None:
    modes, residual = reduce_detail(MODES, RESIDUAL, Detail(envelope=False, attack=False))
    assert modes == MODES and residual.attack is None and residual.rise_s == 0.0 and residual.envelope_db == ()
    assert residual.power_db == RESIDUAL.power_db


def test_a_mode_left_out_sounds_in_its_own_band() -> None:
    quiet = Residual(EDGES, (-120.0,) * 16, (50.0,) * 16)
    _, residual = reduce_detail(MODES, quiet, Detail(modes=0, bands=4))
    edges = residual.edges_hz
    assert len(edges) == 5 and edges[0] == EDGES[0] and edges[-1] == EDGES[-1]
    place = next(k for k in range(4) if edges[k] <= 300.0 < edges[k + 1])
    assert residual.tail is not None
    alone = [f for f in MODES.frequency_hz if edges[place] <= f < edges[place + 1]] == [300.0]
    assert not alone or residual.tail.power_db[place] == pytest.approx(-10.0 - 3.0103, abs=0.01)


def test_equal_bands_add_three_decibels() -> None:
    joined = gather_bands([(100.0, 200.0, 1e-3, 10.0), (200.0, 300.0, 1e-3, 40.0)], [100.0, 300.0])
    assert joined.power_db[0] == pytest.approx(-30.0 + 10 * math.log10(2.0))
    assert joined.decay_per_s[0] == pytest.approx(2.0 / (1 / 10 + 1 / 40))
    assert thin_edges(EDGES, 16) == EDGES


@pytest.mark.parametrize("ratio", [0.5, 1.7, 2.0])
def test_size_falls_by_an_octave_when_all_is_twice_as_high(ratio: float) -> None:
    higher = replace(
        MODES,
        frequency_hz=tuple(f * ratio for f in MODES.frequency_hz),
        decay_per_s=tuple(d * ratio for d in MODES.decay_per_s),
    )
    difference = measure_size(higher, Residual()) - measure_size(MODES, Residual())
    assert difference == pytest.approx(-math.log2(ratio))
    tone = Modes((250.0,), (-6.0,), (3.0,), (0.0,), (False,))
    assert measure_size(tone, Residual()) == pytest.approx(2.0)
    assert measure_level_db(tone, Residual()) == pytest.approx(-6.0 - 3.0103, abs=1e-3)


def test_the_slider_gives_less_the_lower_it_stands() -> None:
    assert choose_detail(1.0).is_full
    positions = [choose_detail(a / 20) for a in range(20)]
    modes = [detail.modes or 0 for detail in positions]
    assert modes == sorted(modes) and modes[0] == 0 and modes[10] == 7 and modes[-1] > 40
    bands = [detail.bands or 0 for detail in positions]
    assert bands == sorted(bands) and bands[0] == 4 and not positions[0].attack and not positions[0].envelope


def test_the_detail_of_a_physics_keeps_all_of_it() -> None:
    """A recorded physics is whole; a coarse one stands where the slider still keeps its modes, bands and attack."""
    assert find_detail(MODES, RESIDUAL) == 1.0
    assert find_detail(MODES, Residual()) == 1.0  # nothing says what noise it has
    coarse = replace(RESIDUAL, envelope_db=())
    amount = find_detail(MODES, coarse)
    assert 0.6 < amount < 0.8 and reduce_detail(MODES, coarse, choose_detail(amount)) == (MODES, coarse)
    dull = Residual(EDGES[:9], RESIDUAL.power_db[:8], RESIDUAL.decay_per_s[:8])
    assert find_detail(Modes(), dull) < amount
    assert reduce_detail(Modes(), dull, choose_detail(find_detail(Modes(), dull))) == (Modes(), dull)
    fine = replace(dull, edges_hz=tuple(np.geomspace(20.0, 2e4, 49)), power_db=(-30.0,) * 48, decay_per_s=(9.0,) * 48)
    assert find_detail(MODES, fine) == 1.0  # below, its bands would be merged
