"""Integers of a sound file from float samples: 24 bits rounded, 16 bits with dither."""

from __future__ import annotations

import numpy as np

_DITHER_SEED = 16


class Quantizer:
    """Converts consecutive blocks of float samples [n, C], full scale 1, to integers held at full scale.

    At 16 bits, triangular dither of two steps peak to peak is added (Lipshitz, Wannamaker and Vanderkooy 1992), from a
    fixed seed, so that one sound always gives one file. ``clipped`` counts the samples over full scale.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.clipped = 0
        self._rng = np.random.default_rng(_DITHER_SEED) if bits == 16 else None

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """int32 values of ``bits`` bits."""
        full = 2 ** (self.bits - 1)
        scaled = block.astype(np.float64) * full
        # A sample of exactly +1.0 is one step over the maximum, which is inaudible and not counted.
        plain = np.rint(scaled)
        self.clipped += int(np.count_nonzero((plain > full) | (plain < -full)))
        if self._rng is not None:
            scaled += self._rng.random(block.shape) - self._rng.random(block.shape)
        return np.clip(np.rint(scaled), -full, full - 1).astype(np.int32)
