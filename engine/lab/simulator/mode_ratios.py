"""Modal frequency ratios of ideal plates, rings and bars, each with its lowest mode at 1."""

from __future__ import annotations

import math


def plate_ratios(count: int) -> tuple[float, ...]:
    """A clamped circular plate (Leissa, Vibration of Plates, 1969: squared frequency parameters), lowest at 1."""
    squared = (10.22, 21.26, 34.88, 39.77, 51.04, 60.83, 69.67, 84.58, 89.10, 90.74, 111.0, 114.2, 120.1, 140.1, 153.8,
               158.2, 164.0, 190.3, 199.1, 206.7, 217.1, 245.6, 256.0, 271.4)  # fmt: skip
    return tuple(value / squared[0] for value in squared[:count])


def ring_ratios(count: int) -> tuple[float, ...]:
    """A thin ring in its plane: n (n^2 - 1) / sqrt(n^2 + 1) (Rayleigh, Theory of Sound, section 233), lowest at 1."""
    order = [n * (n * n - 1) / math.sqrt(n * n + 1) for n in range(2, count + 2)]
    return tuple(value / order[0] for value in order)


def bar_ratios(count: int) -> tuple[float, ...]:
    """A free bar: (n + 1/2)^2 for n = 1, 2, ... (Rayleigh, section 172), with torsion between, lowest at 1."""
    bend = [((n + 0.5) / 1.5) ** 2 for n in range(1, count + 1)]
    return tuple(sorted(bend + [1.83 * n for n in range(1, count + 1)]))
