"""Predictions for the hits of a clip: each hit by itself, then pooled over the hits of one object."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage

from engine.bank.bank import STRIKERS
from engine.core.checkpoint import CONFIG, CheckpointKind, build_config, read_checkpoint, refuse, write_checkpoint
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.physics.model import MATERIALS
from engine.vision.backbone import Backbone, load_backbone
from engine.vision.calibration import to_probabilities
from engine.vision.crops import NEAR_STEPS, Views, cut_crops
from engine.vision.network import (
    CONFIG_KEY_MAP,
    KEY_MAP,
    TYPICAL_SIZE_M,
    VisionConfig,
    VisionNetwork,
    decode_heatmaps,
)
from engine.vision.pretrained import NAME as PRETRAINED
from engine.vision.pretrained import find_pretrained, load_pretrained

VISION_CHECKPOINT = CHECKPOINTS / "vision"
"""Folder of the network that ships and needs nothing else."""
PRETRAINED_CHECKPOINT = CHECKPOINTS / "vision_pretrained"
"""Folder of the network that ships and is used where its pretrained backbone is installed."""

VISION = CheckpointKind(
    "vision",
    version=1,
    remedy="restore it, or take {folder} away to go without estimates from the picture",
    key_map=KEY_MAP,
    former_name="sight",
)
BATCH = 8
CONTACT_SCALE, EMBEDDING_SCALE = 0.2, 0.5
"""Two hits are of different objects where their distance over POSITION_SCALE (shares of the picture's width and
height) plus their cosine distance over EMBEDDING_SCALE exceeds 1."""

SHOWN_SCALE, SHOWN_PIXELS = 0.55, 96
"""Side of the crop that is shown beside a prediction, as a share of the picture's shorter side and in pixels."""
LEAST_CONFIDENCE = 0.5
"""Calibrated probability of the likeliest material from which a prediction is an answer."""


@dataclass(frozen=True, eq=False)
class VisionModel:
    """A vision network with its softmax temperature, and the backbone whose features it takes, if any."""

    network: VisionNetwork
    temperature: float = 1.0
    backbone: Backbone | None = None


@dataclass(frozen=True, eq=False)
class HitPrediction:
    """The network's outputs for one hit."""

    material: np.ndarray  # logits [MATERIALS]
    striker: np.ndarray  # logits [STRIKERS]
    size: float  # natural logarithm of the size over TYPICAL_SIZE_M
    embedding: np.ndarray  # [EMBEDDING_SIZE], unit length
    features: np.ndarray  # pooled features [F]
    contact: tuple[float, float]  # contact, x and y as shares of the picture's width and height
    crop: np.ndarray  # the picture around the contact at the onset, uint8 [P, P, 3]


@dataclass(frozen=True, eq=False)
class ObjectPrediction:
    """The struck object: predictions pooled over all hits of one object."""

    material: Mapping[str, float]  # calibrated probability of each name of MATERIALS
    size_m: float
    striker: str  # one of STRIKERS
    contact: tuple[float, float]  # contact, x and y as shares of the picture's width and height
    embedding: np.ndarray  # [EMBEDDING_SIZE], unit length
    confidence: float  # calibrated probability that the likeliest material is right
    crop: np.ndarray | None = None  # the picture around the contact of its clearest hit, uint8 [P, P, 3]
    is_told: bool = False  # whether the user said what the material is

    @property
    def is_certain(self) -> bool:
        """Whether the calibrated probability of the likeliest material is at least LEAST_CONFIDENCE."""
        return self.confidence >= LEAST_CONFIDENCE

    def of_material(self, name: str) -> ObjectPrediction:
        """The prediction with the material told by the user, one of MATERIALS."""
        return replace(self, material={m: float(m == name) for m in MATERIALS}, confidence=1.0, is_told=True)


