"""Features of an independent audio network: EfficientAT mn04, an AudioSet tagger (Schmid et al., ICASSP 2023).

A MobileNetV3 (Howard et al., ICCV 2019) of width 0.4 on mel spectrograms at 32 kHz. Its weights are not part of Struck;
they are read from a folder of pretrained networks where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torchaudio
from torch import nn

from engine.core.dsp import resample
from engine.core.errors import BadInput

SAMPLE_RATE_HZ = 32_000
WEIGHTS = "efficientat_mn04_audioset.pt"
FEATURES = 384
_SECONDS = 1.5
_WINDOW, _HOP, _FFT, _MELS, _FMAX_HZ = 800, 320, 1024, 128, 15_000.0
# Kernel, expanded channels, channels out, squeeze and excitation, hard swish, stride of each block.
_BLOCKS = (
    (3, 8, 8, False, False, 1), (3, 24, 16, False, False, 2), (3, 32, 16, False, False, 1), (5, 32, 16, True, False, 2),
    (5, 48, 16, True, False, 1), (5, 48, 16, True, False, 1), (3, 96, 32, False, True, 2), (3, 80, 32, False, True, 1),
    (3, 72, 32, False, True, 1), (3, 72, 32, False, True, 1), (3, 192, 48, True, True, 1), (3, 272, 48, True, True, 1),
    (5, 272, 64, True, True, 2), (5, 384, 64, True, True, 1), (5, 384, 64, True, True, 1),
)  # fmt: skip


def conv_unit(inputs: int, outputs: int, kernel: int, stride: int, groups: int, activation: type[nn.Module] | None
              ) -> nn.Sequential:  # fmt: skip
    """Convolution, batch norm and activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=0.001),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class Excitation(nn.Module):
    """Squeeze and excitation over channels (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3))))))[:, :, None, None] * x


class ConcurrentExcitation(nn.Module):
    """The excitations of one block; mn04 has one, over channels."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([Excitation(channels, squeezed)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conc_se_layers[0](x)  # type: ignore[no-any-return]


class InvertedResidual(nn.Module):
    """A block of MobileNetV3."""

    def __init__(
        self, inputs: int, kernel: int, expanded: int, outputs: int, excite: bool, swish: bool, stride: int
    ) -> None:
        super().__init__()
        activation = nn.Hardswish if swish else nn.ReLU
        layers: list[nn.Module] = []
        if expanded != inputs:
            layers.append(conv_unit(inputs, expanded, 1, 1, 1, activation))
        layers.append(conv_unit(expanded, expanded, kernel, stride, expanded, activation))
        if excite:
            layers.append(ConcurrentExcitation(expanded, round_to_eighths(expanded // 4)))
        layers.append(conv_unit(expanded, outputs, 1, 1, 1, None))
        self.block = nn.Sequential(*layers)
        self.joined = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.block(x) if self.joined else self.block(x)


def round_to_eighths(value: float) -> int:
    """The multiple of 8 nearest to a width, not more than a tenth under it."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


class AudioTagger(nn.Module):
    """mn04: mel spectrogram [B, 1, 128, T] to features [B, 384]; the classifier is kept so that weights fit."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv_unit(1, 8, 3, 2, 1, nn.Hardswish)]
        inputs = 8
        for kernel, expanded, outputs, excite, swish, stride in _BLOCKS:
            layers.append(InvertedResidual(inputs, kernel, expanded, outputs, excite, swish, stride))
            inputs = outputs
        layers.append(conv_unit(inputs, FEATURES, 1, 1, 1, nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(FEATURES, 512), nn.Hardswish(), nn.Dropout(0.2),
            nn.Linear(512, 527),
        )  # fmt: skip

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.features(mel).mean(dim=(2, 3))  # type: ignore[no-any-return]


def load_tagger(folder: Path) -> AudioTagger:
    """The pretrained network of a folder; BadInput where it is not there or does not fit."""
    path = folder / WEIGHTS
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        tagger = AudioTagger()
        tagger.load_state_dict(weights.get("model", weights))
    except (OSError, RuntimeError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0][:100]
        raise BadInput(
            f"the audio tagger {path} cannot be read ({reason}); give its folder with --judge or leave it out"
        ) from None
    return tagger.eval().requires_grad_(False)


def measure_mel(waves: torch.Tensor) -> torch.Tensor:
    """The network's input [B, 1, 128, T] of waves [B, samples] at 32 kHz: pre-emphasis, Kaldi mel bands, log."""
    emphasized = waves[:, 1:] - 0.97 * waves[:, :-1]
    window = torch.hann_window(_WINDOW, periodic=False)
    power = torch.stft(emphasized, _FFT, _HOP, _WINDOW, window, center=True, return_complex=True).abs().square()
    bands, _ = torchaudio.compliance.kaldi.get_mel_banks(
        _MELS, _FFT, float(SAMPLE_RATE_HZ), 0.0, _FMAX_HZ, vtln_low=100.0, vtln_high=-500.0, vtln_warp_factor=1.0
    )
    mel = torch.nn.functional.pad(bands, (0, 1)) @ power
    return ((torch.log(mel + 1e-5) + 4.5) / 5.0)[:, None]


@torch.no_grad()
def extract_features(tagger: AudioTagger, sounds: Sequence[np.ndarray], sample_rate_hz: int) -> np.ndarray:
    """Features [N, 384] of sounds, mono, each at a peak of 0.5 and padded or cut to 1.5 s."""
    length = round(_SECONDS * SAMPLE_RATE_HZ)
    rows = []
    for start in range(0, len(sounds), 32):
        batch = np.zeros((len(sounds[start : start + 32]), length), np.float32)
        for row, sound in zip(batch, sounds[start : start + 32], strict=True):
            wave = resample(np.asarray(sound, np.float32), sample_rate_hz, SAMPLE_RATE_HZ)[:length]
            row[: len(wave)] = 0.5 * wave / max(float(np.abs(wave).max()), 1e-6)
        rows.append(tagger(measure_mel(torch.from_numpy(batch))).numpy())
    return np.concatenate(rows) if rows else np.zeros((0, FEATURES), np.float32)
