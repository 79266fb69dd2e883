"""Modes and noise bands of a hit as estimated by Su et al. for their diffusion model of impact sounds.

"Physics-driven diffusion models for impact sound synthesis", CVPR 2023: one mode for each bin of a spectrogram, and a
residual of 100 bands of noise. The paper trains an encoder to predict the residual's 200 parameters; here they are
fitted to each recording on the same loss, in batches, which cannot be worse. Sounds are at 44.1 kHz and divided by
their peak. The paper's sounds last 0.25 s; decay times that it bounds by that length are bounded here by the sound's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.units import gain_to_db
from engine.physics.model import Modes
from engine.physics.synthesis import synthesize_modes

RATE_HZ = 44_100
LENGTH = 11_025
WINDOW, HOP, BINS = 2048, 256, 1025
SEARCH_HZ = 10.76
RANGE_DB = 80.0
BANDS = 100
MAX_T60_S = 0.5
LOSS_WINDOW, LOSS_HOP = 1024, 128
STEPS, STEP_SIZE = 100, 0.25
CORPUS_STEPS = 30
"""Steps of the fit for the network's conditioning, in training and sampling: fewer, since there are many recordings."""
_BLOCK = 16
_BATCH = 32
"""Recordings fitted together: as many as fit a processor's cache."""


@dataclass(frozen=True)
class BinModes:
    """A mode for each bin: Hz, dB under the loudest, seconds for 60 dB of decay, [1025] each; phases are 0."""

    frequency_hz: np.ndarray
    power_db: np.ndarray
    t60_s: np.ndarray


@dataclass(frozen=True)
class DdpmPhysics:
    """Physics of B hits, the conditioning of the paper's network, float32.

    ``frequency_hz``, ``power_db`` and ``t60_s`` [B, 1025]: the modes; ``weight`` and ``noise_t60_s`` [B, 100]: the
    residual's bands, for sounds divided by their ``peak`` [B], which is 1 where it is not known.
    """

    frequency_hz: np.ndarray
    power_db: np.ndarray
    t60_s: np.ndarray
    weight: np.ndarray
    noise_t60_s: np.ndarray
    peak: np.ndarray

    def __len__(self) -> int:
        return len(self.frequency_hz)

    def take(self, rows: Sequence[int] | np.ndarray | slice) -> DdpmPhysics:
        """Some of the hits."""
        arrays = (self.frequency_hz, self.power_db, self.t60_s, self.weight, self.noise_t60_s, self.peak)
        return DdpmPhysics(*(values[rows] for values in arrays))


def estimate_ddpm_batch(clips: Sequence[np.ndarray], steps: int = CORPUS_STEPS) -> DdpmPhysics:
    """Estimate the physics of clips [11025] at 44.1 kHz, of any level, with ``steps`` of optimization each."""
    peaks = np.array([np.abs(clip).max() for clip in clips], np.float32)
    sounds = [divide_by_peak(np.asarray(clip, dtype=np.float64)) for clip in clips]
    bins = [estimate_bins(sound) for sound in sounds]
    tonals = [synthesize_bins(one, LENGTH) for one in bins]
    fits = [
        fit_bands(np.stack(sounds[i : i + _BATCH]), np.stack(tonals[i : i + _BATCH]), steps)
        for i in range(0, len(sounds), _BATCH)
    ]
    arrays = (
        np.stack([one.frequency_hz for one in bins]),
        np.stack([one.power_db for one in bins]),
        np.stack([one.t60_s for one in bins]),
        np.concatenate([weight for weight, _ in fits]),
        np.concatenate([t60_s for _, t60_s in fits]),
        peaks,
    )
    return DdpmPhysics(*(values.astype(np.float32) for values in arrays))


def cut_clip(hit: np.ndarray, rate_hz: int) -> np.ndarray:
    """The first 0.25 s of a hit that begins with its onset, at 44.1 kHz, zeros after its end, float32 [11025].

    Raises BadInput for a silent or empty recording.
    """
    moved = resample(np.asarray(hit, dtype=np.float32), rate_hz, RATE_HZ)[:LENGTH]
    if not moved.size or not float(np.abs(moved).max()) > 0.0:
        raise BadInput("the recording is silent in its first 0.25 s; give one that begins with the hit")
    return np.pad(moved, (0, LENGTH - len(moved)))


