"""Measures of the vision network beside baselines: material accuracy, and acoustic distance of retrieved physics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.bank.bank import Bank, Entry, join_banks, make_bank, select_entries
from engine.bank.descriptor import describe_physics, descriptor_distance_db
from engine.bank.generate import CHECKPOINT, encode_condition, load_generator, sample_vectors
from engine.bank.physics_vector import decode_physics
from engine.bank.search import measure_distances, rank
from engine.core.checkpoint import CONFIG
from engine.lab.data.vision.features import read_contacts, read_features
from engine.lab.data.vision.hits import HitFrames, LabelledHit
from engine.lab.metrics.distribution import DRAWS, draw_weights, estimate_mean
from engine.physics.model import MATERIALS, Physics
from engine.vision.calibration import to_probabilities
from engine.vision.predict import HitPrediction, VisionModel, cluster_hits, pool_hits
from engine.vision.rank import RankConfig, choose_by_prediction, embed_bank, score_by_prediction, to_attributes

MIN_RECORDINGS, MIN_HITS = 2, 8
"""Materials with fewer recordings or hits are not scored."""
TOP, TOP_MATERIALS = 5, 3
VISION = "object"
"""The method that the product uses: vision, pooled over the hits of one object."""
NO_CROP = np.zeros((0, 0, 3), np.uint8)
RANKINGS = {
    "joint": RankConfig(),
    "embedding": replace(RankConfig(), material=0.0, size=0.0, striker=0.0),
    "attributes": replace(RankConfig(), embedding=0.0),
}
"""Ablations of the ranking: everything, the joint embedding alone, material, size and striker alone."""


@dataclass(frozen=True, eq=False)
class EvaluatedHits:
    """Test hits: labels, predictions, and the acoustic descriptor and physics of each one's own sound."""

    hits: tuple[LabelledHit, ...]
    hit_predictions: tuple[HitPrediction, ...]
    descriptors: np.ndarray  # [N, L], NaN where unknown
    physics: tuple[Physics | None, ...]


@dataclass(frozen=True, eq=False)
class Reference:
    """What retrieval may use: training hits with their features, and an embedded bank."""

    hits: tuple[LabelledHit, ...]
    features: np.ndarray  # [M, F]
    entries: np.ndarray  # [M], index of each hit's sound in the bank, -1 where it has none
    bank: Bank


@torch.inference_mode()
def predict_frames(
    model: VisionModel,
    dataset: HitFrames,
    descriptors: np.ndarray,
    physics: Sequence[Physics | None],
    work: Path,
    pointed_at: bool = False,
) -> EvaluatedHits:
    """Predictions for hits, contacts located by the network, as in a clip; features are cached in the work folder.

    Where ``pointed_at``, known contacts are used, as where the user shows them.
    """
    known = np.asarray([(hit.x, hit.y) for hit in dataset.hits], np.float32).reshape(-1, 2)
    if not pointed_at:
        contacts = read_contacts(model, dataset, work)
    elif np.isfinite(known).all():
        contacts = known
    else:
        contacts = np.where(np.isfinite(known), known, read_contacts(model, dataset, work))
    features = read_features(model, dataset, contacts, work)
    output = model.network.head(torch.from_numpy(features))
    rows = zip(*(values.numpy() for values in output), features, contacts, strict=True)
    found = tuple(
        HitPrediction(material, striker, float(size), embedding, feature, (float(x), float(y)), NO_CROP)
        for material, striker, size, embedding, feature, (x, y) in rows
    )
    return EvaluatedHits(dataset.hits, found, descriptors, tuple(physics))


