"""Pictures ranked by what the material classifier hears, their own materials being known."""

from __future__ import annotations

import numpy as np

from engine.core.checkpoint import choose_checkpoint
from engine.core.paths import CHECKPOINTS
from engine.lab.data.scene.pack import ScenePack
from engine.lab.metrics import material_classifier as heard
from engine.scene import hearing

_ALSO = {"ground": "loose ground", "carpet": "cloth", "drywall": "stone", "ceramic": "glass or ceramic"}
"""Materials of pictures that the classifier's classes do not name."""


def rank_by_material(pack: ScenePack, checkpoints: str | None) -> np.ndarray:
    """Probability [sounds, pictures] that a sound is of a picture's material; 0 where the classifier has no class."""
    classifier = heard.load_material_classifier(choose_checkpoint("material", checkpoints, CHECKPOINTS / "material"))
    spectrograms = np.stack([convert_spectrogram(sound) for sound in pack.sounds.astype(np.float32)])
    posterior = heard.classify(classifier, spectrograms).posterior
    scores = np.zeros((len(pack), len(pack)))
    for column, material in enumerate(pack.materials.tolist()):
        name = find_class(material)
        if name in classifier.classes:
            scores[:, column] = posterior[:, classifier.classes.index(name)]
    return scores


def find_class(material: str) -> str | None:
    """The classifier's class of a picture's material; None without one."""
    if material in _ALSO:
        return _ALSO[material]
    return next((name for name, materials in heard.CLASSES.items() if material in materials), None)


def convert_spectrogram(sound: np.ndarray) -> np.ndarray:
    """A pack's spectrogram in the classifier's bands, frames and levels, by interpolation."""
    step_s = (hearing.DURATION_S + 0.025) / hearing.FRAMES
    times_s = np.arange(hearing.FRAMES) * step_s
    wanted_s = np.arange(heard.FRAMES) * 0.01
    timed = np.stack([np.interp(wanted_s, times_s, band) for band in sound])
    low, high = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (50.0, 16_000.0))
    mel = np.linspace(float(low), float(high), hearing.BANDS + 2)[1:-1]
    _, centres_hz = heard._mel_filters()
    wanted = 2595.0 * np.log10(1.0 + centres_hz / 700.0)
    levels = np.stack([np.interp(wanted, mel, frame) for frame in timed.T], axis=1)
    return np.asarray(np.maximum(levels - levels.max(), heard.FLOOR_DB), np.float32)