def prepare(sound: np.ndarray) -> np.ndarray:
    """A sound at 44.1 kHz divided by its peak and padded to at least 0.25 s, float64."""
    return np.pad(divide_by_peak(np.asarray(sound, dtype=np.float64)), (0, max(0, LENGTH - len(sound))))


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """STFT magnitudes, Hann window, centred frames with zero padding, [1025, 1 + N // 256]."""
    x = np.pad(np.asarray(sound, dtype=np.float64), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.asarray(np.abs(np.fft.rfft(frames * window, axis=1)).T)


def to_decibels(magnitude: np.ndarray) -> np.ndarray:
    """Levels in dB relative to the loudest, at least -80."""
    peak = max(float(magnitude.max()), 1e-10)
    return np.asarray(np.maximum(gain_to_db(np.maximum(magnitude, 1e-10) / peak), -RANGE_DB))


def estimate_bins(sound: np.ndarray) -> BinModes:
    """Estimate the 1025 modes of a sound at 44.1 kHz, divided by its peak.

    Frequency: the strongest bin of the whole sound's FFT within 10.76 Hz of the STFT bin's centre where that is over
    0 dB, else the centre. Power: the first frame's, in dB relative to the loudest of all, at least -80. T60: the time
    of the first frame at -80 dB, the number of frames where there is none, half a frame where it is the first.
    """
    levels = to_decibels(spectrogram(sound))
    whole = np.abs(np.fft.rfft(sound))
    spacing = RATE_HZ / len(sound)
    centre = bin_centres_hz()
    first = np.maximum(np.ceil((centre - SEARCH_HZ) / spacing), 0).astype(int)
    offset = np.arange(math.floor(2.0 * SEARCH_HZ / spacing) + 1)
    index = first[:, None] + offset
    inside = (index < whole.size) & (np.abs(index * spacing - centre[:, None]) <= SEARCH_HZ)
    value = np.where(inside, whole[np.minimum(index, whole.size - 1)], -1.0)
    best = value.argmax(axis=1)
    strong = value[np.arange(BINS), best] > 1.0
    frequency = np.where(strong, (first + best) * spacing, centre)
    at_floor = levels <= -RANGE_DB
    frames = np.where(at_floor.any(axis=1), at_floor.argmax(axis=1), levels.shape[1]).astype(np.float64)
    return BinModes(frequency, levels[:, 0], np.where(frames == 0.0, 0.5, frames) * HOP / RATE_HZ)


def bin_centres_hz() -> np.ndarray:
    """Frequencies of the spectrogram's bins, [1025]."""
    return np.arange(BINS) * RATE_HZ / WINDOW


def synthesize_bins(bins: BinModes, length: int) -> np.ndarray:
    """Synthesize sum of 10^(p / 20) cos(2 pi f t) 10^(-3 t / T), divided by its peak, [length]."""
    count, decay = len(bins.t60_s), math.log(1000.0) / bins.t60_s
    f, p, d = (tuple(float(v) for v in values) for values in (bins.frequency_hz, bins.power_db, decay))
    modes = Modes(f, p, d, (0.0,) * count, (False,) * count)
    sound = synthesize_modes([modes], length, RATE_HZ)[0]
    return divide_by_peak(sound.numpy().astype(np.float64))


def divide_by_peak(sound: np.ndarray) -> np.ndarray:
    """Scale a sound to a peak of 1; silence stays silent."""
    return np.asarray(sound / max(float(np.abs(sound).max(initial=0.0)), 1e-9))


def band_noise(length: int, seed: int = 0) -> np.ndarray:
    """White noise of unit power split into 100 bands of equal width on the mel scale, float32 [100, length]."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    frequency = np.arange(spectrum.size) * RATE_HZ / length
    top = 2595.0 * math.log10(1.0 + RATE_HZ / 2.0 / 700.0)
    band = np.minimum((2595.0 * np.log10(1.0 + frequency / 700.0) / top * BANDS).astype(int), BANDS - 1)
    rows = [np.fft.irfft(np.where(band == b, spectrum, 0.0), length) for b in range(BANDS)]
    return np.stack(rows).astype(np.float32)


def fit_bands(
    sounds: np.ndarray, tonals: np.ndarray, steps: int = STEPS, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Fit weights and T60 (seconds) of 100 noise bands that explain ``sounds`` [B, N] together with ``tonals`` [B, N].

    The model is sum of w_b n_b 10^(-3 t / T_b) with w = sigmoid, T = 1e-5 + 0.5 sigmoid seconds and one noise for all
    steps. Adam minimizes a single-resolution STFT loss (FFT 2048, window 1024, hop 128): spectral convergence and the
    mean absolute differences of log magnitude and of magnitude. Initial weights are the band levels of the sound's
    first 20 ms, initial decays the middle of their range. During the fit envelopes are piecewise linear over 16
    samples. Sounds of a batch do not depend on one another. Returns float32 [B, 100] twice.
    """
    count, length = sounds.shape
    noise = band_noise(length, seed)
    blocks = -(-length // _BLOCK)
    basis = np.zeros((BANDS, blocks * _BLOCK), np.float32)
    basis[:, :length] = noise
    pieces = basis.reshape(BANDS, blocks, _BLOCK).transpose(1, 0, 2)
    ramp = np.arange(_BLOCK, dtype=np.float32) / _BLOCK
    grid = torch.from_numpy(np.concatenate([pieces * (1.0 - ramp), pieces * ramp], axis=1))
    modes = torch.from_numpy(np.asarray(tonals, dtype=np.float32))
    target = _magnitude(torch.from_numpy(np.asarray(sounds, dtype=np.float32)))
    max_t60_s = MAX_T60_S * max(1.0, length / LENGTH)
    edges_s = (torch.arange(blocks + 1) * (_BLOCK / RATE_HZ))[:, None, None]
    weights = torch.from_numpy(np.stack([_initial_weights(sound, noise) for sound in sounds]))
    logits = torch.stack([torch.logit(weights), torch.zeros(count, BANDS)])
    logits.requires_grad_(True)
    optimizer = torch.optim.Adam([logits], lr=STEP_SIZE)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps), 0.1 * STEP_SIZE)
    for _ in range(steps):
        optimizer.zero_grad()
        weight, t60_s = _bounded(logits, max_t60_s)
        envelope = weight * torch.exp(-math.log(1000.0) / t60_s * edges_s)
        residual = torch.bmm(torch.cat([envelope[:-1], envelope[1:]], dim=2), grid)
        wave = residual.permute(1, 0, 2).reshape(count, -1)[:, :length] + modes
        peak = wave.abs().amax(dim=1, keepdim=True).clamp_min(1e-9)
        _loss(_magnitude(wave / peak), target).backward()
        optimizer.step()
        scheduler.step()
    weight, t60_s = _bounded(logits.detach(), max_t60_s)
    return weight.numpy(), t60_s.numpy()


