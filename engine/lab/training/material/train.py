"""Train the material classifier that evaluates the sampler: ``launch.py train material``."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from engine.core.checkpoint import count_parameters
from engine.core.errors import BadInput, StruckError
from engine.core.units import db_to_power, power_to_db
from engine.lab.data.recordings import Recording, is_held_out, list_recordings, read_hit
from engine.lab.metrics.material_classifier import (
    BANDS,
    FLOOR_DB,
    FRAMES,
    MaterialClassifier,
    classify,
    log_mel_spectrogram,
    material_class,
    save_material_classifier,
)
from engine.lab.training.trainer import Trainer, cosine_rate

MIN_DB = -100.0
"""Floor of the spectrograms before augmentation, lower than FLOOR_DB so that a gain can raise what is below it."""


@dataclass(frozen=True)
class TrainingConfig:
    """How the classifier is trained; the learning rate falls by a cosine over the steps."""

    steps: int = 1500
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    ema_decay: float = 0.995
    mixup: float = 0.3
    smoothing: float = 0.05
    fewest: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Corpus:
    """Log-mel spectrograms [N, BANDS, FRAMES] in dB, the class and the group of each."""

    spectrograms: torch.Tensor
    labels: torch.Tensor
    groups: tuple[str, ...]


def choose_classes(recordings: list[Recording], fewest: int) -> tuple[tuple[str, ...], dict[str, int]]:
    """Classes with at least so many training recordings, most first, and those left out with how many they have.

    Raises BadInput when fewer than two are left.
    """
    counts = Counter(material_class(r) or "unknown" for r in recordings if not is_held_out(r))
    kept = tuple(name for name, count in counts.most_common() if count >= fewest and name != "unknown")
    if len(kept) < 2:
        raise BadInput(
            f"fewer than two materials have {fewest} training recordings; give a folder whose MANIFEST.csv names more"
        )
    return kept, {name: count for name, count in counts.items() if name not in kept}


def read_corpus(recordings: list[Recording], classes: tuple[str, ...]) -> Corpus:
    """Spectrograms of all recordings of these classes that can be read."""
    spectrograms, labels, groups = [], [], []
    for recording in recordings:
        name = material_class(recording)
        if name not in classes:
            continue
        try:
            hit = read_hit(recording)
        except StruckError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if len(hit) >= 480 and float(np.abs(hit).max()) >= 1e-4:
            spectrograms.append(log_mel_spectrogram(hit, recording.fmax_hz, MIN_DB))
            labels.append(classes.index(name))
            groups.append(recording.group)
    stacked = torch.from_numpy(np.stack(spectrograms)) if spectrograms else torch.zeros(0, BANDS, FRAMES)
    return Corpus(stacked, torch.tensor(labels, dtype=torch.long), tuple(groups))


def weigh(corpus: Corpus) -> torch.Tensor:
    """Sampling weights, float64 [N]: inverse square roots of the sizes of class and group."""
    classes, groups = Counter(corpus.labels.tolist()), Counter(corpus.groups)
    weights = [
        1.0 / math.sqrt(classes[k] * groups[g]) for k, g in zip(corpus.labels.tolist(), corpus.groups, strict=True)
    ]
    return torch.tensor(weights, dtype=torch.float64)


def augment(spectrograms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Randomly stretch, shift, filter, mask and add noise to spectrograms in dB, [N, BANDS, FRAMES]."""
    size = len(spectrograms)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand((size, *shape), generator=generator)

    def some(share: float) -> torch.Tensor:
        return torch.rand((size, 1, 1), generator=generator) < share

    # faster and higher together as for a smaller object, and a little each on its own; the onset stays
    slower, higher = uniform(math.log(0.8), math.log(1.25)).exp(), uniform(-3.0, 3.0)
    grid_t = (torch.linspace(-1, 1, FRAMES)[None] + 1.0) * slower[:, None] - 1.0
    grid_f = torch.linspace(-1, 1, BANDS)[None] + (2.0 / BANDS) * higher[:, None]
    grid = torch.stack((grid_t[:, None, :].expand(-1, BANDS, -1), grid_f[:, :, None].expand(-1, -1, FRAMES)), dim=-1)
    moved = F.grid_sample((spectrograms - MIN_DB).unsqueeze(1), grid, align_corners=True)[:, 0] + MIN_DB
    band = torch.linspace(0.0, math.pi, BANDS)[None, :, None]
    shape = [uniform(-5.0, 5.0, 1, 1) * torch.cos(k * band + uniform(0, 6.28, 1, 1)) for k in (1, 2, 4)]
    moved = moved + torch.stack(shape).sum(dim=0)
    rows, columns = torch.arange(BANDS)[None, :, None], torch.arange(FRAMES)[None, None, :]
    moved = moved.masked_fill(some(0.25) & (rows >= uniform(28, BANDS, 1, 1)), MIN_DB)
    moved = moved.masked_fill(some(0.5) & (columns >= uniform(12, FRAMES, 1, 1)), MIN_DB)
    moved = moved - moved.amax(dim=(1, 2), keepdim=True)
    floor = torch.where(some(0.3), uniform(-60.0, -30.0, 1, 1), torch.tensor(MIN_DB))
    floor = floor + 2.0 * torch.randn(moved.shape, generator=generator)
    moved = power_to_db(db_to_power(moved) + db_to_power(floor))
    return (moved + uniform(-3.0, 3.0, 1, 1)).clamp(FLOOR_DB, 3.0)


