"""How well sight tells materials, and how near the physics it retrieves comes to the true one, beside simpler ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from engine.bank.bank import Bank, Entry, join_banks, make_bank, select_entries
from engine.bank.descriptor import describe_physics, descriptor_distance_db
from engine.bank.generate import CHECKPOINT, encode_condition, load_generator, sample_vectors
from engine.bank.physics_vector import decode_physics
from engine.bank.search import measure_distances, rank
from engine.core.checkpoint import CONFIG
from engine.lab.data.vision.hits import HitFrames, LabelledHit, make_views
from engine.lab.metrics.distribution import estimate_mean
from engine.physics.model import MATERIALS, Physics
from engine.vision.calibration import to_probabilities
from engine.vision.predict import HitPrediction, VisionModel, cluster_hits, pool_hits, predict_hits
from engine.vision.rank import RankConfig, choose_by_prediction, embed_bank, score_by_prediction, to_attributes

FEWEST_RECORDINGS, FEWEST_HITS = 2, 8
"""A material is scored of which there are at least so many recordings, and so many hits."""
TOP = 5
WAYS = {
    "joint": RankConfig(),
    "embedding": replace(RankConfig(), material=0.0, size=0.0, striker=0.0),
    "attributes": replace(RankConfig(), embedding=0.0),
}
"""Rankings by sight: by both, by the joint embedding alone, by what is seen of material, size and striker alone."""


@dataclass(frozen=True, eq=False)
class EvaluatedHits:
    """Hits that a network had not seen: what is known, what it shows, its sound's descriptor [N, L] (NaN unknown)."""

    hits: tuple[LabelledHit, ...]
    hit_predictions: tuple[HitPrediction, ...]
    descriptors: np.ndarray
    physics: tuple[Physics | None, ...]


@dataclass(frozen=True, eq=False)
class Reference:
    """What a network may draw on: hits that it had seen, their features [M, F], and a bank to choose from.

    ``entries`` [M] are the numbers of their sounds in the bank, -1 where they have none.
    """

    hits: tuple[LabelledHit, ...]
    features: np.ndarray
    entries: np.ndarray
    bank: Bank


def predict_frames(
    model: VisionModel, seen: HitFrames, descriptors: np.ndarray, physics: Sequence[Physics | None]
) -> EvaluatedHits:
    """What a network makes of hits, place and all, as it would in a clip."""
    hit_predictions = [g for k in range(0, len(seen.hits), 64) for g in _part(model, seen, k)]
    return EvaluatedHits(seen.hits, tuple(hit_predictions), descriptors, tuple(physics))


def _part(model: VisionModel, seen: HitFrames, first: int) -> list[HitPrediction]:
    chosen = slice(first, first + 64)
    return predict_hits(model, make_views(HitFrames(seen.hits[chosen], seen.wide[chosen], seen.near[chosen])))


def build_reference(
    model: VisionModel, seen: HitFrames, physics: Sequence[Physics | None], shipped: Bank | None
) -> Reference:
    """What may be drawn on: the sounds of hits that were learnt from, and those of a bank that ships."""
    hit_predictions = predict_frames(model, seen, np.zeros((0, 0)), []).hit_predictions
    entries = np.full(len(seen.hits), -1)
    made: list[Entry] = []
    for k, (hit, one) in enumerate(zip(seen.hits, physics, strict=True)):
        if one is not None:
            entries[k] = len(made)
            size_m = hit.size_m if np.isfinite(hit.size_m) else 0.0
            name = f"{hit.object} {hit.time_s:.3f}"
            made.append(Entry(name, one, hit.material, size_m, striker=hit.striker, group=hit.object, kind="clip"))
    bank = join_banks(*([make_bank(made)] + ([shipped] if shipped is not None else [])))
    return Reference(seen.hits, np.stack([g.features for g in hit_predictions]), entries, embed_bank(model, bank))


def choose_classes(hits: Sequence[LabelledHit]) -> tuple[list[str], dict[str, str]]:
    """Materials to score, and those that are left out with the reason."""
    names = sorted({hit.material for hit in hits}, key=MATERIALS.index)
    kept, left_out = [], {}
    for name in names:
        own = [hit for hit in hits if hit.material == name]
        groups = len({hit.group for hit in own})
        if groups >= FEWEST_RECORDINGS and len(own) >= FEWEST_HITS:
            kept.append(name)
        else:
            left_out[name] = f"{len(own)} hits of {groups} recording{'s' if groups != 1 else ''}"
    return kept, left_out


