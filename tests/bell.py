"""A bell of six modes with noise of every kind, made for tests."""

from __future__ import annotations

from engine.core.dsp import erb_edges
from engine.physics.model import Modes, NoiseComponent, Residual

BELL = Modes(
    (311.3, 840.2, 1710.7, 2795.0, 5120.4, 8318.9),
    (-14.0, -12.0, -16.0, -20.0, -24.0, -28.0),
    (2.5, 4.0, 9.0, 15.0, 22.0, 40.0),
    (0.3, -1.2, 2.0, 0.0, -2.9, 1.0),
    (False,) * 6,
)
BANDS = 24
NOISE = Residual(
    tuple(map(float, erb_edges(20.0, 24_000.0, BANDS))),
    tuple(-40.0 - 0.4 * k for k in range(BANDS)),
    tuple(40.0 + 3.0 * k for k in range(BANDS)),
    NoiseComponent((-62.0,) * BANDS, tuple(6.0 + 0.2 * k for k in range(BANDS))),
    NoiseComponent((-55.0,) * BANDS, (12.0,) * BANDS),
    NoiseComponent((-35.0,) * BANDS, (800.0,) * BANDS),
    0.0008,
)
