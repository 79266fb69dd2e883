"""Random variation between takes of one object: position, hardness and roughness, by seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.physics.model import MACRO_RANGE, Macros

SPREADS = {"position": 0.8, "hardness": 0.5, "roughness": 0.6}
"""How far a take strays at full variation, either way; objects struck again by hand lie about as far apart."""


def randomize_macros(macros: Macros, variation: float, seed: int) -> Macros:
    """A sound's macros as one take has them: each of SPREADS moved by chance, in proportion to ``variation`` (0 to 1).

    At 0 the very object comes back. The same seed gives the same take; modes keep their frequencies and decays.
    """
    if variation <= 0.0:
        return macros
    low, high = MACRO_RANGE
    chances = np.random.default_rng([seed, len(SPREADS)]).uniform(-1.0, 1.0, len(SPREADS))
    moved = {
        name: min(high, max(low, getattr(macros, name) + variation * spread * float(chance)))
        for (name, spread), chance in zip(SPREADS.items(), chances, strict=True)
    }
    return replace(macros, **moved)
