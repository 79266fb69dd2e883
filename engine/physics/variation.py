"""Random variation between takes of one object: position, hardness and roughness, by seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.physics.model import MACRO_RANGE, Macros

SPREADS = {"position": 0.8, "hardness": 0.5, "roughness": 0.6}
"""Largest change either way at full variation, about that between strikes of one object by hand."""


def randomize_macros(macros: Macros, variation: float, seed: int) -> Macros:
    """Macros with uniform random offsets within SPREADS times ``variation`` (0 to 1), clipped to MACRO_RANGE.

    The same seed gives the same offsets; at 0 ``macros`` itself is returned. None of SPREADS changes frequencies or
    decays of modes.
    """
    if variation <= 0.0:
        return macros
    low, high = MACRO_RANGE
    offsets = np.random.default_rng([seed, len(SPREADS)]).uniform(-1.0, 1.0, len(SPREADS))
    moved = {
        name: min(high, max(low, getattr(macros, name) + variation * spread * float(offset)))
        for (name, spread), offset in zip(SPREADS.items(), offsets, strict=True)
    }
    return replace(macros, **moved)
