"""The level of a recorded hit, and the velocity at which its sound is as loud."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, db_to_power, power_to_db, seconds_to_samples
from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize

LEVEL_WINDOW_S = 0.05
VELOCITIES_DB = tuple(range(-60, 13, 6))
"""Grid on which a hit's velocity is interpolated from its level; it contains 0."""

_DRAWS = 4
"""Realisations of a sound's noise over which its level is averaged."""


def measure_level(hit: np.ndarray) -> float:
    """Level of the first 50 ms of a recording [N] at 48 kHz from its onset on, in dB re full scale."""
    return float(level_db(hit[: seconds_to_samples(LEVEL_WINDOW_S, SAMPLE_RATE_HZ)]))


@dataclass(frozen=True)
class VelocityTable:
    """Level of a sound's first 50 ms at each of VELOCITIES_DB, in dB re that at 0 dB; non-decreasing."""

    physics: Physics
    levels_db: tuple[float, ...]


def tabulate_velocity(physics: Physics) -> VelocityTable:
    """The level rises faster than the velocity, since a harder strike has a shorter contact and excites high modes."""
    levels_db = [level_db(_start(physics, float(v))) for v in VELOCITIES_DB]
    rising = np.maximum.accumulate(levels_db) - levels_db[VELOCITIES_DB.index(0)]
    return VelocityTable(physics, tuple(map(float, rising)))


def choose_velocity(table: VelocityTable, raise_db: float, decay_ratio: float = 1.0) -> float:
    """Velocity in dB at which a sound is ``raise_db`` louder than at 0 dB, for a hit that decays ``decay_ratio`` times
    as fast, and so would be softer at equal velocity."""
    if decay_ratio != 1.0:
        raise_db -= float(level_db(_start(table.physics, decay_ratio=decay_ratio)) - level_db(_start(table.physics)))
    return float(np.interp(raise_db, table.levels_db, VELOCITIES_DB))


def match_level(physics: Physics, hit: np.ndarray) -> Physics:
    """Scale the residual so that the first 50 ms have the level of the recording [N].

    Modes, whose levels are more accurate, stay unless they alone are louder; then both are scaled.
    """
    window_s = min(LEVEL_WINDOW_S, len(hit) / SAMPLE_RATE_HZ)
    noise, modes = replace(physics, modes=Modes()), replace(physics, residual=Residual())
    power_of = {
        "recording": db_to_power(level_db(hit[: seconds_to_samples(window_s, SAMPLE_RATE_HZ)])),
        "modes": db_to_power(level_db(synthesize(modes, window_s))),
        "noise": sum(db_to_power(level_db(synthesize(noise, window_s, seed))) for seed in range(_DRAWS)) / _DRAWS,
    }
    rest = power_of["recording"] - power_of["modes"]
    residual_db = velocity_db = 0.0
    if rest <= 0.0:
        whole = power_of["modes"] + power_of["noise"]
        velocity_db = float(power_to_db(power_of["recording"] / whole))
    elif power_of["noise"] > 1e-18:
        residual_db = min(6.0, max(-24.0, float(power_to_db(rest / power_of["noise"]))))
    parts = apply_hit_offsets(physics.modes, physics.residual, residual_db=residual_db, velocity_db=velocity_db)
    return replace(physics, modes=parts[0], residual=parts[1])


def level_db(samples: np.ndarray) -> np.float64:
    """Mean square [N] in dB re full scale."""
    power = np.mean(np.square(samples, dtype=np.float64)) if len(samples) else np.float64(0.0)
    return np.float64(power_to_db(power + 1e-20))


def _start(physics: Physics, velocity_db: float = 0.0, decay_ratio: float = 1.0) -> np.ndarray:
    """The first 50 ms of a sound struck at a velocity."""
    struck = apply_macros(physics.modes, physics.residual, velocity_db=velocity_db)
    modes, residual = apply_hit_offsets(*struck, decay_ratio=decay_ratio)
    return synthesize(replace(physics, modes=modes, residual=residual), LEVEL_WINDOW_S)
