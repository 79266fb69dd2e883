"""Loudness of modes and residual in closed form, which macros may keep."""

from __future__ import annotations

import math

from engine.core.units import db_to_power, power_to_db
from engine.physics.model import Modes, Residual

MOMENTARY_S = 0.4


def measure_loudness_db(modes: Modes, residual: Residual) -> float:
    """Level of a sound's first 0.4 s, the momentary loudness of EBU R 128 without its weighting, in dB.

    From levels and decays; rise and fine envelope are not included. Muted modes do not count.
    """
    rows = zip(modes.power_db, modes.decay_per_s, modes.mute_mask, strict=True)
    levels = [(0.5 * db_to_power(power_db), decay) for power_db, decay, muted in rows if not muted]
    for _, component in residual.components:
        levels += [(db_to_power(p), d) for p, d in zip(component.power_db, component.decay_per_s, strict=True)]
    falls = ((power, 2.0 * max(decay, 1e-6) * MOMENTARY_S) for power, decay in levels)
    return power_to_db(sum(power * -math.expm1(-fall) / fall for power, fall in falls) + 1e-30)
