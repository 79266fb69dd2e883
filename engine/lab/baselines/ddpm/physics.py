"""The physics of a hit by the method of "Physics-driven diffusion models for impact sound synthesis" (Su et al. 2023).

One mode for each bin of a spectrogram, and a residual of 100 bands of noise. The paper trains an encoder to predict the
residual's 200 numbers; here they are fitted to each recording itself, on the same loss, which can only be better, many
at a time. At 44.1 kHz, of sounds divided by their peak; the paper's are 0.25 s long, and times that it bounds by that
length grow here with a longer sound.
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
REACH_HZ = 10.76
RANGE_DB = 80.0
BANDS = 100
LONGEST_T_S = 0.5
LOSS_WINDOW, LOSS_HOP = 1024, 128
STEPS, STEP_SIZE = 100, 0.25
CORPUS_STEPS = 30
"""Steps of the fit for what the network is told, in training and after: fewer, as they are many."""
_BLOCK = 16
_AT_ONCE = 32
"""Recordings fitted together: as many as stay in a processor's cache."""


@dataclass(frozen=True)
class BinModes:
    """A mode for each bin: Hz, dB under the loudest, seconds for 60 dB of decay, [1025] each; phases are 0."""

    frequency_hz: np.ndarray
    power_db: np.ndarray
    t60_s: np.ndarray


