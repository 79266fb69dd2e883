"""Baseline: the 1025 modes and 100 noise bands of Su et al. (2023), estimated in engine.lab.baselines.ddpm.physics.

This module has their resynthesis and the published loops, which are only timed.
"""

from __future__ import annotations

import math

import numpy as np

from engine.core.units import db_to_gain
from engine.lab.baselines.ddpm.physics import (
    HOP,
    RANGE_DB,
    RATE_HZ,
    SEARCH_HZ,
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
    """``estimate_bins`` as published: a loop over every bin of the whole FFT for every mode. For timing only."""
    levels = to_decibels(spectrogram(sound))
    whole = np.abs(np.fft.rfft(sound))
    frequencies = np.arange(whole.size) * (RATE_HZ / len(sound))
    frequency, power, t60 = [], [], []
    for k, centre in enumerate(bin_centres_hz()):
        strongest, chosen = 1.0, centre
        for i, bin_hz in enumerate(frequencies):
            if abs(bin_hz - centre) <= SEARCH_HZ and whole[i] > strongest:
                strongest, chosen = whole[i], bin_hz
        frequency.append(chosen)
        power.append(levels[k, 0])
        frames = float(levels.shape[1])
        for frame, level in enumerate(levels[k]):
            if level <= -RANGE_DB:
                frames = float(frame)
                break
        t60.append((frames or 0.5) * HOP / RATE_HZ)
    return BinModes(np.array(frequency), np.array(power), np.array(t60))


def synthesize_bins_by_loops(bins: BinModes, length: int) -> np.ndarray:
    """``synthesize_bins`` as published: a cosine and an exponential for every sample of every mode. For timing only."""
    time_s = np.arange(length) / RATE_HZ
    sound = np.zeros(length)
    for f, p, t60 in zip(bins.frequency_hz, bins.power_db, bins.t60_s, strict=True):
        sound += db_to_gain(p) * np.cos(2.0 * np.pi * f * time_s) * 10.0 ** (-3.0 * time_s / t60)
    return divide_by_peak(sound)


def fit_noise(sound: np.ndarray, tonal: np.ndarray, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """Fit noise bands to a sound beside its modes ``tonal`` and return the sum of both, divided by its peak, [N].

    The bands are those of ``fit_bands`` with their exact exponential envelopes.
    """
    weights, t60_s = fit_bands(sound[None], tonal[None], steps, seed)
    noise = band_noise(len(sound), seed)
    time_s = (np.arange(len(sound)) / RATE_HZ).astype(np.float32)
    decay = np.float32(math.log(1000.0)) / t60_s[0]
    residual = sum(w * n * np.exp(-d * time_s) for w, n, d in zip(weights[0], noise, decay, strict=True))
    return divide_by_peak(np.asarray(tonal, dtype=np.float64) + residual)
