"""Cramér-Rao bounds of frequency, decay and amplitude of damped sinusoids in white noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.core.units import db_to_gain
from engine.physics.model import Modes

_DB_PER_NEPER = 20.0 / math.log(10.0)


@dataclass(frozen=True)
class CramerRaoBound:
    """Least standard deviations of an unbiased estimator, [K] for K modes; infinite where the data determine nothing.

    Frequency in Hz, decay in 1/s, power in dB, phase in rad.
    """

    frequency_hz: np.ndarray
    decay_per_s: np.ndarray
    power_db: np.ndarray
    phase_rad: np.ndarray


def cramer_rao(modes: Modes, length_samples: int, sample_rate_hz: int, noise_rms: float) -> CramerRaoBound:
    """Cramér-Rao bound of all 4 K parameters of K modes, all unknown, in white Gaussian noise of known level.

    The sound is sum A cos(2 pi f t + phase) e^(-decay t) over ``length_samples`` from t = 0 on; ``noise_rms`` is in the
    same unit as A. Muted modes are included. The inverse of the Fisher matrix J^T J / noise^2 (Hua and
    Sarkar 1990; Yao and Pandit 1995). Raises ValueError where there is no sample or no noise.
    """
    if length_samples < 1 or not noise_rms > 0.0:
        raise ValueError("a bound needs at least one sample and noise of more than zero")
    count = len(modes)
    fisher = fisher_matrix(modes, length_samples, sample_rate_hz)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(fisher), 1e-300))
    value, vector = np.linalg.eigh(fisher * np.outer(scale, scale))
    # eigenvalues under the rounding error of the largest are zero: that combination is not determined
    least = 4.0 * count * np.finfo(np.float64).eps * value.max(initial=1.0)
    variance = (np.square(vector) / np.maximum(value, least)).sum(axis=1)
    undetermined = (np.square(vector[:, value < least]) > 1e-3).any(axis=1)
    deviation = np.where(undetermined, np.inf, noise_rms * scale * np.sqrt(variance)).reshape(4, count)
    return CramerRaoBound(*deviation)


def fisher_matrix(modes: Modes, length_samples: int, sample_rate_hz: int) -> np.ndarray:
    """J^T J, [4 K, 4 K]: all frequencies, then decays, powers in dB and phases; for noise of mean square 1.

    A column of the Jacobian J, the sound's derivative by one parameter, is Re(c n^p e^(s n)); so an entry is half the
    real part of c d sum n^(p+q) e^((s+r) n) and of the same with the second conjugated.
    """
    s, factor = _columns(modes, sample_rate_hz)
    sums = _power_sums(s, s, length_samples), _power_sums(s, s.conj(), length_samples)
    order = (1, 1, 0, 0)
    blocks = [
        [
            0.5
            * (
                np.outer(factor[i], factor[j]) * sums[0][order[i] + order[j]]
                + np.outer(factor[i], factor[j].conj()) * sums[1][order[i] + order[j]]
            ).real
            for j in range(4)
        ]
        for i in range(4)
    ]
    result: np.ndarray = np.block(blocks)
    return result


def _columns(modes: Modes, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """s of each mode, per sample, [K], and the factor c of its four derivatives, [4, K]."""
    frequency, power, decay, phase = (
        np.asarray(values, dtype=np.float64)
        for values in (modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad)
    )
    amplitude = db_to_gain(power) * np.exp(1j * phase)
    scale_by = np.array([[2j * np.pi / rate], [-1.0 / rate], [1.0 / _DB_PER_NEPER], [1j]])
    return (-decay + 2j * np.pi * frequency) / rate, scale_by * amplitude


def _power_sums(one: np.ndarray, other: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """sum of n^p e^((s + r) n), n < length, for p = 0, 1, 2, each s of one and r of the other: [K, L] each.

    Summed in blocks, n = block i + j, as products of two short sums; the closed geometric sum is ill-conditioned where
    s + r is near 0.
    """
    block = max(1, math.isqrt(length))
    steps = _short_sums(one, other, np.arange(block, dtype=np.float64))
    starts = _short_sums(one, other, np.arange(length // block) * float(block))
    rest = _short_sums(one, other, np.arange(length - length % block, length, dtype=np.float64))
    return (
        starts[0] * steps[0] + rest[0],
        starts[1] * steps[0] + starts[0] * steps[1] + rest[1],
        starts[2] * steps[0] + 2.0 * starts[1] * steps[1] + starts[0] * steps[2] + rest[2],
    )


def _short_sums(one: np.ndarray, other: np.ndarray, n: np.ndarray) -> list[np.ndarray]:
    left, right = np.exp(np.outer(one, n)), np.exp(np.outer(n, other))
    return [(left * n**p) @ right for p in range(3)]
