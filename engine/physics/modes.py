"""Vibration modes: their sound, and their estimation from a recording."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from engine.parameters import Modes

_BLOCK = 256
_INAUDIBLE = 1e-7  # -140 dB re full scale


def synthesize_modes(
    batch: Sequence[Modes], length_samples: int, sample_rate_hz: int, device: str | torch.device = "cpu"
) -> torch.Tensor:
    """Sound of each set of modes from its onset on, sample 0 = t 0.

    Returns float32 [B, length_samples]; phases are computed in double precision. Modes that are muted
    or at or above half the sample rate do not sound; a mode ends once it is 140 dB under full scale.
    """
    place = torch.device(device)
    out = torch.zeros((len(batch), max(0, length_samples)), dtype=torch.float32, device=place)
    for row, modes in zip(out, batch, strict=True):
        sound = _sum_of_modes(modes, length_samples, sample_rate_hz, place)
        row[: sound.shape[0]] = sound
    return out


def _sum_of_modes(modes: Modes, length_samples: int, sample_rate_hz: int, place: torch.device) -> torch.Tensor:
    """One hit, in blocks: x[n0 + k] = Re(z(n0) w^k) is a matrix product of block starts and one block's phasors."""
    kept = [
        i for i, f in enumerate(modes.frequency_hz) if f < sample_rate_hz / 2 and not (i < len(modes.muted) and modes.muted[i])
    ]
    if not kept or length_samples <= 0:
        return torch.zeros(0, device=place)
    frequency, power, decay, phase = (
        np.asarray(values, dtype=np.float64)[kept]
        for values in (modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad)
    )
    amplitude = 10.0 ** (power / 20.0)
    life_s = np.log(np.maximum(amplitude / _INAUDIBLE, 1.0)) / np.maximum(decay, 1e-9)
    blocks = min(-(-length_samples // _BLOCK), math.ceil(min(life_s.max(), 1e9) * sample_rate_hz / _BLOCK) + 1)
    pole = (-decay + 2j * np.pi * frequency) / sample_rate_hz
    start = np.arange(blocks) * float(_BLOCK)
    # cycles are wrapped before the sine, so that phase stays exact however long the sound
    cycles = np.remainder(np.outer(start, frequency / sample_rate_hz), 1.0) + phase / (2 * np.pi)
    envelope = amplitude * np.exp(-np.outer(start, decay / sample_rate_hz))
    envelope[envelope < _INAUDIBLE] = 0.0
    starts = envelope * np.exp(2j * np.pi * cycles)
    steps = np.exp(np.outer(pole, np.arange(_BLOCK)))
    left = torch.from_numpy(np.concatenate([starts.real, -starts.imag], axis=1))
    right = torch.from_numpy(np.concatenate([steps.real, steps.imag], axis=0))
    if place.type != "cpu":
        left, right = left.to(torch.float32).to(place), right.to(torch.float32).to(place)
    return (left @ right).reshape(-1)[:length_samples].to(torch.float32)