def score_materials(model: VisionModel, seen: EvaluatedHits, known: Reference) -> dict[str, np.ndarray]:
    """Scores of all MATERIALS by every way, [N, K] each: nearest features, the sound alone, sight, both, object."""
    material = np.stack([hit_prediction.material for hit_prediction in seen.hit_predictions])
    heard = np.full(material.shape, np.nan)
    there = np.isfinite(seen.descriptors).all(axis=1)
    with torch.inference_mode():
        heard[there] = model.network.physics_encoder(torch.from_numpy(seen.descriptors[there]))[1].numpy()
    features = np.stack([hit_prediction.features for hit_prediction in seen.hit_predictions])
    away = np.stack([np.linalg.norm(known.features - row, axis=1) for row in features])
    nearest = np.full(material.shape, -np.inf)
    for k, name in enumerate(MATERIALS):
        own = [place for place, hit in enumerate(known.hits) if hit.material == name]
        if own:
            nearest[:, k] = -away[:, own].min(axis=1)
    both = np.log(to_probabilities(material, model.temperature)) + np.log(to_probabilities(heard))
    pooled = np.empty_like(material)
    for index, prediction in pool(model, seen):
        pooled[index] = np.log([prediction.material[name] + 1e-12 for name in MATERIALS])
    return {"nearest": nearest, "sound": heard, "sight": material, "object": pooled, "both": both}


def pool(model: VisionModel, seen: EvaluatedHits) -> list[tuple[list[int], Any]]:
    """Hits of one object of a clip as sight itself puts them together: their numbers and what is seen of them."""
    found = []
    for clip in sorted({hit.clip for hit in seen.hits}):
        index = [k for k, hit in enumerate(seen.hits) if hit.clip == clip]
        objects = cluster_hits([seen.hit_predictions[k] for k in index])
        for number in sorted(set(objects)):
            own = [k for k, other in zip(index, objects, strict=True) if other == number]
            found.append((own, pool_hits([seen.hit_predictions[k] for k in own], model.temperature)))
    return found


