"""End to end: classify the material of sounds sampled for silent clips from retrieved physics."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.vision.hits import LabelledHit
from engine.lab.evaluation.sampler.sounds import Settings, sample
from engine.lab.evaluation.vision.scores import EvaluatedHits
from engine.lab.metrics.distribution import estimate_mean
from engine.lab.metrics.material_classifier import CLASSES, classify, load_material_classifier, log_mel_spectrogram
from engine.media.sound import read_clip_audio
from engine.physics.model import Physics

STEPS = 4
LONGEST_S = 1.0
OWN = "own"
"""Physics analysed from the clip's own sound, the upper bound of any retrieval."""
RECORDED = "recorded"
"""The clip's own sound, the upper bound of the classifier."""
BATCH = 8

_CLASS_OF = {material: name for name, materials in CLASSES.items() for material in materials}


def class_of(hit: LabelledHit, classes: Sequence[str]) -> str | None:
    """The classifier's class of a hit's material; None where it has none."""
    name = _CLASS_OF.get(hit.material, "loose ground" if hit.material == "ground" else None)
    return name if name in classes else None


def classify_sampled_sounds(
    pairs: Sequence[tuple[EvaluatedHits, dict[str, list[Physics]]]], count: int, checkpoints: Path
) -> dict[str, Any]:
    """Accuracy in percent of the material classifier on sounds sampled for ``count`` hits, spread evenly over objects.

    ``pairs`` are test hits and the physics that each method retrieved for them. The classifier chooses among all its
    classes.
    """
    classifier = load_material_classifier(checkpoints / "material")
    settings = Settings(str(checkpoints), "sampler", steps=(STEPS,))
    rows: list[tuple[LabelledHit, dict[str, Physics]]] = []
    for evaluated, chosen in pairs:
        for k, hit in enumerate(evaluated.hits):
            own = evaluated.physics[k]
            if own is not None and class_of(hit, classifier.classes):
                rows.append((hit, {OWN: own} | {method: physics[k] for method, physics in chosen.items()}))
    rows = _spread(rows, count)
    if not rows:
        return {}
    truth = np.asarray([classifier.classes.index(class_of(hit, classifier.classes) or "") for hit, _ in rows])
    groups = [hit.clip for hit, _ in rows]
    names = sorted({classifier.classes[k] for k in truth})
    recorded = [log_mel_spectrogram(_read_sound(hit)) for hit, _ in rows]
    result: dict[str, Any] = {"hits": len(rows), "classes": names, "of": len(classifier.classes), "accuracy": {}}
    for method in (RECORDED, *rows[0][1]):
        spectrograms = list(recorded) if method == RECORDED else []
        for first in range(0, 0 if method == RECORDED else len(rows), BATCH):
            part = [physics[method] for _, physics in rows[first : first + BATCH]]
            sounds = sample(settings, part, [first + k for k in range(len(part))], STEPS)
            spectrograms += [log_mel_spectrogram(sound) for sound in sounds]
        posterior = classify(classifier, np.stack(spectrograms)).posterior
        right = (posterior.argmax(axis=1) == truth).astype(float)
        each = [float(right[truth == k].mean()) for k in np.unique(truth)]
        result["accuracy"][method] = {
            "all": estimate_mean(100.0 * right, groups),
            "balanced": 100.0 * float(np.mean(each)),
        }
        print(f"classified {len(rows)} sounds: {method}", file=sys.stderr, flush=True)
    often = (truth == np.bincount(truth).argmax()).astype(float)
    result["accuracy"]["most frequent"] = {"all": estimate_mean(100.0 * often, groups), "balanced": 100.0 / len(names)}
    return result


def _read_sound(hit: LabelledHit) -> np.ndarray:
    """The sound of a hit up to the next, at most LONGEST_S."""
    return read_clip_audio(hit.sound, SAMPLE_RATE_HZ, hit.time_s, min(LONGEST_S, hit.apart_s))


def _spread(rows: list[Any], count: int) -> list[Any]:
    """At most ``count`` rows, taken from each object in turn."""
    by_object: dict[str, list[Any]] = {}
    for row in rows:
        by_object.setdefault(row[0].object, []).append(row)
    turns = max((len(own) for own in by_object.values()), default=0)
    ordered = [own[turn] for turn in range(turns) for own in by_object.values() if turn < len(own)]
    return ordered[:count]
