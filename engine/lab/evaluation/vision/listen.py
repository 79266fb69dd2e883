"""End to end: sounds sampled for silent clips from the physics that sight retrieves, named by a listener."""

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
from engine.lab.metrics.material_classifier import CLASSES, draw_picture, listen, load_listener
from engine.media.sound import read_clip_audio
from engine.physics.model import Physics

STEPS = 4
LONGEST_S = 1.0
OWN = "own"
"""The physics of the clip's own sound: as much as any retrieval can be hoped to reach."""
RECORDED = "recorded"
"""The sound of the clip itself: as much as the listener can name."""
BATCH = 8

_CLASS_OF = {material: name for name, materials in CLASSES.items() for material in materials}


def name_class(hit: LabelledHit, classes: Sequence[str]) -> str | None:
    """What a listener calls a hit's material; None where it knows no such class."""
    name = _CLASS_OF.get(hit.material, "loose ground" if hit.material == "ground" else None)
    return name if name in classes else None


def classify_sampled_sounds(
    pairs: Sequence[tuple[EvaluatedHits, dict[str, list[Physics]]]], count: int, checkpoints: Path
) -> dict[str, Any]:
    """Shares in percent of sampled sounds that the listener names as what was struck, of ``count`` hits in all.

    Hits are taken evenly over objects. The listener chooses among all its classes.
    """
    listener = load_listener(checkpoints / "material")
    settings = Settings(str(checkpoints), "sampler", steps=(STEPS,))
    rows: list[tuple[LabelledHit, dict[str, Physics]]] = []
    for seen, chosen in pairs:
        for k, hit in enumerate(seen.hits):
            own = seen.physics[k]
            if own is not None and name_class(hit, listener.classes):
                rows.append((hit, {OWN: own} | {way: physics[k] for way, physics in chosen.items()}))
    rows = _spread(rows, count)
    if not rows:
        return {}
    truth = np.asarray([listener.classes.index(name_class(hit, listener.classes) or "") for hit, _ in rows])
    groups = [hit.clip for hit, _ in rows]
    names = sorted({listener.classes[k] for k in truth})
    heard = [draw_picture(_read(hit)) for hit, _ in rows]
    result: dict[str, Any] = {"hits": len(rows), "classes": names, "of": len(listener.classes), "accuracy": {}}
    for way in (RECORDED, *rows[0][1]):
        pictures = list(heard) if way == RECORDED else []
        for first in range(0, 0 if way == RECORDED else len(rows), BATCH):
            part = [physics[way] for _, physics in rows[first : first + BATCH]]
            sounds = sample(settings, part, [first + k for k in range(len(part))], STEPS)
            pictures += [draw_picture(sound) for sound in sounds]
        posterior = listen(listener, np.stack(pictures)).posterior
        right = (posterior.argmax(axis=1) == truth).astype(float)
        each = [float(right[truth == k].mean()) for k in np.unique(truth)]
        result["accuracy"][way] = {
            "all": estimate_mean(100.0 * right, groups),
            "balanced": 100.0 * float(np.mean(each)),
        }
        print(f"listened to {len(rows)} sounds: {way}", file=sys.stderr, flush=True)
    often = (truth == np.bincount(truth).argmax()).astype(float)
    result["accuracy"]["most frequent"] = {"all": estimate_mean(100.0 * often, groups), "balanced": 100.0 / len(names)}
    return result


def _read(hit: LabelledHit) -> np.ndarray:
    """The sound of a hit up to the next."""
    return read_clip_audio(hit.sound, SAMPLE_RATE_HZ, hit.time_s, min(LONGEST_S, hit.apart_s))


def _spread(rows: list[Any], count: int) -> list[Any]:
    """At most so many hits, every object in turn."""
    by_object: dict[str, list[Any]] = {}
    for row in rows:
        by_object.setdefault(row[0].object, []).append(row)
    turns = max((len(own) for own in by_object.values()), default=0)
    ordered = [own[turn] for turn in range(turns) for own in by_object.values() if turn < len(own)]
    return ordered[:count]
