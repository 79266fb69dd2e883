"""A hit measured from a recording is made as loud as it was recorded, however fast it decays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.hit_level import choose_velocity, measure_level, tabulate_velocity

NOISE = Physics(Modes(), Residual((100.0, 1000.0, 4000.0, 12_000.0), (-24.0, -20.0, -22.0), (30.0, 40.0, 60.0)))
REFERENCE_DB = measure_level(synthesize(NOISE, 0.3))


def strike(velocity_db: float, decay_ratio: float, seed: int) -> np.ndarray:
    """A hit as rendering makes it."""
    modes, residual = apply_hit_offsets(
        *apply_macros(NOISE.modes, NOISE.residual, velocity_db=velocity_db), decay_ratio=decay_ratio
    )
    return synthesize(replace(NOISE, modes=modes, residual=residual), 0.3, seed)


@pytest.mark.parametrize("decay_ratio", [0.5, 1.0, 2.0])
def test_a_hit_that_decays_otherwise_keeps_its_own_level(decay_ratio: float) -> None:
    recorded_db = measure_level(strike(-9.0, decay_ratio, seed=5))
    velocity_db = choose_velocity(tabulate_velocity(NOISE), recorded_db - REFERENCE_DB, decay_ratio)
    assert velocity_db == pytest.approx(-9.0, abs=0.6)
    assert measure_level(strike(velocity_db, decay_ratio, seed=1)) == pytest.approx(recorded_db, abs=0.8)
