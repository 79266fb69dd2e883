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
from engine.lab.data.vision.features import read_features
from engine.lab.data.vision.hits import HitFrames
from engine.lab.training.trainer import Trainer, cosine_rate
from engine.lab.training.vision.losses import LossConfig, contrastive_loss, pairwise_distances_db, prediction_loss
from engine.lab.training.vision.material_head import MaterialFit, set_material_head
from engine.lab.training.vision.picture_set import PictureSet
from engine.vision.crops import CROP
from engine.vision.network import COLOUR_FEATURES, PredictionHead, VisionNetwork, VisionOutput
from engine.vision.predict import VisionModel, trace_encoder

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
    picture_share: float = 1.0  # pictures in a batch for each hit, where there are pictures
    encoder_weight: float = 0.1
    """Scale of learnt features relative to colour statistics: they are many, trained on simulated takes, and otherwise
    the heads fit what does not transfer to real clips."""
    seed: int = 0


BACKBONE_HEADS = HeadConfig(steps=150, batch=48, sounds=128, views=1, real_share=0.6)
"""Settings on a backbone, whose features transfer to film: more of each batch is real hits."""


@torch.inference_mode()
def extract_hit_features(model: VisionModel, dataset: HitFrames, work: Path, config: HeadConfig) -> torch.Tensor:
    """Features of plain and augmented crops of every hit, [views, N, F]; cached in the work folder."""
    contacts = np.asarray([(hit.x, hit.y) for hit in dataset.hits], np.float32).reshape(-1, 2)
    plain = torch.from_numpy(read_features(model, dataset, contacts, work))[None]
    if config.views == 1:
        return plain
    hits = [(hit.picture, round(hit.time_s, 4), round(hit.x, 4), round(hit.y, 4)) for hit in dataset.hits]
    key = hashlib.sha256(json.dumps([trace_encoder(model), hits, config.views, config.seed]).encode()).hexdigest()[:16]
    path = work / "features" / f"{key}.npy"
    if path.is_file():
        return torch.cat((plain, torch.from_numpy(np.load(path))))
    random = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    rows: list[list[torch.Tensor]] = [[] for _ in range(config.views - 1)]
    size = CROP if model.backbone is None else model.backbone.config.input_size
    scales = model.network.config.scales
    for first in range(0, len(dataset.hits), BATCH):
        index = np.arange(first, min(first + BATCH, len(dataset.hits)))
        for row in rows:
            crops = draw_crops(dataset, index, random, Augmentation(), size, scales)
            row.append(model.network.encode(crops) if model.backbone is None else model.backbone.encode(crops))
        if (first // BATCH) % 20 == 0:
            print(f"augmented features: {first} of {len(dataset.hits)} hits", file=sys.stderr, flush=True)
    features = torch.stack([torch.cat(row) for row in rows]).float()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as partial, open(partial, "wb") as file:
        np.save(file, features.numpy())
    return torch.cat((plain, features))


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

    def train_step(
        self,
        output: VisionOutput,
        targets: Targets,
        sounds: SoundSet,
        random: np.random.Generator,
        pictures: PictureSet | None = None,
    ) -> None:
        """One step; ``sounds.rows`` [B] are those of the batch, ``pictures`` those drawn beside it."""
        loss = prediction_loss(output, targets, self.weights)
        if pictures is not None:
            logits = self.network.head(pictures.features).material
            smoothing = self.weights.smoothing
            loss = loss + F.cross_entropy(logits, pictures.materials, label_smoothing=smoothing)
        self.losses["prediction"] = float(loss.detach())
        if (sounds.rows >= 0).any():
            loss = loss + self._sound_loss(output, sounds, random)
        rate = cosine_rate(self.config.learning_rate, self.step, 1, self.step / self.config.steps, final=0.0)
        self.optimize(loss, rate)

    def _draw(self, pictures: PictureSet | None, random: np.random.Generator) -> PictureSet | None:
        """Pictures for one batch."""
        count = round(self.config.picture_share * self.config.batch)
        if pictures is None or not count:
            return None
        index = torch.from_numpy(random.choice(len(pictures.materials), count, p=pictures.sampling_weights()))
        return PictureSet(pictures.features[index], pictures.materials[index])

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

    def run(
        self, features: torch.Tensor, dataset: HitFrames, descriptors: np.ndarray, pictures: PictureSet | None = None
    ) -> None:
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
            self.train_step(output, targets, replace(sounds, rows=rows[index]), random, self._draw(pictures, random))
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
    pictures: PictureSet | None = None,
) -> dict[str, float]:
    """Train prediction head and physics encoder on features [views, N, F]; returns the last value of each loss.

    ``descriptors`` [N, DESCRIPTOR_SIZE] are of the hits' sounds, NaN where a hit has none; ``pictures`` are further
    examples of materials. The log is in ``work``.
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
    if pictures is None or not network.config.linear_material:
        training.run(features, dataset, descriptors, pictures and pictures.set_among(features))
    else:
        training.run(features, dataset, descriptors)
        set_material_head(network.head, *MaterialFit(pictures).fit(features[0].numpy(), dataset.hits))
    return training.losses
