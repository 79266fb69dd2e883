"""The physics of the DDPM baseline drawn as spectrograms, which its network can take beside the noisy one.

The paper's network has the physics as a vector alone. Trained on a thousand recordings it hardly heeds that (its error
is nearly the same with another recording's physics); drawn on the spectrogram's grid, modes and bands stand where they
sound.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from engine.lab.baselines.ddpm.physics import BANDS, BINS, HOP, LENGTH, RANGE_DB, RATE_HZ, DdpmPhysics, bin_centres_hz

FRAMES = 1 + LENGTH // HOP
DRAWINGS = 2
"""Channels of a drawing: modes, noise."""
_FALL_DB = 60.0


def draw_physics(physics: DdpmPhysics) -> torch.Tensor:
    """Levels of modes and of noise over bins and frames, -80 to 0 dB scaled to -1 to 1, [B, 2, 1025, 44].

    Modes are in dB under the loudest, bands of noise in dB under the weight 1; both fall by 60 dB in their T60.
    """
    bands = find_bands()
    modes = _draw(physics.power_db, physics.t60_s)
    noise_db = 20.0 * np.log10(np.maximum(physics.weight, 1e-6))
    noise = _draw(noise_db[:, bands], physics.noise_t60_s[:, bands])
    return torch.from_numpy(np.stack((modes, noise), axis=1).astype(np.float32))


def find_bands() -> np.ndarray:
    """The band of noise in which each bin lies, of 100 of equal width on the mel scale, [1025]."""
    top = 2595.0 * math.log10(1.0 + RATE_HZ / 2.0 / 700.0)
    mel = 2595.0 * np.log10(1.0 + bin_centres_hz() / 700.0)
    bands: np.ndarray = np.minimum((mel / top * BANDS).astype(int), BANDS - 1)
    return bands


def _draw(level_db: np.ndarray, t60_s: np.ndarray) -> np.ndarray:
    """Scaled levels [B, 1025, 44] of what begins at ``level_db`` and falls by 60 dB in ``t60_s``, [B, 1025] each."""
    time_s = np.arange(FRAMES) * HOP / RATE_HZ
    level = level_db[:, :, None] - _FALL_DB * time_s / t60_s[:, :, None]
    scaled: np.ndarray = 2.0 * np.clip(level, -RANGE_DB, 0.0) / RANGE_DB + 1.0
    assert scaled.shape[1:] == (BINS, FRAMES)
    return scaled
