"""Generate physics for given attributes: a conditional rectified flow over physics vectors (``physics_vector``).

- The vectors' strongest principal components are generated, from noise at time 0 to data at time 1.
- The network is a residual MLP with adaptive layer normalisation (Peebles and Xie, "Scalable diffusion models with
  transformers", ICCV 2023) of its condition and time.
- Rectified flow: Liu et al., "Flow straight and fast", ICLR 2023. Guidance: Ho and Salimans, "Classifier-free diffusion
  guidance", 2022, applied to the velocity.
"""

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

KEY_MAP = {
    "enter": "proj_in",
    "tell": "condition_encoder",
    "shape": "modulation",
    "body": "mlp",
    "leave": "head",
}
"""Parts of parameter names in checkpoints written before the modules were renamed, and their names now."""

CONFIG_KEY_MAP = {"parts": "components", "boldness": "noise_scale"}
"""Fields of ``GeneratorConfig`` in such checkpoints, and their names now."""

GENERATOR = CheckpointKind(
    "generator", version=1, remedy="restore it or train one with `launch.py train generator`", key_map=KEY_MAP
)
CHECKPOINT = CHECKPOINTS / "generator"
QUALITIES = ("size", "hollow", "hardness", "pitch", "ring")
CONDITION_SIZE = len(MATERIALS) + 1 + 2 * len(QUALITIES) + EMBEDDING_SIZE + 1
"""Length of a condition; see ``encode_condition``."""

DROP_PROBABILITIES = (0.15, 0.3, 0.3, 0.3, 0.5, 0.5, 0.3, 0.12)
"""Of the materials, the five qualities, the embedding, and the whole condition; see ``drop_condition``."""
_MIDDLE_SIZE_M = 0.3


@dataclass(frozen=True)
class GeneratorConfig:
    """Size of the network, and its sampling defaults."""

    components: int = 96  # principal components generated
    width: int = 320
    blocks: int = 4
    dropout: float = 0.05
    steps: int = 12  # Heun steps
    guidance: float = 1.2  # classifier-free guidance weight, 1 for none
    noise_scale: float = 0.7  # of the initial noise: below 1 less varied and nearer to the mean
    embedded: bool = False  # trained with joint embeddings; otherwise they are ignored


def encode_condition(attributes: Attributes, embedding: np.ndarray | None = None) -> np.ndarray:
    """Condition vector, float32 [CONDITION_SIZE]; zeros where unknown.

    Normalised material weights and a flag, QUALITIES and their flags, joint embedding [EMBEDDING_SIZE] and its flag.
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
    scaled = np.zeros(EMBEDDING_SIZE)
    given = embedding is not None and np.size(embedding) == EMBEDDING_SIZE and bool(np.isfinite(embedding).all())
    if given:
        scaled = np.asarray(embedding, np.float64).ravel() * math.sqrt(EMBEDDING_SIZE) * 0.5
    parts = (
        shares / total if total else shares, [float(total > 0.0)], np.where(known, qualities, 0.0), known, scaled,
        [float(given)],
    )  # fmt: skip
    return np.concatenate(parts).astype(np.float32)


def drop_condition(condition: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Conditions [B, CONDITION_SIZE] with parts made unknown, each with its probability of DROP_PROBABILITIES.

    ``uniform`` [B, 8] are random numbers, uniform from 0 to 1.
    """
    keep = (uniform >= torch.tensor(DROP_PROBABILITIES)).to(condition.dtype)
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
    """x + gate * mlp(norm(x) * (1 + scale) + shift), with scale, shift and gate from the condition; zero at first."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, 3 * width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, width))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        scale, shift, gate = self.modulation(condition).chunk(3, dim=-1)
        y: torch.Tensor = x + gate * self.mlp(self.norm(x) * (1.0 + scale) + shift)
        return y


class Generator(nn.Module):
    """Velocity network of the flow, in the space of scaled principal components.

    A vector is ``mean`` [VECTOR_SIZE] plus components times ``axes`` [components, VECTOR_SIZE], both of training data.
    """

    mean: torch.Tensor
    axes: torch.Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("mean", torch.zeros(VECTOR_SIZE))
        self.register_buffer("axes", torch.zeros(config.components, VECTOR_SIZE))
        self.proj_in = nn.Linear(config.components, width)
        self.condition_encoder = nn.Sequential(
            nn.Linear(CONDITION_SIZE + 32, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.blocks = nn.ModuleList(_Block(width, config.dropout) for _ in range(config.blocks))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.components))

    def forward(self, x: torch.Tensor, time: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Velocity [B, components] at states [B, components], times [B] from 0 to 1, conditions [B, CONDITION_SIZE]."""
        rates = torch.exp(torch.linspace(0.0, 4.0, 16))
        angles = time[:, None] * rates[None, :]
        encoded = self.condition_encoder(torch.cat((condition, torch.cos(angles), torch.sin(angles)), dim=-1))
        h = self.proj_in(x)
        for block in self.blocks:
            h = block(h, encoded)
        out: torch.Tensor = self.head(h)
        return out


def sample_vectors(
    model: Generator,
    conditions: np.ndarray,
    seeds: Sequence[int],
    guidance: float | None = None,
    noise_scale: float | None = None,
    steps: int | None = None,
) -> np.ndarray:
    """Physics vectors [N, VECTOR_SIZE] for conditions [N, CONDITION_SIZE], one seed each, by Heun's method.

    ``guidance``, ``noise_scale`` and ``steps`` are by default those of the model's configuration.
    """
    condition = torch.from_numpy(np.asarray(conditions, np.float32))
    unknown = torch.zeros_like(condition)
    x = torch.stack([torch.randn(model.config.components, generator=torch.Generator().manual_seed(s)) for s in seeds])
    x = x * (model.config.noise_scale if noise_scale is None else noise_scale)
    weight = model.config.guidance if guidance is None else guidance
    count = steps or model.config.steps

    def velocity(state: torch.Tensor, time: float) -> torch.Tensor:
        times = torch.full((len(state),), time)
        conditional: torch.Tensor = model(state, times, condition)
        if weight == 1.0:
            return conditional
        unconditional: torch.Tensor = model(state, times, unknown)
        return unconditional + weight * (conditional - unconditional)

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
    """One sample of the physics of an object with these attributes, at the peak level of the bank's entries.

    Equal seeds give equal physics. ``embedding`` [EMBEDDING_SIZE] is a joint embedding, used where the model is trained
    with them.
    """
    condition = encode_condition(attributes, embedding if model.config.embedded else None)
    return normalize_peak(decode_physics(sample_vectors(model, condition[None], [seed])[0]))


def save_generator(folder: Path, model: Generator, training: dict[str, Any]) -> None:
    """Write a checkpoint, weights in int8 with a step a row."""
    config = {"network": asdict(model.config), "training": training}
    write_checkpoint(folder, GENERATOR, model, torch.int8, config)


def load_generator(folder: Path | str = CHECKPOINT) -> Generator:
    """The generator of a checkpoint folder, cached; BadInput, with the reason, where it cannot be used."""
    return _load(Path(folder), stamp_checkpoint(Path(folder)))


@functools.lru_cache(maxsize=2)
def _load(folder: Path, stamp: tuple[int, ...]) -> Generator:
    model, _ = read_checkpoint(folder, GENERATOR, _build_network)
    return model.eval().requires_grad_(False)


def _build_network(config: dict[str, Any]) -> Generator:
    sizes = {CONFIG_KEY_MAP.get(name, name): value for name, value in config["network"].items()}
    return Generator(build_config(GeneratorConfig, sizes))
