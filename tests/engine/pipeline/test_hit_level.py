"""A hit measured from a recording is made as loud as it was recorded, by energy, and where it was limited, by peak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.hit_level import choose_velocity, measure_hit_level, tabulate_velocity

NOISE = Physics(Modes(), Residual((100.0, 1000.0, 4000.0, 12_000.0), (-24.0, -20.0, -22.0), (30.0, 40.0, 60.0)))
REFERENCE = measure_hit_level(synthesize(NOISE, 0.3))


def strike(velocity_db: float, decay_ratio: float, seed: int) -> np.ndarray:
    """A hit as rendering makes it."""
    modes, residual = apply_hit_offsets(
        *apply_macros(NOISE.modes, NOISE.residual, velocity_db=velocity_db), decay_ratio=decay_ratio
    )
    return synthesize(replace(NOISE, modes=modes, residual=residual), 0.3, seed)


@pytest.mark.parametrize("decay_ratio", [0.5, 1.0, 2.0])
def test_a_hit_that_decays_otherwise_keeps_its_own_level(decay_ratio: float) -> None:
    recorded = measure_hit_level(strike(-9.0, decay_ratio, seed=5))
    velocity_db = choose_velocity(tabulate_velocity(NOISE), recorded, REFERENCE, decay_ratio, 0.0, seed=1)
    assert velocity_db == pytest.approx(-9.0, abs=0.6)
    made = measure_hit_level(strike(velocity_db, decay_ratio, seed=1))
    assert made.level_db == pytest.approx(recorded.level_db, abs=0.8)


def test_a_limited_hit_is_made_to_peak_where_it_was_limited() -> None:
    """Clipped at a fifth of its peak a hit has more energy for its peak than what decays freely."""
    free = strike(6.0, 1.0, seed=5)
    limited = measure_hit_level(np.clip(free, *(0.2 * float(np.abs(free).max()) * np.array([-1.0, 1.0]))))
    table = tabulate_velocity(NOISE)
    by_energy = choose_velocity(table, limited, REFERENCE, 1.0, limited.peak_db + 20.0, seed=1)
    by_peak = choose_velocity(table, limited, REFERENCE, 1.0, limited.peak_db, seed=1)
    levels = [measure_hit_level(strike(velocity_db, 1.0, seed=1)) for velocity_db in (by_energy, by_peak)]
    assert levels[0].level_db == pytest.approx(limited.level_db, abs=0.8) and levels[0].peak_db > limited.peak_db + 4.0
    assert levels[1].peak_db == pytest.approx(limited.peak_db + 2.0, abs=0.5)
