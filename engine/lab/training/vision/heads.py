"""Train the vision network's heads alone on frozen features, of its own frame encoder or of a backbone."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from engine.lab.data.vision.batches import Augmentation, Targets, draw_crops, make_targets, sampling_weights
from engine.lab.data.vision.hits import HitFrames
from engine.lab.training.vision.losses import LossConfig, contrastive_loss, pairwise_distances_db, prediction_loss
from engine.vision.network import COLOUR_FEATURES, PredictionHead, VisionNetwork, VisionOutput
from engine.vision.predict import VisionModel

BATCH = 16


@dataclass(frozen=True)
class HeadConfig:
    """Settings of head training."""

    steps: int = 250
    batch: int = 96
    sounds: int = 512  # sounds drawn as negatives for each batch
    views: int = 3  # sets of features of each hit: one plain, the others augmented
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    real_share: float = 0.3  # of real hits in a batch
    encoder_weight: float = 0.1
    """Scale of learnt features relative to colour statistics: they are many, trained on simulated takes, and otherwise
    the heads fit what does not transfer to real clips."""
    seed: int = 0


@torch.inference_mode()
def extract_hit_features(model: VisionModel, dataset: HitFrames, work: Path, config: HeadConfig) -> torch.Tensor:
    """Features of plain and augmented crops of every hit, [views, N, F], cached in the work folder."""
    weights = model.backbone.weights if model.backbone is not None else model.network.state_dict()
    trace = [
        float(value.double().sum())
        for name, value in weights.items()
        if not name.startswith(("head", "physics_encoder"))
    ]
    hits = [(hit.picture, round(hit.time_s, 4), round(hit.x, 4), round(hit.y, 4)) for hit in dataset.hits]
    key = hashlib.sha256(json.dumps([trace, hits, config.views, config.seed]).encode()).hexdigest()[:16]
    path = work / "features" / f"{key}.npy"
    if path.is_file():
        return torch.from_numpy(np.load(path))
    random = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    rows: list[list[torch.Tensor]] = [[] for _ in range(config.views)]
    size = {} if model.backbone is None else {"size": model.backbone.config.input_size}
    for first in range(0, len(dataset.hits), BATCH):
        index = np.arange(first, min(first + BATCH, len(dataset.hits)))
        for view, row in enumerate(rows):
            crops = draw_crops(dataset, index, random, Augmentation() if view else None, **size)
            row.append(model.network.encode(crops) if model.backbone is None else model.backbone.encode(crops))
        if (first // BATCH) % 20 == 0:
            print(f"features: {first} of {len(dataset.hits)} hits", file=sys.stderr, flush=True)
    found = torch.stack([torch.cat(row) for row in rows]).float()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, found.numpy())
    return found


def train_heads(
    network: VisionNetwork, features: torch.Tensor, dataset: HitFrames, descriptors: np.ndarray, config: HeadConfig
) -> dict[str, float]:
    """Train prediction head and physics encoder on features [views, N, F]; returns the last value of each loss.

    ``descriptors`` [N, DESCRIPTOR_SIZE] are of the hits' sounds, NaN where a hit has none.
    """
    losses = LossConfig()
    random = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    network.head = PredictionHead(features.shape[-1], network.config)  # anew, since the features are standardised
    chances = sampling_weights(dataset, config.real_share)
    labels = make_targets(dataset, range(len(dataset.hits)))
    with_sound = np.flatnonzero(np.isfinite(descriptors).all(axis=1))
    sounds = torch.from_numpy(descriptors[with_sound])
    sound_index = np.full(len(descriptors), -1)
    sound_index[with_sound] = np.arange(len(with_sound))
    flat = features.flatten(0, 1)
    network.head.mean.copy_(flat.mean(dim=0))
    std = flat.std(dim=0) + 0.02
    if network.encoder is not None:
        per_scale = network.encoder.features_per_scale
        std[torch.arange(len(std)) % per_scale < per_scale - COLOUR_FEATURES] /= config.encoder_weight
    network.head.std.copy_(std)
    trained = [*network.head.parameters(), *network.physics_encoder.parameters(), network.logit_scale]
    for value in trained:
        value.requires_grad_(True)
    optimizer = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    network.train()
    figures: dict[str, float] = {}
    for step in range(config.steps):
        index = random.choice(len(chances), config.batch, p=chances)
        view = torch.from_numpy(random.integers(len(features), size=config.batch))
        output: VisionOutput = network.head(features[view, torch.from_numpy(index)])
        targets = Targets(*(value[torch.from_numpy(index)] for value in vars(labels).values()))
        loss = prediction_loss(output, targets, losses)
        figures["prediction"] = float(loss.detach())
        own = sound_index[index]
        if (own >= 0).any():
            known = torch.from_numpy(own >= 0)
            negatives = random.choice(len(with_sound), min(config.sounds, len(with_sound)), replace=False)
            among = np.union1d(own[own >= 0], negatives)
            chosen = sounds[torch.from_numpy(among)]
            embedding, material = network.physics_encoder(chosen + torch.randn_like(chosen))
            rows = torch.from_numpy(np.searchsorted(among, own[own >= 0]))
            distances_db = pairwise_distances_db(chosen)[rows]
            contrast = contrastive_loss(
                output.embedding[known], embedding, distances_db, network.logit_scale, losses.similar_db
            )
            materials = labels.material[torch.from_numpy(with_sound[among])]
            physics = F.cross_entropy(material, materials, ignore_index=-1, label_smoothing=losses.smoothing)
            loss = loss + losses.contrastive_weight * contrast + losses.physics_weight * physics
            figures |= {"contrastive": float(contrast.detach()), "physics": float(physics.detach())}
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(json.dumps({"step": step + 1} | {k: round(v, 3) for k, v in figures.items()}), file=sys.stderr)
    network.eval()
    return figures
