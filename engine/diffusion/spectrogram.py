"""Complex STFT and the log-compressed representation that the sampler works in.

Arrays: wave [B, T * HOP], spectrogram complex64 [B, BINS, T], compressed spectrogram float32 [B, 2, BINS, T] (real and
imaginary part). Frame t is centred on sample t * HOP.
"""

from __future__ import annotations

import torch

N_FFT = 1022
HOP = 256
BINS = N_FFT // 2 + 1
FRAME_COUNTS = (64, 128, 256)
"""Lengths the sampler works in, so that a short sound costs little; 256 frames are 1.37 s."""

ONSET_FRAME = 2
ONSET_SAMPLE = ONSET_FRAME * HOP
"""Where the onset lies in the window: room for the attack's own rise and the analysis window."""


def analysis_window(device: torch.device | str = "cpu") -> torch.Tensor:
    """The periodic Hann window of the transform, [N_FFT]."""
    return torch.hann_window(N_FFT, device=device)


def wave_to_spectrogram(wave: torch.Tensor) -> torch.Tensor:
    """Complex spectrogram [B, BINS, T] of waves [B, T * HOP]; silence is assumed around them."""
    frames = wave.shape[-1] // HOP
    spectrogram = torch.stft(
        wave, N_FFT, HOP, window=analysis_window(wave.device), center=True, pad_mode="constant", return_complex=True
    )
    return spectrogram[..., :frames]


def spectrogram_to_wave(spectrogram: torch.Tensor) -> torch.Tensor:
    """Waves [B, T * HOP] of a spectrogram; exact inverse save for the last N_FFT / 2 samples, which fade."""
    length = spectrogram.shape[-1] * HOP
    padded = torch.nn.functional.pad(spectrogram, (0, 1))
    return torch.istft(padded, N_FFT, HOP, window=analysis_window(spectrogram.device), center=True, length=length)


def draw_white(count: int, frames: int, generator: torch.Generator) -> torch.Tensor:
    """Spectrograms of white noise, complex [count, BINS, frames], each bin of unit power.

    Drawn as waves: bins drawn one by one would contradict each other where windows overlap, and lose
    three quarters of their power on the way back to a wave.
    """
    window = analysis_window(generator.device)
    wave = torch.randn(count, (frames - 1) * HOP + N_FFT, generator=generator, device=generator.device)
    spectrogram = torch.stft(wave, N_FFT, HOP, window=window, center=False, return_complex=True)
    return spectrogram / window.square().sum().sqrt()


def compress(ratio: torch.Tensor) -> torch.Tensor:
    """Log-compress the magnitude of a whitened spectrogram, keep the phase: complex [..., F, T] to [..., 2, F, T].

    A magnitude of 1 (as expected) stays 1; the map is linear near 0, so silence stays silence.
    """
    magnitude = ratio.abs()
    scale = torch.log2(1.0 + magnitude) / magnitude.clamp_min(1e-9)
    return torch.stack((ratio.real * scale, ratio.imag * scale), dim=-3)


def expand(compressed: torch.Tensor, most: float = 10.0) -> torch.Tensor:
    """Inverse of ``compress``; compressed magnitudes are held under ``most`` (60 dB over the expected)."""
    real, imaginary = compressed.unbind(dim=-3)
    magnitude = torch.sqrt(real * real + imaginary * imaginary)
    scale = (torch.exp2(magnitude.clamp_max(most)) - 1.0) / magnitude.clamp_min(1e-9)
    return torch.complex(real * scale, imaginary * scale)
