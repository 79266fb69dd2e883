"""Train the vision network's heads alone on frozen features, of its own frame encoder or of a backbone."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from engine.core.files import replace_file
from engine.lab.data.vision.batches import Augmentation, Targets, draw_crops, make_targets, sampling_weights
from engine.lab.data.vision.hits import HitFrames
from engine.lab.training.trainer import Trainer, cosine_rate
from engine.lab.training.vision.losses import LossConfig, contrastive_loss, pairwise_distances_db, prediction_loss
from engine.vision.network import COLOUR_FEATURES, PredictionHead, VisionNetwork, VisionOutput
from engine.vision.predict import VisionModel

BATCH = 16
LOG_STEPS = 100


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
    """Extract features of plain and augmented crops of every hit, [views, N, F]; cached in the work folder."""
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
    features = torch.stack([torch.cat(row) for row in rows]).float()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as partial, open(partial, "wb") as file:
        np.save(file, features.numpy())
    return features


@dataclass(frozen=True)
class SoundSet:
    """Sounds of a data set's hits: descriptors [S, DESCRIPTOR_SIZE], materials [S], and each hit's row [N] or -1."""

    descriptors: torch.Tensor
    materials: torch.Tensor
    rows: np.ndarray


class HeadTraining(Trainer[VisionNetwork]):
    """Training of prediction head, physics encoder and logit scale on fixed features; the rest is frozen."""

    def __init__(self, network: VisionNetwork, config: HeadConfig, work: Path) -> None:
        network.requires_grad_(False)
        for part in (network.head, network.physics_encoder):
            part.requires_grad_(True)
        network.logit_scale.requires_grad_(True)
        device = torch.device("cpu")
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.999, averaged=False)
        self.config, self.weights = config, LossConfig()
        self.losses: dict[str, float] = {}

    def learn(self, output: VisionOutput, targets: Targets, sounds: SoundSet, random: np.random.Generator) -> None:
        """One step; ``sounds.rows`` [B] are those of the batch."""
        loss = prediction_loss(output, targets, self.weights)
        self.losses["prediction"] = float(loss.detach())
        if (sounds.rows >= 0).any():
            loss = loss + self._sound_loss(output, sounds, random)
        rate = cosine_rate(self.config.learning_rate, self.step, 1, self.step / self.config.steps, final=0.0)
        self.optimize(loss, rate)

    def _sound_loss(self, output: VisionOutput, sounds: SoundSet, random: np.random.Generator) -> torch.Tensor:
        """Contrastive loss against the batch's own sounds and drawn negatives, and the sounds' material loss."""
        own, count = sounds.rows, len(sounds.descriptors)
        negatives = random.choice(count, min(self.config.sounds, count), replace=False)
        drawn = np.union1d(own[own >= 0], negatives)
        descriptors, materials = (values[torch.from_numpy(drawn)] for values in (sounds.descriptors, sounds.materials))
        embedding, logits = self.network.physics_encoder(descriptors + torch.randn_like(descriptors))
        distances_db = pairwise_distances_db(descriptors)[torch.from_numpy(np.searchsorted(drawn, own[own >= 0]))]
        hits = output.embedding[torch.from_numpy(own >= 0)]
        contrastive = contrastive_loss(hits, embedding, distances_db, self.network.logit_scale, self.weights.similar_db)
        physics = F.cross_entropy(logits, materials, ignore_index=-1, label_smoothing=self.weights.smoothing)
        self.losses |= {"contrastive": float(contrastive.detach()), "physics": float(physics.detach())}
        return self.weights.contrastive_weight * contrastive + self.weights.physics_weight * physics

    def run(self, features: torch.Tensor, dataset: HitFrames, descriptors: np.ndarray) -> None:
        """Train for the configured steps; arguments as of ``train_heads``."""
        random = np.random.default_rng(self.config.seed)
        chances = sampling_weights(dataset, self.config.real_share)
        labels = make_targets(dataset, range(len(dataset.hits)))
        with_sound = np.flatnonzero(np.isfinite(descriptors).all(axis=1))
        rows = np.full(len(descriptors), -1)
        rows[with_sound] = np.arange(len(with_sound))
        sounds = SoundSet(
            torch.from_numpy(descriptors[with_sound]), labels.material[torch.from_numpy(with_sound)], rows
        )
        self.network.train()
        while self.step < self.config.steps:
            clock = time.monotonic()
            index = random.choice(len(chances), self.config.batch, p=chances)
            view = torch.from_numpy(random.integers(len(features), size=self.config.batch))
            output = self.network.head(features[view, torch.from_numpy(index)])
            targets = Targets(*(value[torch.from_numpy(index)] for value in vars(labels).values()))
            self.learn(output, targets, replace(sounds, rows=rows[index]), random)
            self.spent_s += time.monotonic() - clock
            if self.step % LOG_STEPS == 0:
                self.log({name: round(value, 3) for name, value in self.losses.items()})
        self.network.eval()


def train_heads(
    network: VisionNetwork,
    features: torch.Tensor,
    dataset: HitFrames,
    descriptors: np.ndarray,
    config: HeadConfig,
    work: Path,
) -> dict[str, float]:
    """Train prediction head and physics encoder on features [views, N, F]; returns the last value of each loss.

    ``descriptors`` [N, DESCRIPTOR_SIZE] are of the hits' sounds, NaN where a hit has none. The log is in ``work``.
    """
    torch.manual_seed(config.seed)
    network.head = PredictionHead(features.shape[-1], network.config)  # anew, since the features are standardised
    flat = features.flatten(0, 1)
    network.head.mean.copy_(flat.mean(dim=0))
    std = flat.std(dim=0) + 0.02
    if network.encoder is not None:
        per_scale = network.encoder.features_per_scale
        std[torch.arange(len(std)) % per_scale < per_scale - COLOUR_FEATURES] /= config.encoder_weight
    network.head.std.copy_(std)
    training = HeadTraining(network, config, work)
    training.run(features, dataset, descriptors)
    return training.losses
