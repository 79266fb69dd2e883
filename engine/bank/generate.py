"""Physics for things the bank has none of: a conditional rectified flow over physics vectors (``physics_vector``)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.bank.attributes import STRIKER_HARDNESS, Attributes
from engine.bank.bank import EMBEDDING_SIZE
from engine.bank.physics_vector import VECTOR_SIZE, decode_physics
from engine.bank.recombine import normalize_peak
from engine.core.checkpoint import (
    CheckpointKind,
    build_config,
    read_checkpoint,
    stamp_checkpoint,
    write_checkpoint,
)
from engine.core.paths import CHECKPOINTS
from engine.physics.model import MATERIALS, Physics

GENERATOR = CheckpointKind("generator", version=1, remedy="restore it or train one with `launch.py train generator`")
CHECKPOINT = CHECKPOINTS / "generator"
QUALITIES = ("size", "hollow", "hardness", "pitch", "ring")
CONDITION_SIZE = len(MATERIALS) + 1 + 2 * len(QUALITIES) + EMBEDDING_SIZE + 1
_MIDDLE_SIZE_M = 0.3


@dataclass(frozen=True)
class GeneratorConfig:
    """Shape of the network, and how it is drawn from; ``guidance`` 1 is none, ``boldness`` how far from the usual.

    ``embedded`` says whether places in the joint embedding were learnt from; where not, one that is given says nothing.
    """

    parts: int = 96
    width: int = 320
    blocks: int = 4
    dropout: float = 0.05
    steps: int = 12
    guidance: float = 1.2
    boldness: float = 0.7
    embedded: bool = False


def encode_condition(attributes: Attributes, embedding: np.ndarray | None = None) -> np.ndarray:
    """float32 [CONDITION_SIZE]: shares of materials and whether any is known, each quality and whether it is known,
    the place in the joint embedding and whether there is one; zeros where unknown.
    """
    shares = np.array([max(0.0, attributes.material.get(name, 0.0)) for name in MATERIALS])
    total = float(shares.sum())
    hardness = attributes.hardness
    if math.isnan(hardness):
        hardness = STRIKER_HARDNESS.get(attributes.striker, math.nan)
    size = math.log2(attributes.size_m / _MIDDLE_SIZE_M) / 2.0 if attributes.size_m > 0.0 else math.nan
    hollow = 2.0 * attributes.hollow - 1.0
    qualities = np.array([size, hollow, hardness, attributes.pitch, attributes.ring])
    known = ~np.isnan(qualities)
    place = np.zeros(EMBEDDING_SIZE)
    given = embedding is not None and np.size(embedding) == EMBEDDING_SIZE and bool(np.isfinite(embedding).all())
    if given:
        place = np.asarray(embedding, np.float64).ravel() * math.sqrt(EMBEDDING_SIZE) * 0.5
    parts = (
        shares / total if total else shares, [float(total > 0.0)], np.where(known, qualities, 0.0), known, place,
        [float(given)],
    )  # fmt: skip
    return np.concatenate(parts).astype(np.float32)


def drop_condition(condition: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Conditions [B, CONDITION_SIZE] with parts unknown where ``shares`` [B, 8] is below their odds of being dropped.

    The parts are the materials, the five qualities, the embedding, and all of it.
    """
    odds = torch.tensor([0.15, 0.3, 0.3, 0.3, 0.5, 0.5, 0.3, 0.12])
    keep = (shares >= odds).to(condition.dtype)
    materials, count = len(MATERIALS) + 1, len(QUALITIES)
    mask = torch.cat(
        (
            keep[:, :1].expand(-1, materials),
            keep[:, 1 : 1 + count],
            keep[:, 1 : 1 + count],
            keep[:, 6:7].expand(-1, EMBEDDING_SIZE + 1),
        ),
        dim=1,
    )
    return condition * mask * keep[:, 7:8]


class _Block(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.shape = nn.Linear(width, 3 * width)
        self.body = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, width))
        nn.init.zeros_(self.shape.weight)
        nn.init.zeros_(self.shape.bias)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        scale, shift, gate = self.shape(told).chunk(3, dim=-1)
        y: torch.Tensor = x + gate * self.body(self.norm(x) * (1.0 + scale) + shift)
        return y


