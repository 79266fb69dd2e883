"""Motion of an animated still: what the network generates for every frame, and what it is told about the sound.

Lengths are in heights of a 16:9 canvas into which the still is fitted; x runs to the right, y down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RATE_HZ = 24
"""Frames a second of the motion."""
WINDOW = 48
"""Frames that the network generates at once; longer motion is chained."""
CANVAS = (36, 64)
"""Rows and columns of the still as the network sees it."""
GRID = (18, 32)
"""Rows and columns of the displacement field of the thing struck."""
ASPECT = GRID[1] / GRID[0]
TRACK = ("tip_x", "tip_y", "grip_x", "grip_y", "light", "camera_x", "camera_y")
"""Channels of the track: the striker's tip from the place struck, its grip from the tip, log2 light, camera."""
ONSET_FEATURES = 9
SOUND_FEATURES = 3
_NEAR_S, _FAR_S = 0.08, 0.4
_BUMP_S = 0.6 / RATE_HZ
_NEVER_S = 9.0


@dataclass(frozen=True)
class Blow:
    """A blow that is heard: its time, and its velocity from 0 to 1 against the loudest."""

    time_s: float
    velocity: float


@dataclass(frozen=True)
class Sound:
    """What is struck, coarsely, by its sound: the time in which it decays by 60 dB, and its spectrum's centroid."""

    decay_s: float
    centroid_hz: float


@dataclass(frozen=True, eq=False)
class Motion:
    """Motion of N frames at RATE_HZ: ``track`` [N, len(TRACK)] and ``field`` [N, 2, rows, columns] of GRID.

    The field says how far (x, y) what the still shows at a cell has moved.
    """

    track: np.ndarray
    field: np.ndarray


def draw_blows(blows: Sequence[Blow], times_s: np.ndarray) -> np.ndarray:
    """Features of the sound at frames, float32 [ONSET_FEATURES, N]: blows as bumps, and how near the next and last are.

    All are 0 far from any blow; they vary within a frame, so that a blow between two frames is told from one on either.
    """
    features = np.zeros((ONSET_FEATURES, len(times_s)), np.float32)
    if not blows:
        return features
    ordered = sorted(blows, key=lambda blow: blow.time_s)
    at_s = np.array([blow.time_s for blow in ordered])
    velocity = np.array([blow.velocity for blow in ordered])
    after = np.searchsorted(at_s, times_s, side="left")
    padded_s = np.concatenate(([-np.inf], at_s, [np.inf]))
    padded = np.concatenate(([0.0], velocity, [0.0]))
    until_s = np.minimum(padded_s[after + 1] - times_s, _NEVER_S)
    since_s = np.minimum(times_s - padded_s[after], _NEVER_S)
    coming, gone = padded[after + 1], padded[after]
    bumps = np.exp(-0.5 * ((times_s[:, None] - at_s) / _BUMP_S) ** 2)
    features[0] = bumps.max(axis=1)
    features[1], features[2] = np.exp(-until_s / _NEAR_S), np.exp(-until_s / _FAR_S)
    features[3], features[4] = np.exp(-since_s / _NEAR_S), np.exp(-since_s / _FAR_S)
    features[5], features[6] = coming * features[2], gone * features[4]
    features[7], features[8] = coming * features[1], gone * features[3]
    return features


def encode_sound(sound: Sound | None) -> np.ndarray:
    """The sound as a vector, float32 [SOUND_FEATURES]; zeros where it is not known."""
    if sound is None:
        return np.zeros(SOUND_FEATURES, np.float32)
    decay = np.clip(np.log2(max(sound.decay_s, 1e-3) / 0.3) / 3.0, -1.5, 1.5)
    centroid = np.clip(np.log2(max(sound.centroid_hz, 20.0) / 1500.0) / 2.0, -1.5, 1.5)
    return np.array([1.0, decay, centroid], np.float32)


def draw_place(place: tuple[float, float]) -> np.ndarray:
    """The place struck (x and y, 0 to 1 of the canvas), float32 [3, rows, columns] of half GRID: nearness, x and y."""
    rows, columns = GRID[0] // 2, GRID[1] // 2
    y = ((np.arange(rows) + 0.5) / rows - place[1])[:, None] + np.zeros((1, columns))
    x = ((np.arange(columns) + 0.5) / columns - place[0])[None] * ASPECT + np.zeros((rows, 1))
    return np.stack([np.exp(-(x**2 + y**2) / (2 * 0.15**2)), x, y]).astype(np.float32)