@dataclass(frozen=True)
class DdpmPhysics:
    """What the paper's method is told of B hits, float32.

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


def estimate_ddpm_physics(hit: np.ndarray, rate_hz: int, steps: int = CORPUS_STEPS) -> DdpmPhysics:
    """The physics of the first 0.25 s of one hit, mono from its onset on; a batch of one.

    Raises BadInput for a silent or empty recording.
    """
    return estimate_ddpm_batch([cut_clip(hit, rate_hz)], steps)


def estimate_ddpm_batch(clips: Sequence[np.ndarray], steps: int = CORPUS_STEPS) -> DdpmPhysics:
    """The physics of clips of 11 025 samples at 44.1 kHz, at whatever level; ``steps`` of the residual's fit."""
    peaks = np.array([np.abs(clip).max() for clip in clips], np.float32)
    sounds = [divide_by_peak(np.asarray(clip, dtype=np.float64)) for clip in clips]
    bins = [estimate_bins(sound) for sound in sounds]
    tonals = [ring_bins(one, LENGTH) for one in bins]
    fits = [
        fit_bands(np.stack(sounds[i : i + _AT_ONCE]), np.stack(tonals[i : i + _AT_ONCE]), steps)
        for i in range(0, len(sounds), _AT_ONCE)
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
    """A sound at 44.1 kHz as the method takes it: divided by its peak, at least 0.25 s long, float64."""
    return np.pad(divide_by_peak(np.asarray(sound, dtype=np.float64)), (0, max(0, LENGTH - len(sound))))


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """Magnitudes of a centred Hann-windowed transform, zeros around, [1025, 1 + N // 256]."""
    x = np.pad(np.asarray(sound, dtype=np.float64), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.asarray(np.abs(np.fft.rfft(frames * window, axis=1)).T)


def to_decibels(magnitude: np.ndarray) -> np.ndarray:
    """Levels under the loudest, at least -80 dB."""
    peak = max(float(magnitude.max()), 1e-10)
    return np.asarray(np.maximum(gain_to_db(np.maximum(magnitude, 1e-10) / peak), -RANGE_DB))


def estimate_bins(sound: np.ndarray) -> BinModes:
    """The 1025 modes of a sound at 44.1 kHz, divided by its peak.

    Frequency: the strongest bin of the whole sound's transform within 10.76 Hz of the bin's centre, where that is over
    0 dB, else the centre. Power: the first frame's, in dB under the loudest of all, at least -80. Time: that of the
    first frame at -80 dB, the number of frames where there is none, half a frame where it is the first.
    """
    levels = to_decibels(spectrogram(sound))
    whole = np.abs(np.fft.rfft(sound))
    spacing = RATE_HZ / len(sound)
    centre = bin_centres_hz()
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


def bin_centres_hz() -> np.ndarray:
    """Frequencies of the spectrogram's bins, [1025]."""
    return np.arange(BINS) * RATE_HZ / WINDOW


def ring_bins(bins: BinModes, length: int) -> np.ndarray:
    """sum of 10^(p / 20) cos(2 pi f t) 10^(-3 t / T), divided by its peak, [length]."""
    count, decay = len(bins.t60_s), math.log(1000.0) / bins.t60_s
    f, p, d = (tuple(float(v) for v in values) for values in (bins.frequency_hz, bins.power_db, decay))
    modes = Modes(f, p, d, (0.0,) * count, (False,) * count)
    sound = synthesize_modes([modes], length, RATE_HZ)[0]
    return divide_by_peak(sound.numpy().astype(np.float64))


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


def fit_bands(
    sounds: np.ndarray, tonals: np.ndarray, steps: int = STEPS, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and times in seconds for 60 dB of the 100 bands that, with ``tonals`` [B, N], are ``sounds`` [B, N].

    sum of w_b n_b 10^(-3 t / T_b) with w = sigmoid, T = 1e-5 + 0.5 sigmoid seconds, one noise for all steps; by Adam
    on the loss of a single resolution (transform of 2048, window 1024, hop 128): spectral convergence and the mean
    absolute differences of log magnitude and of magnitude. Begins at the bands' own levels in the sound's first 20 ms
    and the middle of the times. While it fits, envelopes are straight over 16 samples at a time. Sounds are fitted
    side by side and do not depend on one another. Returns float32 [B, 100] twice.
    """
    count, length = sounds.shape
    noise = band_noise(length, seed)
    blocks = -(-length // _BLOCK)
    basis = np.zeros((BANDS, blocks * _BLOCK), np.float32)
    basis[:, :length] = noise
    pieces = basis.reshape(BANDS, blocks, _BLOCK).transpose(1, 0, 2)
    rise = np.arange(_BLOCK, dtype=np.float32) / _BLOCK
    grid = torch.from_numpy(np.concatenate([pieces * (1.0 - rise), pieces * rise], axis=1))
    modes = torch.from_numpy(np.asarray(tonals, dtype=np.float32))
    target = _magnitude(torch.from_numpy(np.asarray(sounds, dtype=np.float32)))
    longest_s = LONGEST_T_S * max(1.0, length / LENGTH)
    edges_s = (torch.arange(blocks + 1) * (_BLOCK / RATE_HZ))[:, None, None]
    weights = torch.from_numpy(np.stack([_first_weights(sound, noise) for sound in sounds]))
    numbers = torch.stack([torch.logit(weights), torch.zeros(count, BANDS)])
    numbers.requires_grad_(True)
    adam = torch.optim.Adam([numbers], lr=STEP_SIZE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(1, steps), 0.1 * STEP_SIZE)
    for _ in range(steps):
        adam.zero_grad()
        weight, t60_s = _bounded(numbers, longest_s)
        envelope = weight * torch.exp(-math.log(1000.0) / t60_s * edges_s)
        made = torch.bmm(torch.cat([envelope[:-1], envelope[1:]], dim=2), grid)
        wave = made.permute(1, 0, 2).reshape(count, -1)[:, :length] + modes
        peak = wave.abs().amax(dim=1, keepdim=True).clamp_min(1e-9)
        _loss(_magnitude(wave / peak), target).backward()
        adam.step()
        slower.step()
    found = [values.detach().numpy() for values in _bounded(numbers, longest_s)]
    return found[0], found[1]


def _bounded(numbers: torch.Tensor, longest_s: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights and seconds for 60 dB of decay, of free numbers [2, B, bands], within the paper's ranges."""
    share = torch.sigmoid(numbers)
    return share[0], 1e-5 + longest_s * share[1]


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


def _magnitude(waves: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(LOSS_WINDOW)
    spectrum = torch.stft(waves, WINDOW, LOSS_HOP, LOSS_WINDOW, window, pad_mode="constant", return_complex=True)
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-14)


def _loss(made: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The sum over the sounds of a batch, so that each is fitted as if it were alone."""
    norm = torch.linalg.vector_norm
    convergence = norm(target - made, dim=(1, 2)) / norm(target, dim=(1, 2)).clamp_min(1e-9)
    logs = (torch.log(target) - torch.log(made)).abs().mean(dim=(1, 2))
    return (convergence + logs + (target - made).abs().mean(dim=(1, 2))).sum()
