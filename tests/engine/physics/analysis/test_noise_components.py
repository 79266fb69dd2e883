"""Decays of noise bands are assigned to attack, strike, tail and room."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.core.units import SILENCE_DB
from engine.physics.analysis.noise_components import name_components, room_decay
from engine.physics.model import Residual
from tests.sounds import NOISE

LENGTH = 67_200
EDGES_HZ = np.asarray(NOISE.edges_hz)
BANDS = len(NOISE.power_db)
DRY = replace(NOISE, room=None)


def sort_bands(*rows: tuple[list[float], list[float]]) -> Residual:
    """``name_components`` of bands that have the decays of these rows in turn: powers and decays, the fastest first."""
    power, decay = np.zeros((BANDS, 3)), np.ones((BANDS, 3))
    for band in range(BANDS):
        powers, decays = rows[band % len(rows)]
        power[band, : len(powers)], decay[band, : len(decays)] = powers, decays
    return name_components(EDGES_HZ, power, decay)


def test_decays_are_named_by_their_order_and_speed() -> None:
    """What is faster than 150 per second and followed is the contact's; of the rest the slower is the tail."""
    for powers, decays, names in [
        ([1.0], [30.0], ["strike"]),
        ([1.0], [900.0], ["strike"]),
        ([1.0, 0.6], [400.0, 60.0], ["attack", "strike"]),
        ([1.0, 0.6], [90.0, 60.0], ["strike", "tail"]),
        ([1.0, 0.7, 0.6], [400.0, 60.0, 50.0], ["attack", "strike", "tail"]),
    ]:
        found = sort_bands((powers, decays))
        assert [name for name, _ in found.components] == names
        for (_, component), power, decay in zip(found.components, powers, decays, strict=True):
            assert np.allclose(component.power_db, 10.0 * math.log10(power))
            assert np.allclose(component.decay_per_s, decay)


def test_a_slow_decay_that_bands_share_is_the_room() -> None:
    """In bands with the room alone, after a strike, and after a strike and its tail."""
    found = sort_bands(
        ([1.0, 1e-3], [60.0, 9.0]), ([1.0, 1e-3], [300.0, 9.5]), ([1.0, 0.5, 1e-3], [300.0, 40.0, 8.6]), ([1e-3], [9.2])
    )
    assert found.room is not None and found.attack is not None and found.tail is None
    assert min(found.room.power_db) == max(found.room.power_db) == pytest.approx(-30.0)
    assert min(found.room.decay_per_s) > 8.5 and max(found.room.decay_per_s) < 9.6
    assert found.decay_per_s[0] == 60.0 and found.decay_per_s[1] == 300.0 and found.decay_per_s[2] == 40.0
    assert found.attack.decay_per_s[2] == 300.0 and found.power_db[3] == SILENCE_DB
    decay = room_decay(found, np.array([100.0, 3000.0, 20_000.0]))
    assert ((decay > 8.5) & (decay < 9.6)).all()


def test_slow_decays_that_differ_or_begin_at_the_top_are_the_objects() -> None:
    unlike = sort_bands(*(([1.0, 1e-3], [60.0, slow]) for slow in (3.0, 12.0, 5.0, 20.0)))
    alone = sort_bands(([1.0], [9.0]))
    for found in (unlike, alone):
        assert found.room is None
        assert np.isnan(room_decay(found, np.array([1000.0]))).all()
    assert unlike.tail is not None and unlike.tail.decay_per_s[:4] == (3.0, 12.0, 5.0, 20.0)
    assert [name for name, _ in sort_bands(([], [])).components] == ["strike"]
