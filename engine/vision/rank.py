"""Rank the bank by a visual prediction: joint embedding, material, size and striker."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.bank.attributes import Attributes
from engine.bank.bank import EMBEDDING_SIZE, Bank, Candidate
from engine.bank.search import make_candidate, measure_distances
from engine.core.errors import BadInput
from engine.physics.model import MATERIALS
from engine.vision.predict import ObjectPrediction, VisionModel

BATCH = 1024
MAX_POOL = 600
"""Entries of the highest score among which ``choose_by_prediction`` optimises."""
MIN_PROBABILITY, UNKNOWN_PROBABILITY = 1e-3, 0.05
"""Least probability of a material, and that of an entry whose material is unknown."""


@dataclass(frozen=True)
class RankConfig:
    """Weights of a ranking, set by hand."""

    embedding: float = 6.0  # of the cosine similarity in the joint embedding
    material: float = 1.0  # of the material's log probability
    size: float = 0.4  # of the squared difference of log sizes
    striker: float = 0.2  # penalty for a different striker
    size_std: float = 0.7  # unit of log size differences


@torch.inference_mode()
def embed_bank(model: VisionModel, bank: Bank) -> Bank:
    """The bank with the joint embedding of each entry, from its acoustic descriptor."""
    device = next(model.network.parameters()).device
    parts = [np.zeros((0, EMBEDDING_SIZE), np.float32)]
    for first in range(0, len(bank.entries), BATCH):
        descriptors = torch.from_numpy(bank.descriptors[first : first + BATCH].astype(np.float32)).to(device)
        parts.append(model.network.physics_encoder(descriptors)[0].cpu().numpy())
    return replace(bank, embeddings=np.concatenate(parts))


def score_by_prediction(bank: Bank, prediction: ObjectPrediction, config: RankConfig | None = None) -> np.ndarray:
    """Unnormalised log score of each entry of an embedded bank (``embed_bank``), [N]; higher is better."""
    config = config or RankConfig()
    scores = np.zeros(len(bank.entries))
    if config.embedding:
        if bank.embeddings.shape[1] != len(prediction.embedding):
            raise ValueError("the bank has no embeddings of this size; call embed_bank first")
        scores += config.embedding * (bank.embeddings @ prediction.embedding)
    log_material = np.asarray(
        [math.log(max(prediction.material.get(name, 0.0), MIN_PROBABILITY)) for name in MATERIALS]
    )
    log_material = np.append(log_material, math.log(UNKNOWN_PROBABILITY))
    material_index, sizes_m, other_striker = _tabulate_entries(bank, prediction.striker)
    scores += config.material * log_material[material_index]
    if math.isfinite(prediction.size_m):
        away = np.log(np.where(sizes_m > 0.0, sizes_m, prediction.size_m) / prediction.size_m) / config.size_std
        scores -= config.size * np.minimum(4.0, away**2)
    scores -= config.striker * other_striker
    return scores


def _tabulate_entries(bank: Bank, striker: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each entry the index of its material (len(MATERIALS) where unknown), its size in m (0 where unknown), and
    whether it is known to be struck with something else, [N] each."""
    order = {name: k for k, name in enumerate(MATERIALS)}
    index = np.asarray([order.get(entry.material, len(MATERIALS)) for entry in bank.entries], int)
    sizes_m = np.asarray([entry.size_m for entry in bank.entries], float)
    other = np.asarray([bool(entry.striker and striker and entry.striker != striker) for entry in bank.entries], bool)
    return index, sizes_m, other


def choose_by_prediction(
    bank: Bank, prediction: ObjectPrediction, top: int = 5, config: RankConfig | None = None
) -> list[int]:
    """Indices of the entries to propose, best first: those of least expected distance from the true sound.

    The softmax of the scores, corrected for the number of entries of each material, is the probability of each entry
    being the true sound. The first choice minimises the expected ``descriptor_distance_db``; each further one
    minimises the expected distance to the nearest of all chosen (greedy facility location). The first is of the
    likeliest material, the others of materials at least half as likely; no two of one group.
    """
    scores = score_by_prediction(bank, prediction, config)
    materials = np.asarray([entry.material for entry in bank.entries])
    _, index, count = np.unique(materials, return_inverse=True, return_counts=True)
    balanced = scores - np.log(count[index])
    pool = np.argsort(-balanced, kind="stable")[:MAX_POOL]
    weight = np.exp(balanced[pool] - balanced[pool[0]])
    chances = np.asarray([prediction.material.get(name, 0.0) for name in materials[pool]])
    eligible = chances >= chances.max()
    remaining = chances >= 0.5 * chances.max()
    distances_db = measure_distances(bank, bank.descriptors[pool])[:, pool]
    nearest_db = np.full(len(pool), np.inf)
    chosen: list[int] = []
    groups = [bank.entries[k].group or f"\0{k}" for k in pool]
    while len(chosen) < top and eligible.any():
        risk = np.minimum(nearest_db[:, None], distances_db).T @ weight
        best = int(np.argmin(np.where(eligible, risk, np.inf)))
        chosen.append(int(pool[best]))
        nearest_db = np.minimum(nearest_db, distances_db[:, best])
        remaining &= np.asarray([group != groups[best] for group in groups])
        eligible = remaining
    return chosen


def rank_by_prediction(
    bank: Bank, prediction: ObjectPrediction, top: int = 5, config: RankConfig | None = None
) -> tuple[Candidate, ...]:
    """Candidates for a prediction, best first, at most one of each group; BadInput for an empty bank.

    ``bank`` must be embedded (``embed_bank``). A candidate's score is the calibrated probability of its material, made
    non-increasing.
    """
    if not bank.entries:
        raise BadInput("the bank is empty; restore the one that ships or add recordings to your own")
    found = []
    least = 1.0
    for k in choose_by_prediction(bank, prediction, top, config):
        entry = bank.entries[k]
        chance = prediction.material.get(entry.material, 0.0)
        least = min(least, float(np.clip(chance, 0.0, 1.0)))
        found.append(make_candidate(entry, least, _explain(entry.material, chance, prediction.is_told)))
    return tuple(found)


def _explain(material: str, chance: float, is_told: bool) -> str:
    """Why an entry of a material is proposed; the user's word is no probability."""
    if not material or (is_told and not chance):
        return "by its likeness"
    return f"{material} as you say" if is_told else f"{100.0 * chance:.0f} % {material} by sight"


def to_attributes(prediction: ObjectPrediction) -> Attributes:
    """A prediction as attributes, the form that descriptions take too."""
    return Attributes(material=prediction.material, size_m=prediction.size_m, striker=prediction.striker)
