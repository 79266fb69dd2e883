"""What sight tells of the hits of a clip: each is looked at, and hits of one object share one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage

from engine.bank.bank import STRIKERS
from engine.core.checkpoint import CheckpointKind, build_config, read_checkpoint, refuse, write_checkpoint
from engine.core.paths import CHECKPOINTS
from engine.physics.model import MATERIALS
from engine.vision.backbone import Backbone, load_backbone
from engine.vision.calibration import to_probabilities
from engine.vision.crops import SCALES, Views, cut_crops
from engine.vision.network import TYPICAL_SIZE_M, SightConfig, SightNetwork, read_places

SIGHT_PATH = CHECKPOINTS / "vision"
"""Where the network that ships lies."""

VISION = CheckpointKind("sight", version=1, remedy="restore it, or take {folder} away to go without sight")
BATCH = 8
APART, UNLIKE = 0.2, 0.5
"""Hits this far apart, as a share of the picture's width, or this unlike in the joint embedding, are of two objects."""


@dataclass(frozen=True, eq=False)
class Watcher:
    """A sight network, the temperature of its confidence, and the backbone that it looks through, if it has one."""

    network: SightNetwork
    temperature: float = 1.0
    backbone: Backbone | None = None


@dataclass(frozen=True, eq=False)
class Glimpse:
    """What one hit shows: logits of MATERIALS [K] and STRIKERS, the size's logarithm over TYPICAL_SIZE_M, the place in
    the joint embedding [E], the pooled features [F], and where the contact is, x and y from 0 to 1, and how surely."""

    material: np.ndarray
    striker: np.ndarray
    size: float
    embedding: np.ndarray
    features: np.ndarray
    place: tuple[float, float]
    found: float


@dataclass(frozen=True, eq=False)
class Sight:
    """What is struck, as far as one can see.

    ``material`` gives probabilities to names of MATERIALS, ``striker`` is one of STRIKERS, ``place`` where the contact
    is, x and y from 0 to 1. ``embedding`` [EMBEDDING_SIZE] is the place in the joint embedding. ``confidence`` is the
    probability, calibrated, that the likeliest material is right.
    """

    material: Mapping[str, float]
    size_m: float
    striker: str
    place: tuple[float, float]
    embedding: np.ndarray
    confidence: float


def look_at_hits(watcher: Watcher, views: Sequence[Views]) -> tuple[list[int], list[Sight]]:
    """Which object each hit is of, and what is struck, object by object."""
    glimpses = glimpse_hits(watcher, views)
    objects = group_hits(glimpses)
    return objects, pool_objects(glimpses, objects, watcher.temperature)


@torch.inference_mode()
def glimpse_hits(watcher: Watcher, views: Sequence[Views]) -> list[Glimpse]:
    """What each hit shows, hits looked at a few at a time, as they are and mirrored."""
    found: list[Glimpse] = []
    for first in range(0, len(views), BATCH):
        part = views[first : first + BATCH]
        shapes = {view.near.shape for view in part}
        if len(shapes) > 1:
            raise ValueError("views of pictures of different sizes")
        wide = torch.from_numpy(np.stack([view.wide for view in part]).astype(np.float32))
        near = torch.from_numpy(np.stack([view.near for view in part])).permute(0, 1, 4, 2, 3).float() / 255.0
        found += _glimpse(watcher, wide, near)
    return found


def _glimpse(watcher: Watcher, wide: torch.Tensor, near: torch.Tensor) -> list[Glimpse]:
    network = watcher.network
    device = next(network.parameters()).device
    heat = network.finder(wide.to(device))
    mirrored = network.finder(wide.flip(-1).to(device)).flip(-1)
    places, sure = read_places(0.5 * (heat + mirrored))
    features = see_places(watcher, near.to(device), places)
    told = network.head(features)
    rows = zip(
        *(value.float().cpu().numpy() for value in (*told, features, places, sure)),
        strict=True,
    )
    return [
        Glimpse(material, striker, float(size), embedding, feature, (float(place[0]), float(place[1])), float(found))
        for material, striker, size, embedding, feature, place, found in rows
    ]