@torch.inference_mode()
def predict_hits(
    model: VisionModel, views: Sequence[Views], contact: tuple[float, float] | None = None
) -> list[HitPrediction]:
    """Predictions for each hit, from the picture and its mirror image; ValueError where frames differ in size.

    ``contact``, x and y as shares of the picture's width and height, is used instead of the located ones.
    """
    found: list[HitPrediction] = []
    for first in range(0, len(views), BATCH):
        part = views[first : first + BATCH]
        shapes = {view.near.shape for view in part}
        if len(shapes) > 1:
            raise ValueError("views of pictures of different sizes")
        wide = torch.from_numpy(np.stack([view.wide for view in part]).astype(np.float32))
        near = torch.from_numpy(np.stack([view.near for view in part])).permute(0, 1, 4, 2, 3).float() / 255.0
        found += _predict_batch(model, wide, near, contact)
    return found


def _predict_batch(
    model: VisionModel, wide: torch.Tensor, near: torch.Tensor, contact: tuple[float, float] | None
) -> list[HitPrediction]:
    network = model.network
    device = next(network.parameters()).device
    if contact is None:
        contacts = locate_contacts(network, wide.to(device))
    else:
        contacts = torch.tensor([contact] * len(near), dtype=torch.float32, device=device)
    near = near.to(device)
    features = encode_crops(model, near, contacts)
    output = network.head(features)
    at_onset = near[:, NEAR_STEPS.index(0)][:, None]
    crops = cut_crops(at_onset, contacts, torch.full((len(near), 1), SHOWN_SCALE, device=device), size=SHOWN_PIXELS)
    shown = (255.0 * crops[:, 0, 0]).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    rows = zip(*(value.float().cpu().numpy() for value in (*output, features, contacts)), shown, strict=True)
    return [
        HitPrediction(material, striker, float(size), embedding, feature, (float(place[0]), float(place[1])), crop)
        for material, striker, size, embedding, feature, place, crop in rows
    ]


def locate_contacts(network: VisionNetwork, wide: torch.Tensor) -> torch.Tensor:
    """Contacts [B, 2], x and y as shares of the picture, in gray frames [B, W, R, C] and their mirror images."""
    heatmaps = network.locator(wide)
    mirrored = network.locator(wide.flip(-1)).flip(-1)
    return decode_heatmaps(0.5 * (heatmaps + mirrored))


def encode_crops(model: VisionModel, near: torch.Tensor, contacts: torch.Tensor) -> torch.Tensor:
    """Features [B, F] of colour frames [B, N, 3, H, W], 0 to 1, at contacts [B, 2].

    They are the mean of both mirror images; a backbone, which is slower and trained on both, is given one alone.
    """
    scales = torch.tensor(model.network.config.scales, device=near.device).expand(len(near), -1)
    if model.backbone is not None:
        features = model.backbone.encode(cut_crops(near, contacts, scales, size=model.backbone.config.input_size))
        if model.network.config.pool_scales:
            features = features.view(len(near), scales.shape[1], -1).mean(dim=1)
        return features
    both = [model.network.encode(cut_crops(near, contacts, mirror * scales)) for mirror in (1.0, -1.0)]
    return torch.stack(both).mean(dim=0)


def trace_encoder(model: VisionModel) -> list[Any]:
    """Key of cached features: sums of the encoder's weights, and the crops."""
    config = model.network.config
    weights = model.backbone.weights if model.backbone is not None else model.network.state_dict()
    others = ("head", "physics_encoder", "logit_scale")
    sums = [float(value.double().sum()) for name, value in weights.items() if not name.startswith(others)]
    return [*sums, list(config.scales), config.pool_scales]


def cluster_hits(hit_predictions: Sequence[HitPrediction]) -> list[int]:
    """The object's number of each hit, in order of first hits: average-linkage clustering by contact and embedding."""
    if len(hit_predictions) < 2:
        return [0] * len(hit_predictions)
    contacts = np.asarray([hit.contact for hit in hit_predictions])
    embeddings = np.stack([hit.embedding for hit in hit_predictions]).astype(np.float64)
    contact_distance = np.linalg.norm(contacts[:, None] - contacts[None], axis=-1) / CONTACT_SCALE
    alike = np.minimum(embeddings @ embeddings.T, 1.0)  # of one frame by rounding a little more
    embedding_distance = (1.0 - alike) / EMBEDDING_SCALE
    upper = np.triu_indices(len(hit_predictions), 1)
    clusters = fcluster(linkage((contact_distance + embedding_distance)[upper], "average"), 1.0, "distance")
    numbers: dict[int, int] = {}
    return [numbers.setdefault(int(cluster), len(numbers)) for cluster in clusters]


