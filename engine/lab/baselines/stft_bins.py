"""The 1025 modes and 100 bands of noise of Su et al. (2023) as a baseline: see engine.lab.baselines.ddpm.physics.

Here are their resynthesis and, only for their time, the ways in which the method was published.
"""

from __future__ import annotations

import math

import numpy as np

from engine.core.units import db_to_gain
from engine.lab.baselines.ddpm.physics import (
    HOP,
    RANGE_DB,
    RATE_HZ,
    REACH_HZ,
    STEPS,
    BinModes,
    band_noise,
    bin_centres_hz,
    divide_by_peak,
    fit_bands,
    spectrogram,
    to_decibels,
)


def estimate_bins_by_loops(sound: np.ndarray) -> BinModes:
    """The same as ``estimate_bins``, as published: every bin of the whole transform is looked at for every mode.

    One number of an array at a time. Only its time is of use.
    """
    levels = to_decibels(spectrogram(sound))
    whole = np.abs(np.fft.rfft(sound))
    frequencies = np.arange(whole.size) * (RATE_HZ / len(sound))
    frequency, power, t60 = [], [], []
    for k, centre in enumerate(bin_centres_hz()):
        strongest, chosen = 1.0, centre
        for i, here in enumerate(frequencies):
            if abs(here - centre) <= REACH_HZ and whole[i] > strongest:
                strongest, chosen = whole[i], here
        frequency.append(chosen)
        power.append(levels[k, 0])
        frames = float(levels.shape[1])
        for frame, level in enumerate(levels[k]):
            if level <= -RANGE_DB:
                frames = float(frame)
                break
        t60.append((frames or 0.5) * HOP / RATE_HZ)
    return BinModes(np.array(frequency), np.array(power), np.array(t60))


def ring_bins_one_by_one(bins: BinModes, length: int) -> np.ndarray:
    """The same as ``ring_bins``, in the published way: a cosine and an exponential for every sample of every mode."""
    time_s = np.arange(length) / RATE_HZ
    sound = np.zeros(length)
    for f, p, t60 in zip(bins.frequency_hz, bins.power_db, bins.t60_s, strict=True):
        sound += db_to_gain(p) * np.cos(2.0 * np.pi * f * time_s) * 10.0 ** (-3.0 * time_s / t60)
    return divide_by_peak(sound)


def fit_noise(sound: np.ndarray, tonal: np.ndarray, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """Modes and residual of a sound divided by its peak, itself divided by its peak: ``tonal`` and 100 bands, [N].

    The bands as ``fit_bands`` finds them, with their exact exponential envelopes.
    """
    weights, times_s = fit_bands(sound[None], tonal[None], steps, seed)
    noise = band_noise(len(sound), seed)
    time_s = (np.arange(len(sound)) / RATE_HZ).astype(np.float32)
    falls = np.float32(math.log(1000.0)) / times_s[0]
    residual = sum(w * n * np.exp(-f * time_s) for w, n, f in zip(weights[0], noise, falls, strict=True))
    return divide_by_peak(np.asarray(tonal, dtype=np.float64) + residual)