def see_places(watcher: Watcher, near: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Features [B, F] of colour frames [B, N, 3, H, W], 0 to 1, at places [B, 2]: the mean of both mirror images."""
    scales = torch.tensor(SCALES, device=near.device).expand(len(near), -1)
    both = []
    for mirror in (1.0, -1.0):
        if watcher.backbone is None:
            both.append(watcher.network.see(cut_crops(near, places, mirror * scales)))
        else:
            size = watcher.backbone.config.input_size
            both.append(watcher.backbone.see(cut_crops(near, places, mirror * scales, size=size)))
    return torch.stack(both).mean(dim=0)


def group_hits(glimpses: Sequence[Glimpse]) -> list[int]:
    """Which object each hit is of, numbered in order of their first hit, by where the hits are and how they look."""
    if len(glimpses) < 2:
        return [0] * len(glimpses)
    places = np.asarray([glimpse.place for glimpse in glimpses])
    looks = np.stack([glimpse.embedding for glimpse in glimpses]).astype(np.float64)
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1) / APART
    unlike = (1.0 - looks @ looks.T) / UNLIKE
    upper = np.triu_indices(len(glimpses), 1)
    clusters = fcluster(linkage((apart + unlike)[upper], "average"), 1.0, "distance")
    numbers: dict[int, int] = {}
    return [numbers.setdefault(int(cluster), len(numbers)) for cluster in clusters]


def pool_objects(glimpses: Sequence[Glimpse], objects: Sequence[int], temperature: float) -> list[Sight]:
    """One answer for each object from all its hits: the mean of what they show."""
    return [
        pool_glimpses(
            [glimpse for glimpse, other in zip(glimpses, objects, strict=True) if other == number], temperature
        )
        for number in range(max(objects, default=-1) + 1)
    ]


def pool_glimpses(glimpses: Sequence[Glimpse], temperature: float) -> Sight:
    """What some hits of one object show together."""
    chances = to_probabilities(np.mean([glimpse.material for glimpse in glimpses], axis=0), temperature)
    striker = STRIKERS[int(np.mean([glimpse.striker for glimpse in glimpses], axis=0).argmax())]
    place = np.median([glimpse.place for glimpse in glimpses], axis=0)
    embedding = np.mean([glimpse.embedding for glimpse in glimpses], axis=0)
    return Sight(
        material={name: float(chance) for name, chance in zip(MATERIALS, chances, strict=True)},
        size_m=TYPICAL_SIZE_M * float(np.exp(np.mean([glimpse.size for glimpse in glimpses]))),
        striker=striker,
        place=(float(place[0]), float(place[1])),
        embedding=(embedding / max(1e-9, float(np.linalg.norm(embedding)))).astype(np.float32),
        confidence=float(chances.max()),
    )


def save_watcher(folder: Path, watcher: Watcher, training: dict[str, Any]) -> None:
    """Write a network's weights in half precision, its temperature, and how it was trained.

    A backbone is not written but named by its folder, as it is a person's own.
    """
    backbone = None if watcher.backbone is None else str(watcher.backbone.folder.resolve())
    config = {
        "network": asdict(watcher.network.config),
        "temperature": watcher.temperature,
        "backbone": backbone,
        "training": training,
    }
    write_checkpoint(folder, VISION, watcher.network, torch.float16, config)


def load_watcher(folder: Path = SIGHT_PATH) -> Watcher:
    """The network of a checkpoint; BadInput, with the reason, where it does not fit."""
    network, config = read_checkpoint(
        folder, VISION, lambda config: SightNetwork(build_config(SightConfig, config["network"]))
    )
    temperature = config.get("temperature")
    if not isinstance(temperature, (int, float)) or not 0.0 < temperature < 1000.0:
        raise refuse(folder, VISION, f"a temperature of {str(temperature)[:20]} is out of range")
    backbone = load_backbone(Path(config["backbone"])) if config.get("backbone") else None
    return Watcher(network.eval().requires_grad_(False), float(temperature), backbone)
