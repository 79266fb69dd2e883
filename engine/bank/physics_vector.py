"""Physics as a vector of fixed length, and back: the data of the generator.

Lossy: the strongest mode of each quarter-octave slot, noise components on twelve bands; the level is removed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.core.units import SILENCE_DB
from engine.physics.model import LONGEST_RISE_S, NOISE_COMPONENTS, Modes, NoiseComponent, Physics, Residual
from engine.physics.noise_bands import rebin, with_bands

LOWEST_HZ, SLOTS_AN_OCTAVE, SLOTS = 55.0, 4, 33
"""Slots of modes, from 55 Hz to 16.7 kHz."""

EDGES_HZ = (20.0, 80.0, 160.0, 320.0, 560.0, 900.0, 1400.0, 2200.0, 3400.0, 5200.0, 8000.0, 12000.0, 20000.0)
BANDS = len(EDGES_HZ) - 1
FLOOR_DB, ABSENT_DB = -70.0, -62.0
"""Relative to the strongest mode or band; decoded values under ABSENT_DB are left out."""

LOG_DECAY_RANGE = (math.log(0.3), math.log(3000.0))
DEFAULT_LOG_DECAY = math.log(30.0)
VECTOR_SIZE = 3 * SLOTS + 2 * BANDS * len(NOISE_COMPONENTS) + 1
POWER_UNIT_DB, DECAY_UNIT, RISE_UNIT = 20.0, 1.5, 3.0
"""Scales of the vector's entries, which give them similar variance."""


def encode_physics(physics: Physics) -> np.ndarray:
    """float32 [VECTOR_SIZE]: position in its slot, power and log decay of each slot's mode; power and log decay of each
    band of each noise component; log rise time."""
    modes, residual = physics.modes, with_bands(physics.residual)
    components = [residual.component(name) for name in NOISE_COMPONENTS]
    laid = [None if component is None else rebin(component, residual.edges_hz, EDGES_HZ) for component in components]
    loudest = max(
        [p for k, p in enumerate(modes.power_db) if not modes.mute_mask[k]]
        + [p for component in laid if component is not None for p in component.power_db],
        default=0.0,
    )
    parts = [_encode_modes(modes, loudest)]
    for component in laid:
        power, decay = np.full(BANDS, FLOOR_DB), np.full(BANDS, DEFAULT_LOG_DECAY)
        if component is not None:
            power = np.maximum(np.asarray(component.power_db) - loudest, FLOOR_DB)
            decay = np.log(np.maximum(component.decay_per_s, 1e-9))
        parts += [_scale_power(power), _scale_decay(decay)]
    parts.append(np.array([math.log(max(residual.rise_s, 1e-4) / 1e-3) / RISE_UNIT]))
    return np.concatenate(parts).astype(np.float32)


def decode_physics(vector: np.ndarray) -> Physics:
    """The physics of a vector, its strongest mode or band at 0 dB; values out of range are clipped."""
    finite = np.nan_to_num(np.asarray(vector, dtype=np.float64), nan=0.0, posinf=10.0, neginf=-10.0)
    offset, power, decay = finite[: 3 * SLOTS].reshape(3, SLOTS)
    level_db = _unscale_power(power)
    kept = np.flatnonzero(level_db > ABSENT_DB)
    octaves = (kept + 0.5 + np.clip(offset[kept], -0.5, 0.5)) / SLOTS_AN_OCTAVE
    frequency = LOWEST_HZ * 2.0**octaves
    modes = Modes(
        tuple(frequency.tolist()),
        tuple(level_db[kept].tolist()),
        tuple(_unscale_decay(decay[kept]).tolist()),
        (0.0,) * kept.size,
        (False,) * kept.size,
    )
    residual = Residual(EDGES_HZ, (SILENCE_DB,) * BANDS, (math.exp(DEFAULT_LOG_DECAY),) * BANDS)
    for number, name in enumerate(NOISE_COMPONENTS):
        start = 3 * SLOTS + 2 * BANDS * number
        component = _decode_component(finite[start : start + BANDS], finite[start + BANDS : start + 2 * BANDS])
        if component is not None or name == "strike":
            residual = residual.with_component(name, component)
    rise_s = 1e-3 * math.exp(min(5.0, max(-3.0, RISE_UNIT * float(finite[-1]))))
    rise_s = 0.0 if rise_s < 2e-4 else min(LONGEST_RISE_S, rise_s)
    return Physics(modes, Residual(**{**vars(residual), "rise_s": rise_s}))


def _encode_modes(modes: Modes, loudest: float) -> np.ndarray:
    offset, power, decay = np.zeros(SLOTS), np.full(SLOTS, FLOOR_DB), np.full(SLOTS, DEFAULT_LOG_DECAY)
    for k in _order(modes):
        octaves = math.log2(modes.frequency_hz[k] / LOWEST_HZ) * SLOTS_AN_OCTAVE
        slot = math.floor(octaves)
        level_db = modes.power_db[k] - loudest
        if 0 <= slot < SLOTS and level_db > power[slot]:
            offset[slot], power[slot] = octaves - slot - 0.5, level_db
            decay[slot] = math.log(max(modes.decay_per_s[k], 1e-9))
    return np.concatenate((offset, _scale_power(power), _scale_decay(decay)))


def _order(modes: Modes) -> Sequence[int]:
    return [k for k, hz in enumerate(modes.frequency_hz) if hz > 0.0 and not modes.mute_mask[k]]


def _decode_component(power: np.ndarray, decay: np.ndarray) -> NoiseComponent | None:
    level_db = _unscale_power(power)
    if level_db.max() <= ABSENT_DB:
        return None
    level_db = np.where(level_db > ABSENT_DB, level_db, SILENCE_DB)
    return NoiseComponent(tuple(level_db.tolist()), tuple(_unscale_decay(decay).tolist()))


def _scale_power(power_db: np.ndarray) -> np.ndarray:
    return np.asarray((np.maximum(power_db, FLOOR_DB) + 40.0) / POWER_UNIT_DB)


def _unscale_power(power: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(POWER_UNIT_DB * power - 40.0, FLOOR_DB, 6.0))


def _scale_decay(log_decay: np.ndarray) -> np.ndarray:
    return np.asarray((np.clip(log_decay, *LOG_DECAY_RANGE) - DEFAULT_LOG_DECAY) / DECAY_UNIT)


def _unscale_decay(decay: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(DECAY_UNIT * decay + DEFAULT_LOG_DECAY, *LOG_DECAY_RANGE))
