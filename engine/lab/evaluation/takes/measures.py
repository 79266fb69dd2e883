"""Distances between two takes of one object: spectrum at three resolutions, level, decay, attack and brightness."""

from __future__ import annotations

import functools
from itertools import combinations

import librosa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from engine.core.units import SAMPLE_RATE_HZ, db_to_power, power_to_db, seconds_to_samples

WINDOWS_S = (0.005, 0.02, 0.08)
MEASURES = (*(f"log-mel {1000 * window_s:.0f} ms, dB" for window_s in WINDOWS_S),
            "level, dB", "decay, dB", "attack, dB", "centroid, cents")  # fmt: skip
"""Differences of two takes. Log-mel: mean over cells of both within 40 dB of their peak, at equal energy; decay: of the
time by which half the energy that follows 10 ms has come; attack: of the share of the first 10 ms in the energy of the
first 50 ms; centroid: of the power spectrum of the first 0.4 s."""

_MELS, _LOWEST_HZ, _RANGE_DB = 24, 100.0, 40.0
_ATTACK_S, _EARLY_S, _CENTROID_S, _LEAST_DECAY_S = 0.01, 0.05, 0.4, 0.001


def describe_take(sound: np.ndarray, length: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Mel powers [M, T] at each resolution, at energy 1, and level, decay, attack and brightness [4]."""
    x = np.zeros(length)
    x[: min(length, len(sound))] = sound[:length]
    energy = np.square(x)
    total = float(energy.sum()) + 1e-20
    mels = [measure_mel(x / np.sqrt(total), window_s) for window_s in WINDOWS_S]
    attack, early, centroid = (seconds_to_samples(s, SAMPLE_RATE_HZ) for s in (_ATTACK_S, _EARLY_S, _CENTROID_S))
    after = np.cumsum(energy[attack:]) if length > attack else np.ones(1)
    half_s = int(np.searchsorted(after, 0.5 * after[-1])) / SAMPLE_RATE_HZ + _LEAST_DECAY_S
    share = (float(energy[:attack].sum()) + 1e-20) / (float(energy[:early].sum()) + 1e-20)
    power = np.square(np.abs(np.fft.rfft(x[:centroid])))
    hz = np.fft.rfftfreq(min(length, centroid), 1.0 / SAMPLE_RATE_HZ)
    centroid_hz = float((power * hz).sum() / (power.sum() + 1e-20)) + 1e-9
    values = [power_to_db(total), power_to_db(half_s), power_to_db(share), 1200.0 * np.log2(centroid_hz)]
    return mels, np.array(values, dtype=np.float64)


def compare_takes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The distance of two takes by MEASURES, [7], over the length of the shorter."""
    length = min(len(first), len(second))
    (mels, values), (other_mels, other_values) = describe_take(first, length), describe_take(second, length)
    spectra = []
    for one, other in zip(mels, other_mels, strict=True):
        floor = max(float(one.max()), float(other.max())) * db_to_power(-_RANGE_DB) + 1e-30
        heard = (one > floor) & (other > floor)
        difference = np.abs(power_to_db(np.maximum(one, floor)) - power_to_db(np.maximum(other, floor)))
        spectra.append(float(difference[heard].mean()) if heard.any() else _RANGE_DB)
    return np.concatenate([spectra, np.abs(values - other_values)])


def compare_all(takes: list[np.ndarray]) -> np.ndarray:
    """The mean distance of all pairs of takes by MEASURES, [7]."""
    return np.mean([compare_takes(a, b) for a, b in combinations(takes, 2)], axis=0)


def measure_mel(x: np.ndarray, window_s: float) -> np.ndarray:
    """Power in mel bands, [M, T], frames of ``window_s`` that overlap by half."""
    size = seconds_to_samples(window_s, SAMPLE_RATE_HZ)
    padded = np.pad(x, (size // 2, size))
    frames = sliding_window_view(padded, size)[:: size // 2] * np.hanning(size)
    padding = max(size, 2048)  # short frames are interpolated, so that no band lies between bins
    result: np.ndarray = _mel_filters(padding) @ np.square(np.abs(np.fft.rfft(frames, padding))).T
    return result


@functools.cache
def _mel_filters(size: int) -> np.ndarray:
    filters: np.ndarray = librosa.filters.mel(
        sr=SAMPLE_RATE_HZ, n_fft=size, n_mels=_MELS, fmin=_LOWEST_HZ, fmax=16_000.0, norm=None
    )
    return filters