def _bounded(logits: torch.Tensor, max_t60_s: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights and T60 in seconds within the paper's ranges, of unbounded values [2, B, bands]."""
    share = torch.sigmoid(logits)
    return share[0], 1e-5 + max_t60_s * share[1]


def _initial_weights(sound: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Weights at which each band's noise has the sound's level in its first 20 ms, 0.001 to 0.9."""
    early = slice(0, min(len(sound), round(0.02 * RATE_HZ)))
    frequency = np.fft.rfftfreq(len(sound[early]), 1.0 / RATE_HZ)
    top = 2595.0 * math.log10(1.0 + RATE_HZ / 2.0 / 700.0)
    edges = 700.0 * (10.0 ** (np.arange(BANDS + 1) * top / BANDS / 2595.0) - 1.0)
    energy = np.concatenate([[0.0], np.cumsum(np.abs(np.fft.rfft(sound[early])) ** 2)]) * 2.0 / len(sound[early]) ** 2
    cumulative = np.interp(edges, np.append(frequency, RATE_HZ / 2.0 + 1.0), energy)
    noise_rms = np.sqrt(np.square(noise).mean(axis=1)) + 1e-9
    return np.clip(np.sqrt(np.diff(cumulative)) / noise_rms, 1e-3, 0.9).astype(np.float32)


def _magnitude(waves: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(LOSS_WINDOW)
    spectrum = torch.stft(waves, WINDOW, LOSS_HOP, LOSS_WINDOW, window, pad_mode="constant", return_complex=True)
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-14)


def _loss(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """STFT loss summed over the batch, so that each sound is fitted as if it were alone."""
    norm = torch.linalg.vector_norm
    convergence = norm(target - estimate, dim=(1, 2)) / norm(target, dim=(1, 2)).clamp_min(1e-9)
    logs = (torch.log(target) - torch.log(estimate)).abs().mean(dim=(1, 2))
    return (convergence + logs + (target - estimate).abs().mean(dim=(1, 2))).sum()
