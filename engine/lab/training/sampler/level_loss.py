"""Loss on band levels over time, through a few sampler steps.

The velocity loss acts on single bins; loudness and brightness are sums over many bins, in decibels, after overlap-add.
So the last of a few steps also has a loss on band levels, a spectral loss as in DDSP (Engel et al., 2020).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import librosa
import numpy as np
import torch
from torch.nn.functional import avg_pool1d

from engine.core.units import SAMPLE_RATE_HZ, db_to_power, power_to_db
from engine.diffusion.interpolant import draw_prior
from engine.diffusion.solver import angle_schedule, sample
from engine.diffusion.spectrogram import (
    HOP,
    N_FFT,
    ONSET_SAMPLE,
    draw_white,
    expand,
    spectrogram_to_wave,
    wave_to_spectrogram,
)
from engine.diffusion.unet import VelocityNetwork
from engine.lab.data.sampler.examples import Batch

_BANDS = 32
_FLOOR_DB, _AUDIBLE_DB = -80.0, -50.0
_QUIET_WEIGHT = 0.6
ATTACK_WEIGHT = 0.3
ATTACK_FFT, ATTACK_SAMPLES = 256, 2880
# A band's level needs some ten independent draws: low bands, being narrow, need longer frames.
_RESOLUTIONS = ((4, 1200.0), (16, 0.0))  # frames, lowest band in Hz


@dataclass(frozen=True)
class SampledBatch:
    """Sampled and recorded waves [B, samples], and which bins of the recorded are known, bool [B, BINS, T]."""

    sampled: torch.Tensor
    recorded: torch.Tensor
    known: torch.Tensor


def level_loss(
    network: VelocityNetwork, batch: Batch, steps: int, generator: torch.Generator, bfloat16: bool
) -> torch.Tensor:
    """Mean error in dB of the band levels of sounds sampled in ``steps`` steps; gradients flow through the last."""
    return compare_levels(sample_batch(network, batch, steps, generator, bfloat16), determine(batch))


def determine(batch: Batch) -> torch.Tensor:
    """How far the given physics determines the levels of each sound, [B]: from 1 at full detail towards 0."""
    left_out = batch.detail[:, :2].amax(dim=1)
    return (1.0 - left_out) * (1.0 - 0.5 * batch.detail[:, 4])


def sample_batch(
    network: VelocityNetwork, batch: Batch, steps: int, generator: torch.Generator, bfloat16: bool
) -> SampledBatch:
    """Sample a batch in ``steps`` steps, the last of them with gradients."""
    features = batch.features
    white = draw_white(len(features), features.shape[-1], generator).to(features.device)
    evaluations = 0

    def denoise(noisy: torch.Tensor, angle: float) -> torch.Tensor:
        nonlocal evaluations
        evaluations += 1
        angles = torch.full((len(noisy),), angle, device=noisy.device)
        with (
            torch.set_grad_enabled(evaluations == steps and torch.is_grad_enabled()),
            torch.autocast(noisy.device.type, torch.bfloat16, enabled=bfloat16),
        ):
            return network(noisy, angles, features, batch.context, batch.detail).float()

    mean = features[:, :2]
    deviation = sample(denoise, draw_prior(mean, batch.noise, white), angle_schedule(steps))
    expected = torch.pow(10.0, (features[:, 3] - 1.0) * 4.0)  # level 0 is 80 dB under level 1
    wave = spectrogram_to_wave(expand(mean + deviation) * expected)
    recorded = spectrogram_to_wave(expand(mean + batch.deviation) * expected)
    return SampledBatch(wave, recorded, batch.weight[:, 0] > 0.0)


def compare_levels(pair: SampledBatch, weight: torch.Tensor) -> torch.Tensor:
    """Mean error in dB of band levels, of the whole and of the attack; sounds weighted by ``weight`` [B]."""
    made, real = (wave_to_spectrogram(wave).abs().square() * pair.known for wave in (pair.sampled, pair.recorded))
    attacks = _compare_attacks(pair.sampled, pair.recorded, pair.known, weight)
    return _compare(made, real, pair.known, weight) + ATTACK_WEIGHT * attacks


def _compare_attacks(
    made: torch.Tensor, real: torch.Tensor, known: torch.Tensor, sound_weight: torch.Tensor
) -> torch.Tensor:
    """Mean error in dB of the first 60 ms from the onset, in frames of 5 ms, a quarter of the sampler's own."""
    size, hop = ATTACK_FFT, ATTACK_FFT // 2
    window = torch.hann_window(size, device=made.device)
    bands = torch.from_numpy(_attack_bands()).to(made.device)

    def measure(wave: torch.Tensor) -> torch.Tensor:
        attack = wave[:, ONSET_SAMPLE : ONSET_SAMPLE + ATTACK_SAMPLES]
        power = torch.stft(attack, size, hop, window=window, pad_mode="constant", return_complex=True).abs().square()
        return bands @ power

    real_power = measure(real)
    peak = real_power.amax(dim=(1, 2), keepdim=True).clamp_min(1e-20)
    made_db, real_db = (power_to_db(power / peak + 1e-5) for power in (measure(made), real_power))
    last = (ONSET_SAMPLE + ATTACK_SAMPLES) // HOP
    rows = torch.linspace(0, known.shape[1] - 1, size // 2 + 1).round().long()
    bins = known[:, rows, last : last + 1].float()
    weight = ((bands @ bins) > 0.5 * bands.sum(dim=1)[None, :, None]).float().expand_as(real_db)
    weight = weight * sound_weight[:, None, None]
    return ((made_db - real_db).abs() * weight).sum() / weight.sum().clamp_min(1.0)


@functools.cache
def _attack_bands() -> np.ndarray:
    bands = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=ATTACK_FFT, n_mels=12, fmin=500.0)
    return np.asarray(bands, dtype=np.float32)


def _compare(made: torch.Tensor, real: torch.Tensor, known: torch.Tensor, sound_weight: torch.Tensor) -> torch.Tensor:
    bands = torch.from_numpy(mel_bands()).to(made.device)
    lows_hz = librosa.mel_frequencies(n_mels=_BANDS + 2, fmin=40.0, fmax=SAMPLE_RATE_HZ / 2)[1:-1]
    total, weights = made.new_zeros(()), made.new_zeros(())
    for frames, low_hz in _RESOLUTIONS:
        chosen = bands[int(np.searchsorted(lows_hz, low_hz)) :]
        made_power, real_power, share = (
            avg_pool1d(chosen @ value, frames, max(1, frames // 2)) for value in (made, real, known.float())
        )
        peak = real_power.amax(dim=(1, 2), keepdim=True).clamp_min(1e-20)
        floor = db_to_power(_FLOOR_DB)
        made_db = power_to_db(made_power / peak + floor)
        real_db = power_to_db(real_power / peak + floor)
        audible = torch.where(real_db > _AUDIBLE_DB, 1.0, _QUIET_WEIGHT)
        weight = audible * (share > 0.3 * chosen.sum(dim=1)[None, :, None]) * sound_weight[:, None, None]
        total = total + ((made_db - real_db).abs() * weight).sum()
        weights = weights + weight.sum()
    return total / weights.clamp_min(1.0)


def mel_bands() -> np.ndarray:
    """Weights of bins in 32 mel bands, float32 [32, BINS]."""
    bands = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=N_FFT, n_mels=_BANDS, fmin=40.0)
    return np.asarray(bands, dtype=np.float32)
