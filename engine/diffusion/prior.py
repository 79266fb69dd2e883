"""Expected complex spectrogram and noise power spectral density of a physics, used as conditioning.

The modal part is a mean with phase, the residual a variance. Both are divided by E, the expected magnitude, which also
whitens the data: PriorGrad (Lee et al., ICLR 2022) and SpecGrad (Koizumi et al., 2022) with a physical prior.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.core.units import SAMPLE_RATE_HZ, db_to_power, gain_to_db
from engine.diffusion.spectrogram import (
    BINS,
    FRAME_COUNTS,
    HOP,
    N_FFT,
    ONSET_FRAME,
    ONSET_SAMPLE,
    analysis_window,
    compress,
    wave_to_spectrogram,
)
from engine.physics.model import Modes, Residual
from engine.physics.noise import envelope_gain, rise_gain, rise_peak, synthesize_residual
from engine.physics.synthesis import list_levels, synthesize_modes

FLOOR_DB = -80.0
"""Whitening floor relative to the loudest expected bin; the sampler treats anything below as silence."""

SIGMA_MIN = 0.05
"""Least standard deviation of a bin, in units of its expected magnitude, also for a mode without noise."""

LENGTH_DB = -60.0
_GRID = 32
_FRAMES_AFTER = (-1, 0, 1, 2)  # a hop, whose windows reach into it


@dataclass(frozen=True)
class Condition:
    """Conditioning of a batch of hits, T frames each.

    ``expected`` [B, BINS, T] magnitude E in spectrogram units; ``mean`` [B, 2, BINS, T] the modal
    part's compressed spectrogram; ``sigma`` [B, 1, BINS, T] standard deviation of the complex noise round the
    modal part, in units of E; ``level`` [B, 1, BINS, T] E in decibels over its floor, scaled to 0..1.
    """

    expected: torch.Tensor
    mean: torch.Tensor
    sigma: torch.Tensor
    level: torch.Tensor

    @property
    def features(self) -> torch.Tensor:
        """The network's input channels, [B, 4, BINS, T]."""
        return torch.cat((self.mean, self.sigma, self.level), dim=1)


def count_frames(modes: Modes, residual: Residual) -> int:
    """Frames the sampler needs until the prior is 60 dB under its peak, from FRAME_COUNTS.

    Depends on the hit's own physics alone, so that batch mates cannot change it.
    """
    power_db, decay_per_s = list_levels(modes, residual, SAMPLE_RATE_HZ)
    if not power_db.size:
        return FRAME_COUNTS[0]
    times = np.arange(FRAME_COUNTS[-1]) * (HOP / SAMPLE_RATE_HZ)
    power = db_to_power(power_db)
    total = power @ np.exp(-2.0 * decay_per_s[:, None] * times)
    peak = float(power @ rise_peak(decay_per_s, residual.rise_s) ** 2)
    loud = np.flatnonzero(total > peak * db_to_power(LENGTH_DB))
    last = int(loud[-1]) + ONSET_SAMPLE // HOP + 4 if len(loud) else 0
    return next((count for count in FRAME_COUNTS if last <= count), FRAME_COUNTS[-1])


def band_weights(edges_hz: Sequence[float]) -> np.ndarray:
    """Share of each band's power density that falls on each bin, [BINS, bands], in 1/Hz."""
    spacing_hz = SAMPLE_RATE_HZ / N_FFT
    centres = np.arange(BINS)[:, None] * spacing_hz
    low = np.maximum(centres - spacing_hz / 2, 0.0)
    high = np.minimum(centres + spacing_hz / 2, SAMPLE_RATE_HZ / 2)
    edges = np.asarray(edges_hz, dtype=np.float64)
    overlap = np.minimum(high, edges[None, 1:]) - np.maximum(low, edges[None, :-1])
    return np.maximum(overlap, 0.0) / (high - low) / (edges[1:] - edges[:-1])


@functools.lru_cache(maxsize=16)
def _bin_weights(edges_hz: tuple[float, ...]) -> np.ndarray:
    """``band_weights`` on white noise of variance 1."""
    weights: np.ndarray = band_weights(edges_hz) * (SAMPLE_RATE_HZ / 2)
    weights.setflags(write=False)
    return weights


@functools.lru_cache(maxsize=1)
def _window_squares() -> np.ndarray:
    """Weight of the power at each time of a hop, _GRID samples apart, in the frames about it, [times, frames]."""
    window = analysis_window().numpy().astype(np.float64)
    offsets = (np.arange(0, HOP, _GRID) + _GRID / 2)[:, None] - np.array(_FRAMES_AFTER) * HOP + N_FFT / 2
    inside = (offsets >= 0) & (offsets < N_FFT)
    squares: np.ndarray = np.where(inside, np.interp(offsets, np.arange(N_FFT), window**2), 0.0) * _GRID
    squares.setflags(write=False)
    return squares


