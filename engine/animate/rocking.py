"""What is known of a thing struck before its motion is generated: it rests until a blow, then rocks and dies away."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from engine.animate.motion import RATE_HZ, Blow, Sound

_RATES_HZ = np.arange(2.0, 9.01, 0.5)
"""How slowly things may rock: those of simulated takes do so at 2.5 to 9 Hz."""
_UNKNOWN_S = 0.25


class Rocking:
    """Displacements over N frames that are damped oscillations, one more from each blow on, all of one rate.

    ``fit`` finds those nearest to given displacements, and the rate; how far, which way and where is left to these. At
    one rate, this holds 0.9 of the variance of simulated takes (median).
    """

    def __init__(self, blows: Sequence[Blow], sound: Sound | None, frames: int) -> None:
        since_s = np.arange(frames)[:, None] / RATE_HZ - np.array([blow.time_s for blow in blows])
        since_s, after = np.maximum(since_s, 0.0), since_s >= 0.0
        fall = np.exp(-since_s / find_decay(sound)) * after
        bases = [np.linalg.qr(fall * np.sin(2 * math.pi * rate_hz * since_s)) for rate_hz in _RATES_HZ]
        # a blow whose oscillation the others' make up too, or after the last frame, adds nothing
        kept = [base[:, np.abs(np.diag(rest)) > 1e-3] * after.any(axis=1)[:, None] for base, rest in bases]
        self._bases = [torch.from_numpy(np.ascontiguousarray(base, np.float32)) for base in kept]

    def fit(self, field: torch.Tensor) -> torch.Tensor:
        """The nearest such displacements to [1, N, 2, rows, columns]."""
        cells = field[0].flatten(1)
        shares = [base.T @ cells for base in self._bases]
        best = int(np.argmax([float(share.square().sum()) for share in shares]))
        return (self._bases[best] @ shares[best]).view_as(field[0])[None]


def find_decay(sound: Sound | None) -> float:
    """Time in which a thing's rocking falls to 1 / e: things that sound longer rock longer, as in simulated takes."""
    if sound is None:
        return _UNKNOWN_S
    return 1.4 * float(np.clip(0.13 * (max(sound.decay_s, 1e-3) / 0.1) ** 0.45, 0.06, 0.8))
