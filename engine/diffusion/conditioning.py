"""Optional conditioning beside the prior: velocity, material, embedding; and the level of detail of the physics.

Each part may be missing and then contributes zeros; all missing is the null condition of classifier-free guidance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from engine.core.errors import BadInput
from engine.physics.detail import MOST_BANDS, MOST_MODES, Detail
from engine.physics.model import MATERIALS, Context

EMBEDDING_WIDTH = 512
"""Width of the embedding for a picture, a reference sound or text; all zeros is the null condition."""

CONTEXT_DIM = 2 + len(MATERIALS) + EMBEDDING_WIDTH
DETAIL_DIM = 7
_FULL_VELOCITY_DB = 20.0
_FULL_SIZE_OCTAVES = 4.0
_SYNONYMS = {
    "stone": "rock", "ice": "rock", "flesh": "skin", "body": "skin", "shoe": "floor", "soft": "cloth", "felt": "cloth",
    "cardboard": "paper", "snow": "ground", "sand": "ground", "gravel": "ground", "grass": "ground", "leaf": "ground",
    "dirt": "ground",
}  # fmt: skip


def encode_contexts(contexts: Sequence[Context], device: torch.device | str = "cpu") -> torch.Tensor:
    """Contexts as vectors, float32 [B, CONTEXT_DIM]; what is missing is 0. BadInput for what does not fit."""
    vectors = np.zeros((len(contexts), CONTEXT_DIM), np.float32)
    for row, context in zip(vectors, contexts, strict=True):
        if context.velocity_db is not None:
            row[0], row[1] = 1.0, float(np.clip(context.velocity_db / _FULL_VELOCITY_DB, -2.0, 2.0))
        if context.material:
            if context.material not in MATERIALS:
                raise BadInput(f"material {context.material!r} is not known; choose one of {', '.join(MATERIALS)}")
            row[2 + MATERIALS.index(context.material)] = 1.0
        if context.embedding:
            if len(context.embedding) != EMBEDDING_WIDTH:
                raise BadInput(
                    f"an embedding has {len(context.embedding)} values instead of {EMBEDDING_WIDTH}; compute it anew"
                )
            row[2 + len(MATERIALS) :] = context.embedding
    return torch.from_numpy(vectors).to(device)


def encode_details(details: Sequence[Detail], device: torch.device | str = "cpu") -> torch.Tensor:
    """Details as vectors, float32 [B, DETAIL_DIM], 0 at full detail: shares of modes, bands, envelope and attack
    left out, variation, and whether a size is given and which."""
    vectors = np.zeros((len(details), DETAIL_DIM), np.float32)
    for row, detail in zip(vectors, details, strict=True):
        if detail.modes is not None:
            row[0] = 1.0 - math.log2(1 + min(detail.modes, MOST_MODES)) / math.log2(2 + MOST_MODES)
        if detail.bands is not None:
            row[1] = 1.0 - math.log2(1 + min(detail.bands, MOST_BANDS)) / math.log2(2 + MOST_BANDS)
        row[2:5] = not detail.envelope, not detail.attack, detail.variation
        if detail.size_octaves is not None:
            row[5], row[6] = 1.0, float(np.clip(detail.size_octaves / _FULL_SIZE_OCTAVES, -2.0, 2.0))
    return torch.from_numpy(vectors).to(device)


def drop_parts(vectors: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Context vectors [B, CONTEXT_DIM] of which each part is left out, on its own, in ``share`` of the rows."""
    spans = ((0, 2), (2, 2 + len(MATERIALS)), (2 + len(MATERIALS), CONTEXT_DIM))
    kept = torch.ones_like(vectors)
    for low, high in spans:
        given = torch.rand(len(vectors), 1, generator=generator, device=generator.device) >= share
        kept[:, low:high] = given.to(vectors)
    return vectors * kept


def name_material(label: str) -> str:
    """The material of a label such as "wood(door)" or "cloth/soft", "" where it is none of MATERIALS."""
    for word in label.lower().replace("(", " ").replace(")", " ").replace("/", " ").split():
        known = _SYNONYMS.get(word, word)
        if known in MATERIALS:
            return known
    return ""