def build_reference(
    model: VisionModel, dataset: HitFrames, physics: Sequence[Physics | None], shipped: Bank | None, work: Path
) -> Reference:
    """Reference of training hits ``dataset``, whose sounds are ``physics``, and of the entries of the shipped bank."""
    hit_predictions = predict_frames(model, dataset, np.zeros((0, 0)), [], work, pointed_at=True).hit_predictions
    entries = np.full(len(dataset.hits), -1)
    made: list[Entry] = []
    for k, (hit, one) in enumerate(zip(dataset.hits, physics, strict=True)):
        if one is not None:
            entries[k] = len(made)
            size_m = hit.size_m if np.isfinite(hit.size_m) else 0.0
            name = f"{hit.object} {hit.time_s:.3f}"
            made.append(Entry(name, one, hit.material, size_m, striker=hit.striker, group=hit.object, kind="clip"))
    bank = join_banks(*([make_bank(made)] + ([shipped] if shipped is not None else [])))
    return Reference(
        dataset.hits, np.stack([hit.features for hit in hit_predictions]), entries, embed_bank(model, bank)
    )


def choose_classes(hits: Sequence[LabelledHit]) -> tuple[list[str], dict[str, str]]:
    """Materials to score, and the reason for each that is left out."""
    names = sorted({hit.material for hit in hits}, key=MATERIALS.index)
    kept, left_out = [], {}
    for name in names:
        own = [hit for hit in hits if hit.material == name]
        groups = len({hit.group for hit in own})
        if groups >= MIN_RECORDINGS and len(own) >= MIN_HITS:
            kept.append(name)
        else:
            left_out[name] = f"{len(own)} hits of {groups} recording{'s' if groups != 1 else ''}"
    return kept, left_out


def score_materials(model: VisionModel, evaluated: EvaluatedHits, reference: Reference) -> dict[str, np.ndarray]:
    """Scores of all MATERIALS by every method, [N, K] each.

    ``nearest`` visual features, ``sound`` alone, ``vision``, ``object`` (vision pooled over hits of one object), and
    ``both`` (vision and sound).
    """
    material = np.stack([hit_prediction.material for hit_prediction in evaluated.hit_predictions])
    sound = np.full(material.shape, np.nan)
    with_sound = np.isfinite(evaluated.descriptors).all(axis=1)
    with torch.inference_mode():
        sound[with_sound] = model.network.physics_encoder(torch.from_numpy(evaluated.descriptors[with_sound]))[
            1
        ].numpy()
    features = np.stack([hit_prediction.features for hit_prediction in evaluated.hit_predictions])
    distances = np.stack([np.linalg.norm(reference.features - row, axis=1) for row in features])
    nearest = np.full(material.shape, -np.inf)
    for k, name in enumerate(MATERIALS):
        own = [number for number, hit in enumerate(reference.hits) if hit.material == name]
        if own:
            nearest[:, k] = -distances[:, own].min(axis=1)
    both = np.log(to_probabilities(material, model.temperature)) + np.log(to_probabilities(sound))
    pooled = np.empty_like(material)
    for index, prediction in pool_by_object(model, evaluated):
        pooled[index] = np.log([prediction.material[name] + 1e-12 for name in MATERIALS])
    return {"nearest": nearest, "sound": sound, "vision": material, "object": pooled, "both": both}


def pool_by_object(model: VisionModel, evaluated: EvaluatedHits) -> list[tuple[list[int], Any]]:
    """Indices of the hits of each object, as the model clusters them within each clip, and the pooled prediction."""
    found = []
    for clip in sorted({hit.clip for hit in evaluated.hits}):
        index = [k for k, hit in enumerate(evaluated.hits) if hit.clip == clip]
        objects = cluster_hits([evaluated.hit_predictions[k] for k in index])
        for number in sorted(set(objects)):
            own = [k for k, other in zip(index, objects, strict=True) if other == number]
            found.append((own, pool_hits([evaluated.hit_predictions[k] for k in own], model.temperature)))
    return found


