"""Modal synthesis: sums of decaying sinusoids for a batch of hits, on any device, and whole sounds with residual."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from engine.core.units import LN_60_DB, db_to_gain, gain_to_db
from engine.physics.model import Modes, Physics, Residual
from engine.physics.noise import rise_gain, rise_peak, synthesize_residual

_BLOCK = 256
_COARSE = 16
_INAUDIBLE = 1e-7  # -140 dB re full scale
_LEAST_PEAK = 1e-15
_MAX_PHASORS = 2**23  # numbers at a time: 64 MB

LONGEST_RING_S = 20.0
CUT_FADE_S = 1.0
"""Fade of what still sounds at LONGEST_RING_S."""

_END_FADE_S, _MOST_FADED = 0.02, 0.25  # and share of a short sound


def list_levels(modes: Modes, residual: Residual, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Level in dB and decay per second of every mode and noise band that sounds at a sample rate, [K] each."""
    muted = modes.mute_mask
    rows = zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, muted, strict=True)
    levels = [(power, decay) for frequency, power, decay, off in rows if frequency < sample_rate_hz / 2 and not off]
    for _, component in residual.components:
        bands = zip(residual.edges_hz, component.power_db, component.decay_per_s, strict=False)  # an edge more
        levels += [(power, decay) for low_hz, power, decay in bands if low_hz < sample_rate_hz / 2]
    power_db, decay_per_s = np.array(levels, dtype=np.float64).reshape(-1, 2).T
    return power_db, decay_per_s


def ring_time_s(physics: Physics) -> float:
    """Seconds until every mode and noise band is 60 dB under the loudest one's peak, at most LONGEST_RING_S.

    Those that do not sound at the sample rate have no part in it. A slow rise lowers the peaks and so the floor.
    """
    power_db, decay_per_s = list_levels(physics.modes, physics.residual, physics.sample_rate_hz)
    if not power_db.size:
        return 0.0
    peak_db = power_db + gain_to_db(np.maximum(rise_peak(decay_per_s, physics.residual.rise_s), _LEAST_PEAK))
    rings_s = (power_db - peak_db.max() + 60.0) / 60.0 * LN_60_DB / np.maximum(decay_per_s, 1e-9)
    return min(LONGEST_RING_S, max(0.0, float(rings_s.max())))


def fade_out(sound: np.ndarray, length_samples: int) -> None:
    """Fade the end of a sound to 0 in place, by half a cosine."""
    count = min(length_samples, len(sound))
    sound[len(sound) - count :] *= (0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, count))).astype(sound.dtype)


def synthesize(physics: Physics, duration_s: float | None = None, seed: int = 0) -> np.ndarray:
    """Waveform of modes and residual, without the sampler: float32 at the physics' sample rate, sample 0 = onset.

    ``duration_s`` defaults to ``ring_time_s``, and only then the end is faded. ``seed`` selects the realisation of the
    residual. Nothing is clipped.
    """
    rate = physics.sample_rate_hz
    length_s = ring_time_s(physics) if duration_s is None else duration_s
    length = max(1, math.ceil(length_s * rate - 1e-6))
    sound = synthesize_modes([physics.modes], length, rate)[0].numpy().astype(np.float64)
    sound += synthesize_residual(physics.residual, length, rate, seed)
    sound *= rise_gain(np.arange(length) / rate, physics.residual.rise_s)
    if duration_s is None:
        fade_s = CUT_FADE_S if length_s >= LONGEST_RING_S else min(_END_FADE_S, _MOST_FADED * length_s)
        fade_out(sound, round(fade_s * rate))
    return sound.astype(np.float32)


