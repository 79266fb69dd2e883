"""The bank ranked by sight: by the joint embedding, by what is seen of material, size and striker, or by both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.bank.attributes import Attributes
from engine.bank.bank import Bank, Candidate
from engine.bank.embedding import EMBEDDING_SIZE
from engine.bank.search import make_candidate, measure_distances, rank
from engine.core.errors import BadInput
from engine.physics.model import MATERIALS
from engine.vision.predict import Sight, Watcher

BATCH, LIKELY = 1024, 600
LEAST_CHANCE, UNKNOWN_CHANCE = 1e-3, 0.05
"""What a material that is not seen at all counts as, and one that an entry does not name."""


@dataclass(frozen=True)
class RankConfig:
    """What counts for how much in a ranking: the embedding's nearness, the logarithm of the material's probability, how
    far off the size is, and another striker; set by hand."""

    embedding: float = 6.0
    material: float = 1.0
    size: float = 0.4
    striker: float = 0.2
    size_spread: float = 0.7


@torch.inference_mode()
def embed_bank(watcher: Watcher, bank: Bank) -> Bank:
    """The bank with its entries placed in the joint embedding, by what one hears of each."""
    device = next(watcher.network.parameters()).device
    parts = [np.zeros((0, EMBEDDING_SIZE), np.float32)]
    for first in range(0, len(bank.entries), BATCH):
        latents = torch.from_numpy(bank.latents[first : first + BATCH].astype(np.float32)).to(device)
        parts.append(watcher.network.tower(latents)[0].cpu().numpy())
    return replace(bank, embeddings=np.concatenate(parts))


def score_by_sight(bank: Bank, sight: Sight, config: RankConfig | None = None) -> np.ndarray:
    """How well each entry of an embedded bank fits what is seen, [N]; higher is better, on no particular scale."""
    config = config or RankConfig()
    scores = np.zeros(len(bank.entries))
    if config.embedding:
        if bank.embeddings.shape[1] != len(sight.embedding):
            raise ValueError("the bank has no place in this embedding; see embed_bank")
        scores += config.embedding * (bank.embeddings @ sight.embedding)
    told = np.asarray([math.log(max(sight.material.get(name, 0.0), LEAST_CHANCE)) for name in (*MATERIALS, "")])
    told[-1] = math.log(UNKNOWN_CHANCE)
    places, sizes_m, other = _read_entries(bank, sight.striker)
    scores += config.material * told[places]
    if math.isfinite(sight.size_m):
        away = np.log(np.where(sizes_m > 0.0, sizes_m, sight.size_m) / sight.size_m) / config.size_spread
        scores -= config.size * np.minimum(4.0, away**2)
    scores -= config.striker * other
    return scores


def _read_entries(bank: Bank, striker: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each entry the place of its material in MATERIALS (their number where unknown), its size, and whether it is
    known to be struck with something else, [N] each."""
    order = {name: k for k, name in enumerate(MATERIALS)}
    places = np.asarray([order.get(entry.material, len(MATERIALS)) for entry in bank.entries], int)
    sizes_m = np.asarray([entry.size_m for entry in bank.entries], float)
    other = np.asarray([bool(entry.striker and striker and entry.striker != striker) for entry in bank.entries], bool)
    return places, sizes_m, other


def choose_by_sight(bank: Bank, sight: Sight, top: int = 5, config: RankConfig | None = None) -> list[int]:
    """Numbers of the entries to offer, best first: those least far off, on average, from what it may have been.

    The scores make every entry more or less likely to be the true sound, materials by what is seen and not by how many
    entries they have. The first chosen is the one whose mean distance from all, weighted so, is least; each further
    one lowers the mean distance from the nearest chosen the most (a greedy facility location). To be far off with a
    striking sound is worse than to be near with a plain one. The first is of the likeliest material, the others of
    materials at least half as likely.
    """
    scores = score_by_sight(bank, sight, config)
    materials = np.asarray([entry.material for entry in bank.entries])
    _, place, count = np.unique(materials, return_inverse=True, return_counts=True)
    even = scores - np.log(count[place])
    likely = np.argsort(-even, kind="stable")[:LIKELY]
    weight = np.exp(even[likely] - even[likely[0]])
    chances = np.asarray([sight.material.get(name, 0.0) for name in materials[likely]])
    offered = chances >= chances.max()
    free = chances >= 0.5 * chances.max()
    apart = measure_distances(bank, bank.latents[likely])[:, likely]
    nearest = np.full(len(likely), np.inf)
    chosen: list[int] = []
    groups = [bank.entries[k].group or f"\0{k}" for k in likely]
    while len(chosen) < top and offered.any():
        risk = np.minimum(nearest[:, None], apart).T @ weight
        best = int(np.argmin(np.where(offered, risk, np.inf)))
        chosen.append(int(likely[best]))
        nearest = np.minimum(nearest, apart[:, best])
        free &= np.asarray([group != groups[best] for group in groups])
        offered = free
    return chosen


def rank_by_sight(bank: Bank, sight: Sight, top: int = 5, config: RankConfig | None = None) -> tuple[Candidate, ...]:
    """The entries that fit what is seen best, best first, at most one of each group; BadInput for an empty bank.

    ``bank`` is embedded (``embed_bank``). A candidate's score is the calibrated probability of its material, never
    above that of one offered before it.
    """
    if not bank.entries:
        raise BadInput("the bank is empty; restore the one that ships or add recordings to your own")
    found = []
    least = 1.0
    for k in choose_by_sight(bank, sight, top, config):
        entry = bank.entries[k]
        chance = sight.material.get(entry.material, 0.0)
        least = min(least, float(np.clip(chance, 0.0, 1.0)))
        reason = f"{chance:.0%} {entry.material} by sight" if entry.material else "by its likeness"
        found.append(make_candidate(entry, least, reason))
    return tuple(found)


def rank_by_features(
    bank: Bank, features: np.ndarray, known: np.ndarray, entries: np.ndarray, top: int = 5
) -> list[int]:
    """The paper's way: numbers of the entries of the nearest known hits, by mean visual features.

    ``features`` [F] are those of a hit, ``known`` [M, F] of hits whose sounds are the ``entries`` [M] of the bank;
    Euclidean distance (Su et al., CVPR 2023, inference). At most one of each group.
    """
    scores = np.full(len(bank.entries), np.nan)
    away = np.linalg.norm(known - features[None], axis=1)
    for place in np.argsort(-away, kind="stable"):
        scores[entries[place]] = -away[place]
    return rank(bank, np.where(np.isfinite(scores), scores, -np.inf), top)


def to_attributes(sight: Sight) -> Attributes:
    """What is seen in the tongue that words use too."""
    return Attributes(material=sight.material, size_m=sight.size_m, striker=sight.striker)