class Training(Trainer[MaterialClassifier]):
    """Training of the material classifier on a corpus."""

    def __init__(self, classifier: MaterialClassifier, config: TrainingConfig, work: Path) -> None:
        device = torch.device("cpu")
        super().__init__(classifier, work, device, config.learning_rate, config.weight_decay, 0.999)
        self.config = config
        self.loss = math.log(len(classifier.classes))

    def train_step(self, corpus: Corpus, weights: torch.Tensor) -> None:
        """One step on a weighted batch: augmentation, mixup, label smoothing."""
        config, step = self.config, self.step + 1
        generator = torch.Generator().manual_seed((config.seed << 32) + step)
        rows = torch.multinomial(weights, config.batch, replacement=True, generator=generator)
        spectrograms, labels = augment(corpus.spectrograms[rows], generator), corpus.labels[rows]
        share = float(np.random.default_rng(config.seed + step).beta(config.mixup, config.mixup))
        self.network.train()
        _, logits = self.network(share * spectrograms + (1.0 - share) * spectrograms.roll(1, 0))
        loss = share * F.cross_entropy(logits, labels, label_smoothing=config.smoothing)
        loss = loss + (1.0 - share) * F.cross_entropy(logits, labels.roll(1), label_smoothing=config.smoothing)
        self.optimize(loss, cosine_rate(config.learning_rate, self.step, 100, step / config.steps), config.ema_decay)
        self.loss = 0.98 * self.loss + 0.02 * float(loss.detach())

    def run(self, corpus: Corpus) -> None:
        """Train for the configured steps; logs the loss every 250."""
        weights = weigh(corpus)
        while self.step < self.config.steps:
            clock = time.monotonic()
            self.train_step(corpus, weights)
            self.spent_s += time.monotonic() - clock
            if self.step % 250 == 0 or self.step == self.config.steps:
                self.log({"loss": round(self.loss, 3)})


def score(classifier: MaterialClassifier, corpus: Corpus) -> dict[str, Any]:
    """Accuracy on a corpus: overall, mean over classes, and of each class."""
    if not len(corpus.labels):
        return {}
    prediction = classify(classifier, corpus.spectrograms.clamp_min(FLOOR_DB).numpy())
    right = prediction.posterior.argmax(axis=1) == corpus.labels.numpy()
    names = [classifier.classes[k] for k in corpus.labels.tolist()]
    each = {
        name: [sum(n == name for n in names), round(float(right[[n == name for n in names]].mean()), 3)]
        for name in classifier.classes
        if name in names
    }
    shares = [share for _, share in each.values()]
    return {
        "recordings": len(names),
        "accuracy": round(float(right.mean()), 3),
        "mean_over_classes": round(sum(shares) / len(shares), 3),
        "classes": each,
    }


def main(args: list[str]) -> None:
    """The command ``train material``."""
    parser = argparse.ArgumentParser(
        prog="train material",
        description="Train the material classifier that evaluates the sampler.",
    )
    data_help = "folder of recordings whose MANIFEST.csv names materials"
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help=data_help)
    parser.add_argument("--out", default="checkpoints/material", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_material", help="log of this run")
    parser.add_argument("--steps", type=int, default=TrainingConfig.steps)
    parser.add_argument("--fewest", type=int, default=TrainingConfig.fewest, help="training recordings a class needs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="always the processor: the network is small")
    options = parser.parse_args(args)
    config = TrainingConfig(steps=options.steps, fewest=options.fewest, seed=options.seed)
    recordings = list_recordings(options.data)
    classes, left_out = choose_classes(recordings, config.fewest)
    print(f"classes: {', '.join(classes)}; left out: {left_out}", file=sys.stderr)
    corpus = read_corpus([r for r in recordings if not is_held_out(r)], classes)
    held_out = read_corpus([r for r in recordings if is_held_out(r)], classes)
    torch.manual_seed(config.seed)
    training = Training(MaterialClassifier(classes), config, Path(options.work))
    count = count_parameters(training.network)
    print(f"{count} parameters, {len(corpus.labels)} recordings", file=sys.stderr)
    training.run(corpus)
    found = score(training.average, held_out)
    facts = {
        "steps": config.steps,
        "seed": config.seed,
        "recordings": len(corpus.labels),
        "left_out": left_out,
        "minutes": round(training.spent_s / 60, 2),
        "held_out": found,
    }
    save_material_classifier(Path(options.out), training.average, facts)
    print(f"held out: {found}", file=sys.stderr)