def synthesize_modes(
    batch: Sequence[Modes], length_samples: int, sample_rate_hz: int, device: str | torch.device = "cpu"
) -> torch.Tensor:
    """Waveform of each set of modes from its onset on, float32 [B, length_samples].

    Muted modes and those at or above half the sample rate are left out; a mode ends once it is 140 dB under full scale.
    Sample n0 + k of a mode is Re(z^n0 z^k), so the phasors at the blocks' starts times those within a block are a
    matrix product. Phasors are computed in double precision; the product is in double on the CPU and in single
    precision on other devices.
    """
    target = torch.device(device)
    out = torch.zeros((len(batch), max(0, length_samples)), dtype=torch.float32, device=target)
    if length_samples <= 0:
        return out
    sets = [_active_modes(modes, sample_rate_hz) for modes in batch]
    ends = [_count_blocks(values, length_samples, sample_rate_hz) for values in sets]
    order = sorted((i for i, end in enumerate(ends) if end), key=lambda i: (ends[i], sets[i].shape[1]))
    start = 0
    while start < len(order):
        blocks, width = ends[order[start]], 1
        stop = start
        while stop < len(order):  # as many as memory allows, sorted by length to keep padding short
            blocks, width = max(blocks, ends[order[stop]]), max(width, sets[order[stop]].shape[1])
            if stop > start and (stop + 1 - start) * (blocks + _BLOCK) * 2 * width > _MAX_PHASORS:
                break
            stop += 1
        rows = order[start:stop]
        blocks = max(ends[i] for i in rows)
        sound = _synthesize_padded([sets[i] for i in rows], blocks, sample_rate_hz, target)[:, :length_samples]
        out[torch.tensor(rows, device=target), : sound.shape[1]] = sound
        start = stop
    return out


def _active_modes(modes: Modes, rate: int) -> np.ndarray:
    """Frequency, amplitude, decay and phase of the modes to synthesise, float64 [4, K]."""
    muted = modes.mute_mask
    kept = [i for i, f in enumerate(modes.frequency_hz) if f < rate / 2 and not muted[i]]
    values = np.array([modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad], dtype=np.float64)
    values = values[:, kept]
    values[1] = db_to_gain(values[1])
    return values


def _count_blocks(values: np.ndarray, length: int, rate: int) -> int:
    """Number of blocks until the last mode is inaudible, at most those of the length."""
    if not values.size:
        return 0
    lifetime_s = np.log(np.maximum(values[1] / _INAUDIBLE, 1.0)) / np.maximum(values[2], 1e-9)
    return min(-(-length // _BLOCK), math.ceil(min(float(lifetime_s.max()), 1e9) * rate / _BLOCK) + 1)


def _synthesize_padded(sets: list[np.ndarray], blocks: int, rate: int, target: torch.device) -> torch.Tensor:
    """Waveforms [B, blocks * _BLOCK] of sets of modes, padded with silent modes to the same number."""
    width = max(values.shape[1] for values in sets)
    table = np.zeros((len(sets), 4, width))
    for row, values in zip(table, sets, strict=True):
        row[:, : values.shape[1]] = values
    exact = target if target.type != "mps" else torch.device("cpu")  # MPS has no double precision
    frequency, amplitude, decay, phase = torch.from_numpy(table).to(exact).unbind(1)
    starts = _phasors(frequency, decay, _BLOCK, blocks, rate)
    starts = starts * torch.polar(amplitude, phase)[:, None, :]
    starts = torch.where(starts.abs() < _INAUDIBLE, torch.zeros((), dtype=starts.dtype, device=exact), starts)
    steps = _phasors(frequency, decay, 1, _BLOCK, rate)
    left = torch.cat([starts.real, -starts.imag], dim=2)
    right = torch.cat([steps.real, steps.imag], dim=2)
    if target.type != "cpu":
        left, right = left.to(target, torch.float32), right.to(target, torch.float32)
    return torch.bmm(left, right.transpose(1, 2)).flatten(1).to(torch.float32)


def _phasors(frequency: torch.Tensor, decay: torch.Tensor, step: int, count: int, rate: int) -> torch.Tensor:
    """e^((2 pi i f - decay) n step / rate), n < count: complex [B, count, K], as products of two short series.

    Cycles are taken modulo 1 before the sine, so that the phase is exact for sounds of any length.
    """

    def power(every: int, number: int) -> torch.Tensor:
        time = torch.arange(number, dtype=torch.float64, device=frequency.device)[None, :, None] * (every / rate)
        cycles = torch.remainder(frequency[:, None, :] * time, 1.0)
        return torch.polar(torch.exp(-decay[:, None, :] * time), 2.0 * math.pi * cycles)

    coarse = power(step * _COARSE, -(-count // _COARSE))
    fine = power(step, _COARSE)
    return (coarse[:, :, None, :] * fine[:, None, :, :]).flatten(1, 2)[:, :count]
