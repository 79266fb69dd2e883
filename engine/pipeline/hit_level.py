"""The level of a recorded hit, and the velocity at which its sound is as loud."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, db_to_power, power_to_db, seconds_to_samples
from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import Modes, Physics, Residual
from engine.physics.noise import envelope_gain, expected_level, rise_gain
from engine.physics.synthesis import synthesize_modes

LEVEL_WINDOW_S = 0.05
VELOCITIES_DB = tuple(range(-60, 13, 6))
"""Grid on which a hit's velocity is interpolated from its level; it contains 0."""

_STEP_S = 0.0001  # of the noise's expected level; the fastest decay falls by half of it


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
    levels_db = [_start_db(physics, float(v)) for v in VELOCITIES_DB]
    rising = np.maximum.accumulate(levels_db) - levels_db[VELOCITIES_DB.index(0)]
    return VelocityTable(physics, tuple(map(float, rising)))


def choose_velocity(table: VelocityTable, raise_db: float, decay_ratio: float = 1.0) -> float:
    """Velocity in dB at which a sound is ``raise_db`` louder than at 0 dB, for a hit that decays ``decay_ratio`` times
    as fast, and so would be softer at equal velocity."""
    if decay_ratio != 1.0:
        raise_db -= _start_db(table.physics, decay_ratio=decay_ratio) - _start_db(table.physics)
    return float(np.interp(raise_db, table.levels_db, VELOCITIES_DB))


def match_level(physics: Physics, hit: np.ndarray) -> Physics:
    """Scale the residual so that the first 50 ms have the level of the recording [N].

    Modes, whose levels are more accurate, stay unless they alone are louder; then both are scaled.
    """
    length = min(len(hit), seconds_to_samples(LEVEL_WINDOW_S, SAMPLE_RATE_HZ))
    power_of = {"recording": db_to_power(level_db(hit[:length]))}
    power_of["modes"], power_of["noise"] = _mean_powers(physics, length)
    rest = power_of["recording"] - power_of["modes"]
    residual_db = velocity_db = 0.0
    if rest <= 0.0:
        whole = power_of["modes"] + power_of["noise"]
        velocity_db = float(power_to_db(power_of["recording"] / whole))
    elif power_of["noise"] > 1e-18:
        residual_db = min(6.0, max(-24.0, float(power_to_db(rest / power_of["noise"]))))
    parts = apply_hit_offsets(physics.modes, physics.residual, residual_db=residual_db, velocity_db=velocity_db)
    return replace(physics, modes=parts[0], residual=parts[1])


def strike_db(modes: Modes, residual: Residual) -> float:
    """Expected level of the first 50 ms of a strike at a velocity of 0 dB, in dB re full scale."""
    return _start_db(Physics(modes, residual))


def level_db(samples: np.ndarray) -> np.float64:
    """Mean square [N] in dB re full scale."""
    power = np.mean(np.square(samples, dtype=np.float64)) if len(samples) else np.float64(0.0)
    return np.float64(power_to_db(power + 1e-20))


def _start_db(physics: Physics, velocity_db: float = 0.0, decay_ratio: float = 1.0) -> float:
    """Expected level of the first 50 ms of a sound struck at a velocity, in dB re full scale."""
    struck = apply_macros(physics.modes, physics.residual, velocity_db=velocity_db)
    modes, residual = apply_hit_offsets(*struck, decay_ratio=decay_ratio)
    length = seconds_to_samples(LEVEL_WINDOW_S, SAMPLE_RATE_HZ)
    return float(power_to_db(sum(_mean_powers(replace(physics, modes=modes, residual=residual), length)) + 1e-20))


def _mean_powers(physics: Physics, length: int) -> tuple[float, float]:
    """Mean squares of the modes, and of the noise as expected, over a sound's first samples."""
    rate, residual = physics.sample_rate_hz, physics.residual
    rise = rise_gain(np.arange(length) / rate, residual.rise_s)
    tonal = synthesize_modes([physics.modes], length, rate)[0].numpy() * rise
    time_s = np.arange(0.5 * _STEP_S, length / rate, _STEP_S)
    whole = expected_level(residual, time_s)
    dry = expected_level(residual.with_component("room", None), time_s)
    noise = whole + dry * (np.square(envelope_gain(time_s, residual.envelope_db)) - 1.0)
    noise *= np.square(rise_gain(time_s, residual.rise_s))
    return float(np.square(tonal).mean()), float(noise.mean())
