"""Train the physics generator on a bank: ``launch.py train generator``."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from engine.bank.bank import BANK_PATH, EMBEDDING_SIZE, Bank, join_banks, load_bank
from engine.bank.generate import Generator, GeneratorConfig, drop_condition, save_generator
from engine.core.checkpoint import count_parameters
from engine.core.errors import BadInput
from engine.lab.data.generator_examples import Examples, make_examples, split_bank
from engine.lab.training.trainer import Trainer, cosine_rate

MIN_ENTRIES = 50
WARMUP_STEPS = 200
LOG_STEPS = 500


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of training, with a cosine learning rate over the steps."""

    steps: int = 2500
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    ema_decay: float = 0.999
    variants: int = 5
    seed: int = 0


def fit_axes(model: Generator, vectors: np.ndarray, weights: np.ndarray) -> None:
    """Set the model's mean and principal axes, scaled by one factor so that components have unit mean square."""
    shares = weights / weights.sum()
    mean = shares @ vectors
    spread = (vectors - mean) * np.sqrt(shares)[:, None]
    _, values, directions = np.linalg.svd(spread, full_matrices=False)
    components = model.config.components
    scale = math.sqrt(float(np.mean(values[:components] ** 2)))
    model.mean.copy_(torch.from_numpy(mean.astype(np.float32)))
    model.axes.copy_(torch.from_numpy((directions[:components] * scale).astype(np.float32)))


class Training(Trainer[Generator]):
    """Training of the generator as a rectified flow (Liu et al., "Flow straight and fast", ICLR 2023)."""

    def __init__(self, model: Generator, config: TrainingConfig, work: Path) -> None:
        super().__init__(model, work, torch.device("cpu"), config.learning_rate, config.weight_decay, 0.999)
        self.config = config

    def train_step(
        self, components: torch.Tensor, conditions: torch.Tensor, weights: torch.Tensor, generator: torch.Generator
    ) -> None:
        """One step: mean squared error of the velocity, at times drawn from a logit-normal distribution."""
        config = self.config
        rows = torch.multinomial(weights, config.batch, replacement=True, generator=generator)
        end = components[rows]
        start = torch.randn(end.shape, generator=generator)
        times = torch.sigmoid(torch.randn(len(end), generator=generator))
        condition = drop_condition(conditions[rows], torch.rand((len(end), 8), generator=generator))
        self.network.train()
        state = start + times[:, None] * (end - start)
        loss = ((self.network(state, times, condition) - (end - start)) ** 2).mean()
        rate = cosine_rate(config.learning_rate, self.step, WARMUP_STEPS, (self.step + 1) / config.steps, final=0.0)
        self.optimize(loss, rate, config.ema_decay, max_norm=math.inf)
        self.loss = 0.99 * self.loss + 0.01 * float(loss.detach())

    def run(self, examples: Examples) -> None:
        """Train for the configured steps; logs the loss every LOG_STEPS."""
        model, generator = self.network, torch.Generator().manual_seed(self.config.seed)
        scale = float((model.axes**2).sum(dim=1)[0])
        components = (torch.from_numpy(examples.vectors) - model.mean) @ model.axes.T / scale
        conditions, weights = torch.from_numpy(examples.conditions), torch.from_numpy(examples.weights)
        while self.step < self.config.steps:
            clock = time.monotonic()
            self.train_step(components, conditions, weights, generator)
            self.spent_s += time.monotonic() - clock
            if self.step % LOG_STEPS == 0 or self.step == self.config.steps:
                self.log({"loss": round(self.loss, 4)})


def main(args: Sequence[str]) -> None:
    """The command ``train generator``."""
    parser = argparse.ArgumentParser(
        prog="train generator", description="Train the physics generator on the entries of a bank."
    )
    parser.add_argument("--bank", type=Path, action="append", help="folder of a bank; may be given again")
    parser.add_argument("--out", default="checkpoints/generator", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_generator", help="log of this run")
    parser.add_argument("--steps", type=int, default=TrainingConfig.steps)
    parser.add_argument("--variants", type=int, default=TrainingConfig.variants, help="variants of every entry")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="train on the held-out groups too; nothing is evaluated")
    parser.add_argument("--data", "--data-dir", help="not used: the bank holds all training data")
    parser.add_argument("--device", default="cpu", help="always the processor: the network is small")
    options = parser.parse_args(list(args))
    config = TrainingConfig(steps=options.steps, variants=options.variants, seed=options.seed)
    bank = join_banks(*(load_bank(folder) for folder in options.bank or [BANK_PATH]))
    entries = bank if options.all else split_bank(bank)[0]
    if len(entries) < MIN_ENTRIES:
        raise BadInput(f"the bank has {len(entries)} entries to learn from; give one with at least {MIN_ENTRIES}")
    print(f"{len(entries)} entries of {count_groups(entries)} groups", file=sys.stderr)
    started_s = time.monotonic()
    examples = make_examples(entries, config.variants, config.seed)
    torch.manual_seed(config.seed)
    model = Generator(GeneratorConfig(embedded=entries.embeddings.shape[1] == EMBEDDING_SIZE))
    fit_axes(model, examples.vectors, examples.weights)
    print(f"{count_parameters(model)} parameters, {len(examples.vectors)} vectors", file=sys.stderr)
    training = Training(model, config, Path(options.work))
    training.run(examples)
    facts = {
        **asdict(config),
        "entries": len(entries),
        "groups": count_groups(entries),
        "kinds": dict(Counter(entry.kind for entry in entries.entries)),
        "loss": round(training.loss, 4),
        "minutes": round((time.monotonic() - started_s) / 60, 2),
        "held_out_too": bool(options.all),
    }
    save_generator(Path(options.out), training.average, facts)


def count_groups(bank: Bank) -> int:
    """Number of recordings or takes that the entries come from."""
    return len({entry.group for entry in bank.entries})
