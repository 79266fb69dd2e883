"""Meshes of solids of revolution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def make_lathe(profile_m: Sequence[tuple[float, float]], sides: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn a profile round the z axis: vertices [V, 3] in metres, texture coordinates [V, 2], triangles [F, 3]."""
    profile = np.asarray(profile_m, dtype=float)
    turn = np.linspace(0.0, 2.0 * math.pi, sides + 1) + (math.pi / 4 if sides == 4 else 0.0)
    radius = profile[:, 0] * (math.sqrt(2.0) if sides == 4 else 1.0)
    x, y = radius[:, None] * np.cos(turn), radius[:, None] * np.sin(turn)
    z = np.broadcast_to(profile[:, 1:], x.shape)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    if sides == 4:  # planks: grain along x, whichever face
        coordinates = np.stack([vertices[:, 0] * 4.0, vertices[:, 1] * 4.0 + vertices[:, 2] * 4.0], axis=1)
    else:
        length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(profile, axis=0).T))])
        u = np.broadcast_to(np.linspace(0.0, 1.0, sides + 1), x.shape)
        v = np.broadcast_to((length / length[-1])[:, None], x.shape)
        coordinates = np.stack([u, v], axis=-1).reshape(-1, 2)
    row, column = np.meshgrid(np.arange(len(profile) - 1), np.arange(sides), indexing="ij")
    a = (row * (sides + 1) + column).ravel()
    b, c, d = a + 1, a + sides + 1, a + sides + 2
    return vertices, coordinates, np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
