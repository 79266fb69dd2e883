"""Sounds whose physics is known, and how near an estimate comes to it."""

from __future__ import annotations

import math

import numpy as np

from engine.core.dsp import erb_edges
from engine.physics.model import Modes, NoiseComponent, Residual

RATE = 48_000


def make_modes(frequency: list[float], power: list[float], decay: list[float], phase: list[float]) -> Modes:
    return Modes(tuple(frequency), tuple(power), tuple(decay), tuple(phase), (False,) * len(frequency))


BELL = make_modes(
    [211.3, 523.25, 1310.7, 2795.0, 4120.4, 7318.9, 12_044.0],
    [-14.0, -9.0, -12.0, -20.0, -25.0, -28.0, -34.0],
    [2.5, 4.0, 9.0, 15.0, 22.0, 60.0, 90.0],
    [0.3, -1.2, 2.0, 0.0, -2.9, 1.0, 0.5],
)
PLATE = make_modes(
    [311.0, 740.0, 1203.0, 2500.0, 4021.0, 7300.0],
    [-6.0, -9.0, -12.0, -14.0, -20.0, -25.0],
    [5.8, 8.6, 11.5, 17.3, 27.6, 57.6],
    [0.9, -1.3, 2.7, 0.1, -2.2, 1.6],
)
NOISE = Residual(
    tuple(map(float, erb_edges(20.0, 24_000.0, 24))),
    tuple(-30.0 - 0.4 * k for k in range(24)),
    tuple(40.0 + 3.0 * k for k in range(24)),
    NoiseComponent(tuple(-58.0 - 0.3 * k for k in range(24)), tuple(5.0 + 0.1 * k for k in range(24))),
)


def reference(modes: Modes, length: int, rate: int = RATE, start: int = 0) -> np.ndarray:
    """The contract's sum, term by term in double precision, from a sample on."""
    time = np.arange(start, start + length) / rate
    sound = np.zeros(length)
    for f, p, d, phase in zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad, strict=True):
        if f < rate / 2:
            sound += 10 ** (p / 20) * np.cos(2 * math.pi * f * time + phase) * np.exp(-d * time)
    return sound


def noise_power(residual: Residual, time_s: np.ndarray) -> np.ndarray:
    """Expected mean square of a residual's noise by time from the onset, from the definition of its components."""
    return sum(
        (
            10 ** (p / 10) * np.exp(-2.0 * d * np.asarray(time_s, dtype=np.float64))
            for _, component in residual.components
            for p, d in zip(component.power_db, component.decay_per_s, strict=True)
        ),
        np.zeros(np.shape(time_s)),
    )


def noisy(sound: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """White noise added, measured against the first half second."""
    power = float(np.mean(np.square(sound[: RATE // 2])))
    return sound + rng.standard_normal(sound.size) * math.sqrt(power * 10 ** (-snr_db / 10))


def assert_found(modes: Modes, truth: Modes, cents: float, decay: float, power_db: float, phase: float) -> None:
    """Every true mode has an estimate within the tolerances."""
    found = np.asarray(modes.frequency_hz)
    for f, p, d, angle in zip(truth.frequency_hz, truth.power_db, truth.decay_per_s, truth.phase_rad, strict=True):
        k = int(np.argmin(np.abs(found - f)))
        assert abs(1200 * math.log2(found[k] / f)) < cents, f
        assert abs(modes.decay_per_s[k] / d - 1) < decay, f
        assert abs(modes.power_db[k] - p) < power_db, f
        assert abs(math.remainder(modes.phase_rad[k] - angle, 2 * math.pi)) < phase, f


def ddpm_clip(frequency_hz: float, t60_s: float, noise: float = 0.02, seed: int = 0) -> np.ndarray:
    """A decaying tone in decaying noise, 0.25 s at 44.1 kHz, as the DDPM baseline takes it."""
    t = np.arange(11_025) / 44_100
    white = np.random.default_rng(seed).standard_normal(t.size)
    sound = np.cos(2 * np.pi * frequency_hz * t) * 10 ** (-3 * t / t60_s) + noise * white * 10 ** (-3 * t / 0.05)
    return sound.astype(np.float32)
