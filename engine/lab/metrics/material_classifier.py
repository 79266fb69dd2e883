"""Material classifier: a small CNN on log-mel spectrograms that predicts what a struck object is made of."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from torch import nn

from engine.core.checkpoint import CheckpointKind, read_checkpoint, write_checkpoint
from engine.core.units import SAMPLE_RATE_HZ, power_to_db
from engine.lab.data.recordings import Recording

MATERIAL = CheckpointKind(
    "material",
    version=1,
    remedy="train one with `launch.py train material` or give another with --material",
    key_map={"narrow": "projection", "name": "head"},
)
BANDS, FRAMES, FEATURES = 64, 100, 32
LOWEST_HZ, HIGHEST_HZ = 50.0, 16_000.0
FLOOR_DB = -60.0
_HOP, _WINDOW = SAMPLE_RATE_HZ // 100, 1024

CLASSES = {
    "metal": ("metal", "metal(bell)", "metal(bell/cymbal)", "metal(coin)", "metal(door)", "metal(plate)", "metal(tin)"),
    "plastic": ("plastic", "plastic(keycap)"),
    "wood": ("wood", "wood(door)"),
    "skin": ("skin/body", "skin(clap)", "flesh"),
    "glass or ceramic": ("glass", "glass(door)", "ceramic"),
    "floor": ("floor/shoe",),
    "cloth": ("cloth", "cloth/soft", "cloth(felt)", "carpet"),
    "loose ground": ("snow", "sand", "gravel", "grass", "leaf"),
    "rubber": ("rubber",),
    "membrane": ("membrane",),
    "food": ("food",),
    "stone": ("stone", "rock", "concrete"),
    "paper": ("paper/cardboard",),
    "ice": ("ice",),
    "water": ("water",),
}
"""Materials of a manifest that count as one; those not named here count as unknown."""

_MISNAMED = re.compile(r"eating|hitting|chi?ri?ping|comping|spitting|tapping|plastic_bottle|water_bottle|/cardboard")
"""Groups whose material was misread from file names: 'tin' in 'eating' is no metal."""


def material_class(recording: Recording) -> str | None:
    """The class of a recording's material; None where it is unknown or its name was misread."""
    if recording.material not in _CLASS_OF or _MISNAMED.search(recording.group):
        return None
    return _CLASS_OF[recording.material]


_CLASS_OF = {material: name for name, materials in CLASSES.items() for material in materials}


def log_mel_spectrogram(sound: np.ndarray, fmax_hz: float = HIGHEST_HZ, floor_db: float = FLOOR_DB) -> np.ndarray:
    """Log-mel spectrogram of the first second, dB relative to its maximum, [BANDS, FRAMES] float32; frames 10 ms apart.

    ``sound`` is mono at 48 kHz from its onset on; bands whose centre is at or above ``fmax_hz`` count as silent.
    """
    padded = np.zeros(_HOP * FRAMES, np.float32)
    part = np.asarray(sound, np.float32)[: padded.size]
    padded[: part.size] = part
    spectrum = np.abs(librosa.stft(padded, n_fft=_WINDOW, hop_length=_HOP, pad_mode="constant"))[:, :FRAMES] ** 2
    filters, centres_hz = _mel_filters()
    power = filters @ spectrum
    power[centres_hz >= fmax_hz] = 0.0
    level: np.ndarray = power_to_db(power / (float(power.max()) + 1e-30) + 1e-20)
    return np.maximum(level, floor_db).astype(np.float32)


@functools.cache
def _mel_filters() -> tuple[np.ndarray, np.ndarray]:
    filters = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=_WINDOW, n_mels=BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)
    return filters, librosa.mel_frequencies(n_mels=BANDS + 2, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)[1:-1]


class MaterialClassifier(nn.Module):
    """Four convolution blocks with batch normalization, mean and max pooling, 32 features, a linear head."""

    def __init__(self, classes: Sequence[str], widths: Sequence[int] = (24, 48, 96, 128)) -> None:
        super().__init__()
        self.classes, self.widths = tuple(classes), tuple(widths)
        layers: list[nn.Module] = []
        for before, after in zip((1, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        self.body = nn.Sequential(*layers)
        self.projection = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * widths[-1], FEATURES), nn.SiLU())
        self.head = nn.Linear(FEATURES, len(self.classes))

    def forward(self, spectrograms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features [B, 32] and logits [B, classes] of log-mel spectrograms [B, BANDS, FRAMES] in dB."""
        maps = self.body((spectrograms / -FLOOR_DB + 0.5).unsqueeze(1))
        features = self.projection(torch.cat((maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))), dim=1))
        return features, self.head(features)


@dataclass(frozen=True)
class Prediction:
    """Features [N, 32] and class probabilities [N, classes] of sounds."""

    features: np.ndarray
    posterior: np.ndarray


def classify(classifier: MaterialClassifier, spectrograms: np.ndarray) -> Prediction:
    """Features and class probabilities of log-mel spectrograms [N, BANDS, FRAMES]."""
    classifier.eval()
    with torch.no_grad():
        parts = [classifier(part) for part in torch.from_numpy(spectrograms).split(64)]
    features = torch.cat([f for f, _ in parts]).double().numpy()
    posterior = torch.softmax(torch.cat([logits for _, logits in parts]).double(), dim=1).numpy()
    return Prediction(features, posterior)


def save_material_classifier(folder: Path, classifier: MaterialClassifier, training: dict[str, Any]) -> None:
    """Write a checkpoint, weights in half precision."""
    network = {"classes": list(classifier.classes), "widths": list(classifier.widths)}
    write_checkpoint(folder, MATERIAL, classifier, torch.float16, {"network": network, "training": training})


def load_material_classifier(folder: Path | str) -> MaterialClassifier:
    """Load a classifier; BadInput, with the reason, where the checkpoint is missing, damaged or of another kind."""
    classifier, _ = read_checkpoint(Path(folder), MATERIAL, lambda config: MaterialClassifier(**config["network"]))
    return classifier.eval().requires_grad_(False)
