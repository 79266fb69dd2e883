"""Optical flow of a picture shifted by whole pixels."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from engine.onsets.flow import estimate_flow


def test_flow_finds_a_shift() -> None:
    picture = gaussian_filter(np.random.default_rng(2).standard_normal((45, 80)), 1.0).astype(np.float32) * 300
    flow = estimate_flow(picture, np.roll(picture, (-3, 4), axis=(0, 1)))
    inner = (slice(8, -8), slice(8, -8))
    assert np.mean((flow.dx[inner] == 4) & (flow.dy[inner] == -3)) > 0.99
    assert flow.best_cost[inner].mean() < flow.zero_cost[inner].mean() / 5