class Generator(nn.Module):
    """Velocity of the flow from noise (time 0) to parts of a physics vector (time 1), given a condition.

    ``mean`` [VECTOR_SIZE] and ``axes`` [parts, VECTOR_SIZE], of the training vectors, take parts to vectors.
    """

    mean: torch.Tensor
    axes: torch.Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("mean", torch.zeros(VECTOR_SIZE))
        self.register_buffer("axes", torch.zeros(config.parts, VECTOR_SIZE))
        self.enter = nn.Linear(config.parts, width)
        self.tell = nn.Sequential(nn.Linear(CONDITION_SIZE + 32, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.blocks = nn.ModuleList(_Block(width, config.dropout) for _ in range(config.blocks))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.parts))

    def forward(self, x: torch.Tensor, time: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Velocities [B, parts] at places [B, parts], times [B] from 0 to 1, conditions [B, CONDITION_SIZE]."""
        rates = torch.exp(torch.linspace(0.0, 4.0, 16))
        angles = time[:, None] * rates[None, :]
        told = self.tell(torch.cat((condition, torch.cos(angles), torch.sin(angles)), dim=-1))
        h = self.enter(x)
        for block in self.blocks:
            h = block(h, told)
        out: torch.Tensor = self.leave(h)
        return out


def draw_vectors(
    model: Generator,
    conditions: np.ndarray,
    seeds: Sequence[int],
    guidance: float | None = None,
    boldness: float | None = None,
    steps: int | None = None,
) -> np.ndarray:
    """Physics vectors [N, VECTOR_SIZE] of conditions [N, CONDITION_SIZE], one seed each, by Heun's method.

    The noise that it starts from is scaled by ``boldness``: less is nearer to the usual and less various.
    Guidance: Ho and Salimans, Classifier-free diffusion guidance, 2022, on the velocity.
    """
    told = torch.from_numpy(np.asarray(conditions, np.float32))
    blank = torch.zeros_like(told)
    x = torch.stack([torch.randn(model.config.parts, generator=torch.Generator().manual_seed(s)) for s in seeds])
    x = x * (model.config.boldness if boldness is None else boldness)
    weight = model.config.guidance if guidance is None else guidance
    count = steps or model.config.steps

    def velocity(place: torch.Tensor, time: float) -> torch.Tensor:
        times = torch.full((len(place),), time)
        towards: torch.Tensor = model(place, times, told)
        if weight == 1.0:
            return towards
        free: torch.Tensor = model(place, times, blank)
        return free + weight * (towards - free)

    model.eval()
    with torch.no_grad():
        for k in range(count):
            start = velocity(x, k / count)
            end = velocity(x + start / count, (k + 1) / count)
            x = x + 0.5 * (start + end) / count
        vectors = model.mean + x @ model.axes
    result: np.ndarray = vectors.numpy()
    return result


def generate_physics(
    model: Generator, attributes: Attributes, seed: int, embedding: np.ndarray | None = None
) -> Physics:
    """A physics such as a thing of these attributes may have, its peak that of the bank's entries.

    The seed alone decides among what fits; ``embedding`` [EMBEDDING_SIZE] is a place in the joint embedding.
    """
    condition = encode_condition(attributes, embedding if model.config.embedded else None)
    return normalize_peak(decode_physics(draw_vectors(model, condition[None], [seed])[0]))


def save_generator(folder: Path, model: Generator, training: dict[str, Any]) -> None:
    """Write the weights in half precision and what they belong to."""
    config = {"network": asdict(model.config), "training": training}
    write_checkpoint(folder, GENERATOR, model, torch.float16, config)


def load_generator(folder: Path | str = CHECKPOINT) -> Generator:
    """The generator of a checkpoint, read once; BadInput, with the reason, where it cannot be used."""
    return _load(Path(folder), stamp_checkpoint(Path(folder)))


@functools.lru_cache(maxsize=2)
def _load(folder: Path, stamp: tuple[int, ...]) -> Generator:
    model, _ = read_checkpoint(
        folder, GENERATOR, lambda config: Generator(build_config(GeneratorConfig, config["network"]))
    )
    return model.eval().requires_grad_(False)