def tabulate_materials(
    scores: dict[str, np.ndarray], hits: Sequence[LabelledHit], classes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Shares in percent, with 95 % intervals by clip, that are right first and among the first five, of the classes."""
    index = [MATERIALS.index(name) for name in classes]
    scored = np.asarray([hit.material in classes for hit in hits])
    truth = np.asarray([classes.index(hit.material) if hit.material in classes else 0 for hit in hits])
    groups = [hit.clip for hit in hits]
    table: dict[str, dict[str, Any]] = {}
    for way, values in scores.items():
        own = values[:, index]
        order = np.argsort(-own, axis=1)
        usable = scored & np.isfinite(own).any(axis=1)
        first = np.where(usable, order[:, 0] == truth, np.nan)
        among = np.where(usable, (order[:, :TOP] == truth[:, None]).any(axis=1), np.nan)
        each = [float(np.nanmean(first[scored & (truth == k)])) for k in range(len(classes))]
        table[way] = {
            "top1": estimate_mean(100.0 * first, groups),
            "top5": estimate_mean(100.0 * among, groups),
            "balanced": 100.0 * float(np.nanmean(each)),
            "each": {name: round(100.0 * share, 1) for name, share in zip(classes, each, strict=True)},
        }
    counts = np.bincount(truth[scored], minlength=len(classes))
    chance = 100.0 / len(classes)
    table["chance"] = {"top1": [chance] * 3, "top5": [min(100.0, TOP * chance)] * 3, "balanced": chance}
    often = np.where(scored, truth == counts.argmax(), np.nan)
    five = np.where(scored, np.isin(truth, np.argsort(-counts)[:TOP]), np.nan)
    table["most frequent"] = {
        "top1": estimate_mean(100.0 * often, groups),
        "top5": estimate_mean(100.0 * five, groups),
        "balanced": chance,
    }
    return table


def retrieve(model: VisionModel, seen: EvaluatedHits, known: Reference) -> dict[str, np.ndarray]:
    """Numbers of entries of the bank for each hit by every way, [N, TOP], -1 where there are fewer."""
    found = {way: np.full((len(seen.hits), TOP), -1) for way in (*WAYS, "offered", "nearest")}
    for k, hit_prediction in enumerate(seen.hit_predictions):
        prediction = pool_hits([hit_prediction], model.temperature)
        for way, config in WAYS.items():
            _put(found[way][k], rank(known.bank, score_by_prediction(known.bank, prediction, config), TOP))
        _put(found["offered"][k], choose_by_prediction(known.bank, prediction, TOP))
        scores = np.full(len(known.bank.entries), -np.inf)
        there = known.entries >= 0
        scores[known.entries[there]] = -np.linalg.norm(known.features[there] - hit_prediction.features, axis=1)
        _put(found["nearest"][k], rank(known.bank, scores, TOP))
    return found


def _put(row: np.ndarray, numbers: Sequence[int]) -> None:
    row[: len(numbers)] = numbers


def measure_retrieval(seen: EvaluatedHits, known: Reference, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Distances in dB from each hit's own sound, [N]: of the first, of the best of five, and of simpler ways.

    Of a random entry and of a random one of the right material the mean over all there are is taken; ``closest`` is the
    nearest that the bank holds.
    """
    there = np.isfinite(seen.descriptors).all(axis=1)
    distances = np.full((len(seen.hits), len(known.bank)), np.nan)
    distances[there] = measure_distances(known.bank, seen.descriptors[there])
    materials = np.asarray([entry.material for entry in known.bank.entries])
    result: dict[str, np.ndarray] = {}
    for way, numbers in found.items():
        taken = np.where(numbers >= 0, np.take_along_axis(distances, np.maximum(numbers, 0), axis=1), np.nan)
        result[way] = taken[:, 0]
        result[f"{way}, best of five"] = np.where(
            there, np.nanmin(np.where(there[:, None], taken, 99.0), axis=1), np.nan
        )
    result["random"] = distances.mean(axis=1)
    own = np.full(len(seen.hits), np.nan)
    for k, hit in enumerate(seen.hits):
        same = materials == hit.material
        if there[k] and same.any():
            own[k] = distances[k, same].mean()
    result["random of the material"] = own
    result["closest"] = distances.min(axis=1)
    return result


def generate(model: VisionModel, seen: EvaluatedHits) -> np.ndarray | None:
    """Distances in dB of physics generated for what is seen, [N], the mean of two seeds; None without a generator."""
    if not (CHECKPOINT / CONFIG).is_file():
        return None
    generator = load_generator()
    predictions = [pool_hits([hit_prediction], model.temperature) for hit_prediction in seen.hit_predictions]
    conditions = np.stack([encode_condition(to_attributes(prediction)) for prediction in predictions])
    distances = []
    for seed in (0, 1):
        vectors = sample_vectors(generator, conditions, [seed + 2 * k for k in range(len(predictions))])
        descriptors = np.stack([describe_physics(decode_physics(vector)) for vector in vectors])
        distances.append(descriptor_distance_db(descriptors, seen.descriptors))
    result: np.ndarray = np.mean(distances, axis=0)
    return result


def tabulate_distances(measured: dict[str, np.ndarray], hits: Sequence[LabelledHit]) -> dict[str, list[float] | None]:
    """Means in dB with 95 % intervals by clip."""
    groups = [hit.clip for hit in hits]
    return {way: estimate_mean(values, groups) for way, values in measured.items()}


def measure_localization(seen: EvaluatedHits) -> dict[str, float]:
    """How far places are found from the true ones, as shares of the picture, and how many within a tenth."""
    true = np.asarray([(hit.x, hit.y) for hit in seen.hits])
    away = np.linalg.norm(true - np.asarray([hit_prediction.place for hit_prediction in seen.hit_predictions]), axis=1)
    away = away[np.isfinite(away)]
    return {"median": float(np.median(away)), "within_tenth": float((away < 0.1).mean())} if len(away) else {}


def without_groups(bank: Bank, words: Sequence[str]) -> Bank:
    """The entries of a bank whose group and source name none of these clips or days."""
    keep = [
        k
        for k, entry in enumerate(bank.entries)
        if not any(word in entry.group or word in entry.source for word in words)
    ]
    return select_entries(bank, keep)