def pool_objects(
    hit_predictions: Sequence[HitPrediction], objects: Sequence[int], temperature: float
) -> list[ObjectPrediction]:
    """One prediction for each object's number, pooled over its hits."""
    return [
        pool_hits([hit for hit, other in zip(hit_predictions, objects, strict=True) if other == number], temperature)
        for number in range(max(objects, default=-1) + 1)
    ]


def pool_hits(hit_predictions: Sequence[HitPrediction], temperature: float) -> ObjectPrediction:
    """Predictions for hits of one object, pooled: mean logits, log size and embedding, median contact."""
    chances = to_probabilities(np.mean([hit.material for hit in hit_predictions], axis=0), temperature)
    striker = STRIKERS[int(np.mean([hit.striker for hit in hit_predictions], axis=0).argmax())]
    contact = np.median([hit.contact for hit in hit_predictions], axis=0)
    embedding = np.mean([hit.embedding for hit in hit_predictions], axis=0)
    likeliest = int(chances.argmax())
    clearest = max(hit_predictions, key=lambda hit: to_probabilities(hit.material)[likeliest])
    return ObjectPrediction(
        material={name: float(chance) for name, chance in zip(MATERIALS, chances, strict=True)},
        size_m=TYPICAL_SIZE_M * float(np.exp(np.mean([hit.size for hit in hit_predictions]))),
        striker=striker,
        contact=(float(contact[0]), float(contact[1])),
        embedding=(embedding / max(1e-9, float(np.linalg.norm(embedding)))).astype(np.float32),
        confidence=float(chances.max()),
        crop=clearest.crop,
    )


def save_vision_model(folder: Path, model: VisionModel, training: dict[str, Any]) -> None:
    """Write a network's weights in half precision, its temperature, and how it was trained.

    A backbone is not copied but named: by its folder where it is the user's own.
    """
    config = {
        "network": asdict(model.network.config),
        "temperature": model.temperature,
        "backbone": None if model.backbone is None else model.backbone.name,
        "training": training,
    }
    write_checkpoint(folder, VISION, model.network, torch.float16, config)


def choose_checkpoint() -> Path:
    """Folder of the network that ships and can be used here: the one on the pretrained backbone where that is."""
    is_there = (PRETRAINED_CHECKPOINT / CONFIG).is_file() and find_pretrained() is not None
    return PRETRAINED_CHECKPOINT if is_there else VISION_CHECKPOINT


def open_backbone(name: str) -> Backbone:
    """The pretrained backbone, or that of a folder. Raises BadInput where it cannot be used."""
    if name == PRETRAINED:
        return load_pretrained()
    if not os.path.isdir(name):
        raise BadInput(
            f"the image network that the vision network was trained on is not at {name[:200]!r}; put its folder back, "
            "or train the vision network again"
        )
    return load_backbone(Path(name))


def load_vision_model(folder: Path | None = None) -> VisionModel:
    """The model of a checkpoint folder, in evaluation mode; BadInput, with the reason, where it does not fit.

    Without a folder it is the network that ships, see ``choose_checkpoint``.
    """
    folder = folder or choose_checkpoint()
    network, config = read_checkpoint(folder, VISION, _build_network)
    temperature = config.get("temperature")
    if not isinstance(temperature, (int, float)) or not 0.0 < temperature < 1000.0:
        raise refuse(folder, VISION, "its temperature is no number between 0 and 1000")
    backbone = open_backbone(str(config["backbone"])) if config.get("backbone") else None
    return VisionModel(network.eval().requires_grad_(False), float(temperature), backbone)


def _build_network(config: dict[str, Any]) -> VisionNetwork:
    sizes = {CONFIG_KEY_MAP.get(name, name): value for name, value in config["network"].items()}
    return VisionNetwork(build_config(VisionConfig, sizes))