def expect_noise_power(residual: Residual, frames: int) -> np.ndarray:
    """Expected |STFT|^2 of the residual's noise, [BINS, frames], all components together."""
    if not residual.power_db:
        return np.zeros((BINS, frames))
    hop_s = (np.arange(frames) - ONSET_FRAME) * (HOP / SAMPLE_RATE_HZ)
    within_s = (np.arange(0, HOP, _GRID) + _GRID / 2) / SAMPLE_RATE_HZ
    since_s = hop_s[:, None] + within_s
    rise = np.where(since_s > 0, rise_gain(np.maximum(since_s, 0), residual.rise_s) ** 2, 0.0)
    fine = rise * np.square(envelope_gain(np.maximum(since_s, 0), residual.envelope_db))
    energy = np.zeros((len(residual.power_db), frames))
    for name, component in residual.components:
        # What decays exponentially is its value at the start of a hop times the same fall within each.
        rate = -2.0 * np.asarray(component.decay_per_s)[:, None]
        gain = rise if name == "room" else fine
        seen = np.einsum("tn,nk->ntk", gain, _window_squares()).reshape(within_s.size, -1)
        level = db_to_power(np.asarray(component.power_db))[:, None] * np.exp(rate * np.maximum(hop_s, 0.0))
        power = (np.exp(rate * within_s) @ seen).reshape(len(rate), frames, -1) * level[:, :, None]
        for k, after in enumerate(_FRAMES_AFTER):
            first, last = max(0, after), frames + min(0, after)
            energy[:, first:last] += power[:, first - after : last - after, k]
    return _bin_weights(residual.edges_hz) @ energy


def build_condition(physics: Sequence[tuple[Modes, Residual]], frames: int, device: torch.device | str) -> Condition:
    """The condition of a batch of hits over ``frames`` frames, whose onset lies at ONSET_SAMPLE."""
    return assemble_condition(*expect_parts(physics, frames, device))


def expect_parts(
    physics: Sequence[tuple[Modes, Residual]], frames: int, device: torch.device | str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Expectation of each hit: complex spectrogram of its modes, and power of its noise, [B, BINS, T].

    Both are summed where several hits overlap.
    """
    length = frames * HOP
    modal = synthesize_modes([modes for modes, _ in physics], length - ONSET_SAMPLE, SAMPLE_RATE_HZ, device=device)
    for row, (_, residual) in zip(modal, physics, strict=True):
        rising = math.ceil(residual.rise_s * SAMPLE_RATE_HZ)
        row[:rising] *= torch.from_numpy(rise_gain(np.arange(rising) / SAMPLE_RATE_HZ, residual.rise_s)).to(row)
    wave = torch.nn.functional.pad(modal.to(torch.float32), (ONSET_SAMPLE, 0))
    noise_power = torch.stack(
        [torch.from_numpy(expect_noise_power(residual, frames)).float() for _, residual in physics]
    ).to(device)
    return wave_to_spectrogram(wave), noise_power


def draw_noise(residual: Residual, frames: int, seed: int) -> np.ndarray:
    """A draw of the residual's noise as a wave, float32 [frames * HOP], with its onset at ONSET_SAMPLE.

    Drawn in the time domain and not bin by bin: a frame of 21 ms does not resolve attack and fine envelope in its
    magnitudes, but the phases of its bins keep them, so that the sampler starts with them.
    """
    length = frames * HOP - ONSET_SAMPLE
    noise = synthesize_residual(residual, length, SAMPLE_RATE_HZ, seed)
    rising = min(length, math.ceil(residual.rise_s * SAMPLE_RATE_HZ))
    noise[:rising] *= rise_gain(np.arange(rising) / SAMPLE_RATE_HZ, residual.rise_s)
    return np.pad(noise, (ONSET_SAMPLE, 0))


def assemble_condition(modal: torch.Tensor, noise_power: torch.Tensor) -> Condition:
    """The condition of a modal spectrogram, complex, and the noise's power, both [B, BINS, T]."""
    power = (modal.real**2 + modal.imag**2).unsqueeze(1)
    # Neighbouring modes beat to nothing in single bins; the expectation is taken over their neighbourhood.
    modal_power = torch.nn.functional.avg_pool2d(power, 3, stride=1, padding=1)[:, 0]
    together = modal_power + noise_power
    peak = together.amax(dim=(-2, -1), keepdim=True).clamp_min(1e-20)
    floor = peak * db_to_power(FLOOR_DB)
    expected = torch.sqrt(together + floor)
    share = torch.sqrt((noise_power + floor) / (together + floor))
    sigma = torch.sqrt(share**2 + SIGMA_MIN**2)
    level = 1.0 + gain_to_db(expected / torch.sqrt(peak)) / -FLOOR_DB
    return Condition(expected, compress(modal / expected), sigma.unsqueeze(1), level.unsqueeze(1))