def tabulate_materials(
    scores: dict[str, np.ndarray], hits: Sequence[LabelledHit], classes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Top-1, top-3 and balanced accuracy among the classes in percent, with 95 % intervals by clip.

    ``gain`` is by how much vision's balanced accuracy exceeds a baseline's, from the same bootstrap draws. Empty
    without classes.
    """
    if not classes:
        return {}
    index = [MATERIALS.index(name) for name in classes]
    scored = np.asarray([hit.material in classes for hit in hits])
    truth = np.asarray([classes.index(hit.material) if hit.material in classes else -1 for hit in hits])
    groups = [hit.clip for hit in hits]
    counts = np.bincount(truth[scored], minlength=len(classes))
    frequent = np.zeros((len(hits), len(MATERIALS)))
    frequent[:, index] = counts
    table: dict[str, dict[str, Any]] = {}
    right: dict[str, np.ndarray] = {}
    for method, values in {**scores, "most frequent": frequent}.items():
        own = values[:, index]
        if not np.isfinite(own[scored]).any():
            continue  # sounds were not measured
        order = np.argsort(-own, axis=1, kind="stable")
        usable = scored & np.isfinite(own).any(axis=1)
        right[method] = np.where(usable, order[:, 0] == truth, np.nan)
        among = np.where(usable, (order[:, :TOP_MATERIALS] == truth[:, None]).any(axis=1), np.nan)
        each = [float(np.nanmean(right[method][truth == k])) for k in range(len(classes))]
        table[method] = {
            "top1": estimate_mean(100.0 * right[method], groups),
            "top3": estimate_mean(100.0 * among, groups),
            "balanced": estimate_balanced(right[method], truth, groups),
            "each": {name: round(100.0 * share, 1) for name, share in zip(classes, each, strict=True)},
        }
    chance, three = 100.0 / len(classes), min(100.0, TOP_MATERIALS * 100.0 / len(classes))
    table["chance"] = {"top1": [chance] * 3, "top3": [three] * 3, "balanced": [chance] * 3}
    right["chance"] = np.where(scored, chance / 100.0, np.nan)
    for method in (name for name in ("chance", "most frequent", "nearest") if name in right and VISION in right):
        table[method]["gain"] = estimate_balanced(right[VISION], truth, groups, right[method])
    return table


def estimate_balanced(
    right: np.ndarray, truth: np.ndarray, groups: Sequence[str], baseline: np.ndarray | None = None, seed: int = 0
) -> list[float]:
    """Mean over classes of the accuracy in percent, or of what it is above a baseline's; its 95 % interval by group.

    ``right`` [N] is 1, 0 or NaN where not scored, ``truth`` [N] the class. A draw is of the classes that are in it.
    """
    values = right if baseline is None else right - baseline
    known = np.isfinite(values) & (truth >= 0)
    kept, own = values[known], truth[known]
    names = [group for group, k in zip(groups, known, strict=True) if k]

    def measure(weight: np.ndarray) -> float:
        total = np.bincount(own, weight)
        found = np.bincount(own, weight * kept)
        return 100.0 * float(np.mean(found[total > 0.0] / total[total > 0.0]))

    rng = np.random.default_rng(seed)
    draws = [measure(draw_weights(names, rng)) for _ in range(DRAWS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return [measure(np.ones(len(kept))), float(low), float(high)]


def retrieve(model: VisionModel, evaluated: EvaluatedHits, reference: Reference) -> dict[str, np.ndarray]:
    """Indices of the entries that each method retrieves for each hit, [N, TOP], -1 where there are fewer.

    The methods are those of RANKINGS, ``proposed`` (``choose_by_prediction``, as in the product), and ``nearest``, the
    sounds of the training hits nearest in mean features (Su et al., CVPR 2023).
    """
    found = {method: np.full((len(evaluated.hits), TOP), -1) for method in (*RANKINGS, "proposed", "nearest")}
    for k, hit_prediction in enumerate(evaluated.hit_predictions):
        prediction = pool_hits([hit_prediction], model.temperature)
        for method, config in RANKINGS.items():
            _put(found[method][k], rank(reference.bank, score_by_prediction(reference.bank, prediction, config), TOP))
        _put(found["proposed"][k], choose_by_prediction(reference.bank, prediction, TOP))
        scores = np.full(len(reference.bank.entries), -np.inf)
        with_entry = reference.entries >= 0
        difference = reference.features[with_entry] - hit_prediction.features
        scores[reference.entries[with_entry]] = -np.linalg.norm(difference, axis=1)
        _put(found["nearest"][k], rank(reference.bank, scores, TOP))
    return found


def _put(row: np.ndarray, numbers: Sequence[int]) -> None:
    row[: len(numbers)] = numbers


def measure_retrieval(
    evaluated: EvaluatedHits, reference: Reference, found: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """``descriptor_distance_db`` from each hit's own sound, [N]: each method's first and best of five, and baselines.

    ``random`` and ``random of the material`` are means over all such entries; ``closest`` is the nearest entry.
    """
    with_sound = np.isfinite(evaluated.descriptors).all(axis=1)
    distances = np.full((len(evaluated.hits), len(reference.bank)), np.nan)
    distances[with_sound] = measure_distances(reference.bank, evaluated.descriptors[with_sound])
    materials = np.asarray([entry.material for entry in reference.bank.entries])
    result: dict[str, np.ndarray] = {}
    for method, numbers in found.items():
        taken = np.where(numbers >= 0, np.take_along_axis(distances, np.maximum(numbers, 0), axis=1), np.nan)
        result[method] = taken[:, 0]
        best = np.nanmin(np.where(with_sound[:, None], taken, 99.0), axis=1)
        result[f"{method}, best of five"] = np.where(with_sound, best, np.nan)
    result["random"] = distances.mean(axis=1)
    own = np.full(len(evaluated.hits), np.nan)
    for k, hit in enumerate(evaluated.hits):
        same = materials == hit.material
        if with_sound[k] and same.any():
            own[k] = distances[k, same].mean()
    result["random of the material"] = own
    result["closest"] = distances.min(axis=1)
    return result


def measure_generated(model: VisionModel, evaluated: EvaluatedHits) -> np.ndarray | None:
    """Mean distance in dB of two samples generated for each prediction, [N]; None without a generator."""
    if not (CHECKPOINT / CONFIG).is_file():
        return None
    generator = load_generator()
    predictions = [pool_hits([hit_prediction], model.temperature) for hit_prediction in evaluated.hit_predictions]
    conditions = np.stack([encode_condition(to_attributes(prediction)) for prediction in predictions])
    distances = []
    for seed in (0, 1):
        vectors = sample_vectors(generator, conditions, [seed + 2 * k for k in range(len(predictions))])
        descriptors = np.stack([describe_physics(decode_physics(vector)) for vector in vectors])
        distances.append(descriptor_distance_db(descriptors, evaluated.descriptors))
    result: np.ndarray = np.mean(distances, axis=0)
    return result


def tabulate_distances(measured: dict[str, np.ndarray], hits: Sequence[LabelledHit]) -> dict[str, list[float] | None]:
    """Mean distances in dB with 95 % intervals by clip."""
    groups = [hit.clip for hit in hits]
    return {way: estimate_mean(values, groups) for way, values in measured.items()}


def measure_localization(evaluated: EvaluatedHits) -> dict[str, float]:
    """Median distance of located contacts from the true ones, as a share of the picture, and the share within 0.1."""
    true = np.asarray([(hit.x, hit.y) for hit in evaluated.hits])
    located = np.asarray([hit.contact for hit in evaluated.hit_predictions])
    error = np.linalg.norm(true - located, axis=1)
    error = error[np.isfinite(error)]
    return {"median": float(np.median(error)), "within_tenth": float((error < 0.1).mean())} if len(error) else {}


def without_groups(bank: Bank, words: Sequence[str]) -> Bank:
    """The bank without entries whose group or source contains one of these words (clips or days)."""
    keep = [
        k
        for k, entry in enumerate(bank.entries)
        if not any(word in entry.group or word in entry.source for word in words)
    ]
    return select_entries(bank, keep)
