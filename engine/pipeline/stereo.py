"""Stereo of a hit: a side signal that leaves the mono sum as it is and the modes in the centre.

Left is mid + side, right mid - side, so their mean is the mono render whatever the side is. The side is a second draw
of the residual's noise, with the bands, decays and envelopes of the first and independent of it. At width w the noise
in both channels has the correlation (1 - a^2) / (1 + a^2) and is 10 log10(1 + a^2) dB louder in each, where a is w for
the room and half of it for attack, strike and tail, which come from one place. Modes have no side.
"""

from __future__ import annotations

import numpy as np

from engine.core.lru import LRU
from engine.core.units import SAMPLE_RATE_HZ, gain_to_db
from engine.physics.model import NOISE_COMPONENTS, NoiseComponent, Residual
from engine.physics.noise import rise_gain, synthesize_residual

OBJECT_SHARE = 0.5
"""Side of the object's own noise relative to the room's."""

SIDE_SEED = 1 << 31
"""Added to a hit's seed, which is smaller, so that both draws of noise are independent."""

MOST_BYTES = 64 << 20

_sides = LRU[tuple[Residual, int, int], np.ndarray](MOST_BYTES, lambda side: side.nbytes)


def make_side(residual: Residual, length_samples: int, seed: int) -> np.ndarray:
    """The side signal of a hit at width 1, float32 [length_samples], from the onset on; kept for next time."""
    key = (residual, length_samples, seed)
    side = _sides.get(key)
    if side is None:
        noise = synthesize_residual(_share(residual), length_samples, SAMPLE_RATE_HZ, seed + SIDE_SEED)
        side = noise * rise_gain(np.arange(length_samples) / SAMPLE_RATE_HZ, residual.rise_s).astype(np.float32)
        side.flags.writeable = False
        _sides.put(key, side)
    return side


def _share(residual: Residual) -> Residual:
    """The residual with all but the room at OBJECT_SHARE of its amplitude."""
    raise_db = float(gain_to_db(OBJECT_SHARE))
    for name in NOISE_COMPONENTS:
        component = residual.component(name)
        if name != "room" and component is not None:
            power_db = tuple(power + raise_db for power in component.power_db)
            residual = residual.with_component(name, NoiseComponent(power_db, component.decay_per_s))
    return residual
