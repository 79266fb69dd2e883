"""Materials on unseen days, by closed-form heads that are refitted without them: ``evaluate vision --materials``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.lab.data.vision.features import read_contacts, read_features
from engine.lab.data.vision.hits import HitFrames, LabelledHit, is_certain_of_day, was_recorded_on
from engine.lab.evaluation.vision.scores import choose_classes, estimate_balanced, tabulate_materials
from engine.lab.training.vision.material_head import MaterialFit, MaterialHeadConfig
from engine.lab.training.vision.picture_set import PictureSet
from engine.lab.training.vision.train import FOLDS
from engine.physics.model import MATERIALS
from engine.vision.calibration import expected_calibration_error, fit_temperature, to_probabilities
from engine.vision.predict import LEAST_CONFIDENCE, VisionModel

CURVE = (10, 20, 40)
"""Numbers of training clips, besides all; the mean of DRAWS draws each."""
DRAWS = 3


@dataclass(frozen=True, eq=False)
class FilmedHits:
    """Filmed hits with features [N, F] at located contacts and at those known by eye, where there are any."""

    hits: tuple[LabelledHit, ...]
    located: np.ndarray
    known: np.ndarray
    error: np.ndarray  # of the located contact, as a share of the picture [N]; NaN where none is known


def read_filmed_hits(model: VisionModel, frames: HitFrames, work: Path) -> FilmedHits:
    """Contacts and features of filmed hits, cached in the work folder."""
    contacts = read_contacts(model, frames, work)
    known = np.asarray([(hit.x, hit.y) for hit in frames.hits], np.float32)
    error = np.linalg.norm(contacts - known, axis=1)
    at_known = np.where(np.isfinite(known), known, contacts)
    located, pointed_at = (read_features(model, frames, places, work) for places in (contacts, at_known))
    return FilmedHits(frames.hits, located, pointed_at, error)


def predict_unseen(
    film: FilmedHits, fit: MaterialFit, clips: int | None = None, seed: int = 0, pointed_at: bool = False
) -> np.ndarray:
    """Logits [N, MATERIALS] of each hit by a head trained without its days; NaN where no day is certain.

    ``clips`` limits the number of training clips, drawn at random.
    """
    logits = np.full((len(film.hits), len(MATERIALS)), np.nan)
    features = film.known if pointed_at else film.located
    for days in FOLDS.values():
        learnt = [k for k, hit in enumerate(film.hits) if not was_recorded_on(hit, days)]
        if clips is not None:
            names = sorted({film.hits[k].clip for k in learnt})
            kept = set(np.random.default_rng(seed).permutation(names)[:clips])
            learnt = [k for k in learnt if film.hits[k].clip in kept]
        slope, offset = fit.fit(film.known[learnt], [film.hits[k] for k in learnt])
        for k, hit in enumerate(film.hits):
            if is_certain_of_day(hit) and was_recorded_on(hit, days):
                logits[k] = features[k] @ slope + offset
    return logits


def predict_nearest(film: FilmedHits) -> np.ndarray:
    """Scores [N, MATERIALS] by the nearest filmed hit of other days in mean features (Su et al., CVPR 2023)."""
    scores = np.full((len(film.hits), len(MATERIALS)), -np.inf)
    for days in FOLDS.values():
        learnt = [k for k, hit in enumerate(film.hits) if not was_recorded_on(hit, days)]
        for k, hit in enumerate(film.hits):
            if is_certain_of_day(hit) and was_recorded_on(hit, days):
                distances = np.linalg.norm(film.known[learnt] - film.located[k], axis=1)
                for other, distance in zip(learnt, distances, strict=True):
                    index = MATERIALS.index(film.hits[other].material)
                    scores[k, index] = max(scores[k, index], -distance)
    return scores


def pool_by_object(logits: np.ndarray, hits: Sequence[LabelledHit]) -> np.ndarray:
    """Logits averaged over the hits of each object."""
    names = np.asarray([hit.object for hit in hits])
    return np.stack([logits[names == name].mean(axis=0) for name in names])


def evaluate_materials(film: FilmedHits, pictures: PictureSet) -> dict[str, Any]:
    """Tables of materials, ablations, the learning curve over clips, calibration, and contacts."""
    fit = MaterialFit(pictures)
    scored = np.asarray([is_certain_of_day(hit) for hit in film.hits])
    hits = [hit for hit, k in zip(film.hits, scored, strict=True) if k]
    classes, left_out = choose_classes(hits)
    logits = predict_unseen(film, fit)[scored]

    def balanced(values: np.ndarray, own: Sequence[LabelledHit] = hits) -> list[float]:
        truth = np.asarray([classes.index(hit.material) if hit.material in classes else -1 for hit in own])
        among = pool_by_object(values, own)[:, [MATERIALS.index(name) for name in classes]]
        return estimate_balanced((among.argmax(axis=1) == truth).astype(float), truth, [hit.clip for hit in own])

    config = MaterialHeadConfig()
    ablations = {
        "pictures alone": balanced(predict_unseen(film, fit, clips=0)[scored]),
        "film alone": balanced(predict_unseen(film, _weigh_pictures(fit, 1e-3))[scored]),
        f"both, pictures {100 * config.picture_share:.0f} % of the weight": balanced(logits),
    }
    curve = {
        str(count): np.mean([balanced(predict_unseen(film, fit, count, seed)[scored]) for seed in range(DRAWS)], axis=0)
        for count in CURVE
    }
    by_eye = [k for k, (hit, error) in enumerate(zip(hits, film.error[scored], strict=True)) if np.isfinite(error)]
    own = [hits[k] for k in by_eye]
    pointed = predict_unseen(film, fit, pointed_at=True)[scored]
    error = film.error[np.isfinite(film.error)]
    scores = {"nearest": predict_nearest(film)[scored], "vision": logits, "object": pool_by_object(logits, hits)}
    return {
        "hits": len(hits),
        "clips": len({hit.clip for hit in hits}),
        "classes": classes,
        "left_out": left_out,
        "materials": tabulate_materials(scores, hits, classes),
        "ablations": ablations,
        "curve": {name: [float(v) for v in values] for name, values in curve.items()},
        "contacts": {
            "median": float(np.median(error)),
            "within_tenth": float((error < 0.1).mean()),
            "hits": len(error),
        },
        "located": balanced(logits[by_eye], own),
        "pointed_at": balanced(pointed[by_eye], own),
        "calibration": _calibrate(pool_by_object(logits, hits), hits),
    }


def _weigh_pictures(fit: MaterialFit, share: float) -> MaterialFit:
    changed = object.__new__(MaterialFit)
    changed.__dict__.update(fit.__dict__)
    changed.config = replace(fit.config, picture_share=share)
    return changed


def _calibrate(logits: np.ndarray, hits: Sequence[LabelledHit]) -> dict[str, float]:
    """Temperature of all hits; error, share and accuracy of answers under one fitted to the other half of the clips."""
    truth = np.asarray([MATERIALS.index(hit.material) for hit in hits])
    clips = sorted({hit.clip for hit in hits})
    half = np.asarray([clips.index(hit.clip) % 2 for hit in hits])
    confidence = np.zeros(len(hits))
    for side in (0, 1):
        temperature = fit_temperature(logits[half != side], truth[half != side])
        confidence[half == side] = to_probabilities(logits[half == side], temperature).max(axis=1)
    right = (logits.argmax(axis=1) == truth).astype(float)
    answered = confidence >= LEAST_CONFIDENCE
    return {
        "temperature": fit_temperature(logits, truth),
        "error": expected_calibration_error(confidence, right),
        "accuracy": float(right.mean()),
        "answered": float(answered.mean()),
        "accuracy_of_answers": float(right[answered].mean()) if answered.any() else float("nan"),
        "accuracy_of_others": float(right[~answered].mean()) if (~answered).any() else float("nan"),
    }
