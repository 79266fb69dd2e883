"""Discriminator of recorded and sampled sounds on three resolutions, the finest of the attack alone.

Complex spectrograms at several resolutions, as in EnCodec (Défossez et al., 2022, section 3.4), with a hinge loss (Lim
and Ye, 2017). The weight of the adversarial loss follows the gradients (Esser et al., CVPR 2021, equation 7).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from engine.core.units import SAMPLE_RATE_HZ
from engine.diffusion.spectrogram import ONSET_SAMPLE

HIGHEST_HZ = 19_500.0
ATTACK_SAMPLES = 3072
_RESOLUTIONS = ((2048, 512, 0), (512, 128, 0), (128, 32, ATTACK_SAMPLES))  # window, hop, samples (0 for all)
_WIDTH, _SLOPE, _FLOOR = 32, 0.2, 1e-4


class SpectrogramDiscriminator(nn.Module):
    """Scores of the patches of a spectrogram, [B, samples] -> [B, 1, F, T]; positive for recorded sounds."""

    def __init__(self, n_fft: int, hop: int, samples: int) -> None:
        super().__init__()
        self.n_fft, self.hop, self.samples = n_fft, hop, samples
        self.bins = int(HIGHEST_HZ / SAMPLE_RATE_HZ * n_fft) + 1
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        layers: list[nn.Module] = [weight_norm(nn.Conv2d(3, _WIDTH, (7, 3), padding=(3, 1)))]
        for dilation in (1, 2, 4):
            shape = {"stride": (2, 1), "dilation": (1, dilation), "padding": (3, dilation)}
            layers.append(weight_norm(nn.Conv2d(_WIDTH, _WIDTH, (7, 3), **shape)))  # type: ignore[arg-type]
        layers.append(weight_norm(nn.Conv2d(_WIDTH, _WIDTH, (3, 3), padding=1)))
        self.layers = nn.ModuleList(layers)
        self.head = weight_norm(nn.Conv2d(_WIDTH, 1, (3, 3), padding=1))

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        if self.samples:
            wave = wave[:, ONSET_SAMPLE - self.n_fft // 2 : ONSET_SAMPLE + self.samples]
        window: torch.Tensor = self.window  # type: ignore[assignment]
        spectrogram = torch.stft(wave, self.n_fft, self.hop, window=window, pad_mode="constant", return_complex=True)
        spectrogram = spectrogram[:, : self.bins] / window.square().sum().sqrt()
        magnitude = spectrogram.abs().clamp_min(1e-9)
        turned = spectrogram / magnitude * magnitude.pow(0.3)
        level = torch.log10(magnitude + _FLOOR) / 2.0
        x = torch.stack((turned.real, turned.imag, level), dim=1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), _SLOPE)
        scores: torch.Tensor = self.head(x)
        return scores


class Discriminator(nn.Module):
    """Scores of a batch of waves [B, samples] at every resolution, each of unit level as recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([SpectrogramDiscriminator(*shape) for shape in _RESOLUTIONS])

    def forward(self, wave: torch.Tensor) -> list[torch.Tensor]:
        return [part(wave).float() for part in self.parts]


def discriminator_loss(recorded: list[torch.Tensor], sampled: list[torch.Tensor]) -> torch.Tensor:
    """Hinge loss of the discriminator, a mean over resolutions."""
    losses = [F.relu(1.0 - r).mean() + F.relu(1.0 + s).mean() for r, s in zip(recorded, sampled, strict=True)]
    return torch.stack(losses).mean()


def adversarial_loss(sampled: list[torch.Tensor]) -> torch.Tensor:
    """Hinge loss of the generator: mean over resolutions of the negated scores of sampled sounds."""
    return torch.stack([-scores.mean() for scores in sampled]).mean()
