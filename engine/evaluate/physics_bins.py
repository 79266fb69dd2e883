"""The physics of a hit by the method of "Physics-driven diffusion models for impact sound synthesis" (Su et al. 2023).

One mode for each bin of a spectrogram, and a residual of 100 bands of noise. The paper trains an encoder to predict the
residual's 200 numbers; here they are fitted to each recording itself, on the same loss, which can only be better. At
44.1 kHz, of sounds divided by their peak; the paper's are 0.25 s long, and times that it bounds by that length grow
here with a longer sound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from engine.evaluate.physics_synthetic import make_modes
from engine.physics.modes import synthesize_modes

RATE_HZ = 44_100
LENGTH = 11_025
WINDOW, HOP, BINS = 2048, 256, 1025
REACH_HZ = 10.76
RANGE_DB = 80.0
BANDS = 100
LONGEST_T_S = 0.5
LOSS_WINDOW, LOSS_HOP = 1024, 128
STEPS, STEP_SIZE = 100, 0.25
_BLOCK = 16


@dataclass(frozen=True)
class BinModes:
    """A mode for each bin: Hz, dB under the loudest, seconds for 60 dB of decay, [1025] each; phases are 0."""

    frequency_hz: np.ndarray
    power_db: np.ndarray
    t60_s: np.ndarray


def prepare(sound: np.ndarray) -> np.ndarray:
    """A sound at 44.1 kHz as the method takes it: divided by its peak, at least 0.25 s long, float64."""
    return np.pad(divide_by_peak(np.asarray(sound, dtype=np.float64)), (0, max(0, LENGTH - len(sound))))


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """Magnitudes of a centred Hann-windowed transform, zeros around, [1025, 1 + N // 256]."""
    x = np.pad(np.asarray(sound, dtype=np.float64), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.asarray(np.abs(np.fft.rfft(frames * window, axis=1)).T)


def _to_decibels(magnitude: np.ndarray) -> np.ndarray:
    peak = max(float(magnitude.max()), 1e-10)
    return np.asarray(np.maximum(20.0 * np.log10(np.maximum(magnitude, 1e-10) / peak), -RANGE_DB))


def estimate_bins(sound: np.ndarray) -> BinModes:
    """The 1025 modes of a sound at 44.1 kHz, divided by its peak.

    Frequency: the strongest bin of the whole sound's transform within 10.76 Hz of the bin's centre, where that is over
    0 dB, else the centre. Power: the first frame's, in dB under the loudest of all, at least -80. Time: that of the
    first frame at -80 dB, the number of frames where there is none, half a frame where it is the first.
    """
    levels = _to_decibels(spectrogram(sound))
    whole = np.abs(np.fft.rfft(sound))
    spacing = RATE_HZ / len(sound)
    centre = np.arange(BINS) * RATE_HZ / WINDOW
    first = np.maximum(np.ceil((centre - REACH_HZ) / spacing), 0).astype(int)
    offset = np.arange(math.floor(2.0 * REACH_HZ / spacing) + 1)
    index = first[:, None] + offset
    inside = (index < whole.size) & (np.abs(index * spacing - centre[:, None]) <= REACH_HZ)
    value = np.where(inside, whole[np.minimum(index, whole.size - 1)], -1.0)
    best = value.argmax(axis=1)
    strong = value[np.arange(BINS), best] > 1.0
    frequency = np.where(strong, (first + best) * spacing, centre)
    silent = levels <= -RANGE_DB
    frames = np.where(silent.any(axis=1), silent.argmax(axis=1), levels.shape[1]).astype(np.float64)
    return BinModes(frequency, levels[:, 0], np.where(frames == 0.0, 0.5, frames) * HOP / RATE_HZ)


def estimate_bins_by_loops(sound: np.ndarray) -> BinModes:
    """The same as ``estimate_bins``, as published: every bin of the whole transform is looked at for every mode.

    One number of an array at a time. Only its time is of use.
    """
    levels = _to_decibels(spectrogram(sound))
    whole = np.abs(np.fft.rfft(sound))
    frequencies = np.arange(whole.size) * (RATE_HZ / len(sound))
    frequency, power, t60 = [], [], []
    for k, centre in enumerate(np.arange(BINS) * RATE_HZ / WINDOW):
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


def ring_bins(bins: BinModes, length: int) -> np.ndarray:
    """sum of 10^(p / 20) cos(2 pi f t) 10^(-3 t / T), divided by its peak, [length]."""
    decay = math.log(1000.0) / bins.t60_s
    modes = make_modes(bins.frequency_hz, bins.power_db, decay, np.zeros(len(decay)))
    sound = synthesize_modes([modes], length, RATE_HZ)[0]
    return divide_by_peak(sound.numpy().astype(np.float64))


def ring_bins_one_by_one(bins: BinModes, length: int) -> np.ndarray:
    """The same as ``ring_bins``, in the published way: a cosine and an exponential for every sample of every mode."""
    time_s = np.arange(length) / RATE_HZ
    sound = np.zeros(length)
    for f, p, t60 in zip(bins.frequency_hz, bins.power_db, bins.t60_s, strict=True):
        sound += 10.0 ** (p / 20.0) * np.cos(2.0 * np.pi * f * time_s) * 10.0 ** (-3.0 * time_s / t60)
    return divide_by_peak(sound)


def divide_by_peak(sound: np.ndarray) -> np.ndarray:
    """The sound at a peak of 1; silence stays."""
    return np.asarray(sound / max(float(np.abs(sound).max(initial=0.0)), 1e-9))


def band_noise(length: int, seed: int = 0) -> np.ndarray:
    """White noise of mean square 1 split into 100 bands equally wide on the mel scale, float32 [100, length]."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    frequency = np.arange(spectrum.size) * RATE_HZ / length
    top = 2595.0 * math.log10(1.0 + RATE_HZ / 2.0 / 700.0)
    band = np.minimum((2595.0 * np.log10(1.0 + frequency / 700.0) / top * BANDS).astype(int), BANDS - 1)
    rows = [np.fft.irfft(np.where(band == b, spectrum, 0.0), length) for b in range(BANDS)]
    return np.stack(rows).astype(np.float32)


def fit_noise(sound: np.ndarray, tonal: np.ndarray, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """Modes and residual of a sound divided by its peak, itself divided by its peak: ``tonal`` and 100 bands, [N].

    sum of w_b n_b 10^(-3 t / T_b) with w = sigmoid, T = 1e-5 + 0.5 sigmoid seconds, one noise for all steps; by Adam
    on the loss of a single resolution (transform of 2048, window 1024, hop 128): spectral convergence and the mean
    absolute differences of log magnitude and of magnitude. Begins at the bands' own levels in the sound's first 20 ms
    and the middle of the times. While it fits, envelopes are straight over 16 samples at a time; the result is exact.
    """
    length = len(sound)
    noise = band_noise(length, seed)
    blocks = -(-length // _BLOCK)
    basis = np.zeros((BANDS, blocks * _BLOCK), np.float32)
    basis[:, :length] = noise
    pieces = basis.reshape(BANDS, blocks, _BLOCK).transpose(1, 0, 2)
    rise = np.arange(_BLOCK, dtype=np.float32) / _BLOCK
    grid = torch.from_numpy(np.concatenate([pieces * (1.0 - rise), pieces * rise], axis=1))
    modes = torch.from_numpy(np.asarray(tonal, dtype=np.float32))
    target = _magnitude(torch.from_numpy(np.asarray(sound, dtype=np.float32)))
    longest_s = LONGEST_T_S * max(1.0, length / LENGTH)
    edges_s = torch.arange(blocks + 1) * (_BLOCK / RATE_HZ)
    numbers = torch.stack([torch.logit(torch.from_numpy(_first_weights(sound, noise))), torch.zeros(BANDS)])
    numbers.requires_grad_(True)
    adam = torch.optim.Adam([numbers], lr=STEP_SIZE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(1, steps), 0.1 * STEP_SIZE)
    for _ in range(steps):
        adam.zero_grad()
        weight, fall = _bounded(numbers, longest_s)
        envelope = weight * torch.exp(-fall * edges_s[:, None])
        wave = torch.bmm(torch.cat([envelope[:-1], envelope[1:]], dim=1)[:, None], grid).reshape(-1)[:length] + modes
        loss = _loss(_magnitude(wave / wave.abs().max().clamp_min(1e-9)), target)
        loss.backward()
        adam.step()
        slower.step()
    weights, falls = (v.detach().numpy() for v in _bounded(numbers, longest_s))
    time_s = (np.arange(length) / RATE_HZ).astype(np.float32)
    residual = sum(w * n * np.exp(-f * time_s) for w, n, f in zip(weights, noise, falls, strict=True))
    return divide_by_peak(np.asarray(tonal, dtype=np.float64) + residual)


def _bounded(numbers: torch.Tensor, longest_s: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights and decays in 1/s of free numbers [2, bands], within the paper's ranges."""
    share = torch.sigmoid(numbers)
    return share[0], math.log(1000.0) / (1e-5 + longest_s * share[1])


def _first_weights(sound: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Weights at which each band's noise is as loud as the sound in its first 20 ms, 0.001 to 0.9."""
    early = slice(0, min(len(sound), round(0.02 * RATE_HZ)))
    frequency = np.fft.rfftfreq(len(sound[early]), 1.0 / RATE_HZ)
    top = 2595.0 * math.log10(1.0 + RATE_HZ / 2.0 / 700.0)
    edges = 700.0 * (10.0 ** (np.arange(BANDS + 1) * top / BANDS / 2595.0) - 1.0)
    energy = np.concatenate([[0.0], np.cumsum(np.abs(np.fft.rfft(sound[early])) ** 2)]) * 2.0 / len(sound[early]) ** 2
    upto = np.interp(edges, np.append(frequency, RATE_HZ / 2.0 + 1.0), energy)
    own = np.sqrt(np.square(noise).mean(axis=1)) + 1e-9
    return np.clip(np.sqrt(np.diff(upto)) / own, 1e-3, 0.9).astype(np.float32)


def _magnitude(wave: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(LOSS_WINDOW)
    spectrum = torch.stft(wave, WINDOW, LOSS_HOP, LOSS_WINDOW, window, pad_mode="constant", return_complex=True)
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-14)


def _loss(made: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    convergence = torch.linalg.norm(target - made) / torch.linalg.norm(target).clamp_min(1e-9)
    logs = (torch.log(target) - torch.log(made)).abs().mean()
    return convergence + logs + (target - made).abs().mean()
