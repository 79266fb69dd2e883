"""Train the physics generator on a bank: ``launch.py train generator``."""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from engine.bank.bank import BANK_PATH, EMBEDDING_SIZE, Bank, join_banks, load_bank
from engine.bank.generate import Generator, GeneratorConfig, drop_condition, save_generator
from engine.core.checkpoint import count_parameters
from engine.core.errors import BadInput
from engine.lab.data.generator_examples import Examples, make_examples, split_bank
from engine.lab.training.trainer import update_ema

FEWEST = 50


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


def train_generator(
    model: Generator, average: Generator, examples: Examples, config: TrainingConfig
) -> Iterator[tuple[int, float]]:
    """Train the flow and ``average``, the moving average of its weights; yields step and loss every 500 steps.

    Rectified flow (Liu et al., "Flow straight and fast", ICLR 2023): mean squared error of the velocity, times drawn
    from a logit-normal distribution.
    """
    generator = torch.Generator().manual_seed(config.seed)
    scale = float((model.axes**2).sum(dim=1)[0])
    vectors = torch.from_numpy(examples.vectors)
    components = (vectors - model.mean) @ model.axes.T / scale
    conditions, weights = torch.from_numpy(examples.conditions), torch.from_numpy(examples.weights)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    running = 1.0
    for step in range(1, config.steps + 1):
        warmup = min(1.0, step / 200)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warmup * 0.5 * (1.0 + math.cos(math.pi * step / config.steps))
        rows = torch.multinomial(weights, config.batch, replacement=True, generator=generator)
        end = components[rows]
        start = torch.randn(end.shape, generator=generator)
        times = torch.sigmoid(torch.randn(len(end), generator=generator))
        condition = drop_condition(conditions[rows], torch.rand((len(end), 8), generator=generator))
        model.train()
        state = start + times[:, None] * (end - start)
        loss = ((model(state, times, condition) - (end - start)) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        update_ema(average, model, config.ema_decay, step)
        running = 0.99 * running + 0.01 * float(loss.detach())
        if step % 500 == 0 or step == config.steps:
            yield step, running


def main(args: Sequence[str]) -> None:
    """The command ``train generator``."""
    parser = argparse.ArgumentParser(
        prog="train generator", description="Train the physics generator on the entries of a bank."
    )
    parser.add_argument("--bank", type=Path, action="append", help="folder of a bank; may be given again")
    parser.add_argument("--out", default="checkpoints/generator", help="checkpoint folder to write")
    parser.add_argument("--steps", type=int, default=TrainingConfig.steps)
    parser.add_argument("--variants", type=int, default=TrainingConfig.variants, help="variants of every entry")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="train on the held-out groups too; nothing is evaluated")
    parser.add_argument("--data", "--data-dir", help="not used: the bank holds all training data")
    parser.add_argument("--device", default="cpu", help="always the processor: the network is small")
    options = parser.parse_args(list(args))
    config = TrainingConfig(steps=options.steps, variants=options.variants, seed=options.seed)
    bank = join_banks(*(load_bank(folder) for folder in options.bank or [BANK_PATH]))
    training = bank if options.all else split_bank(bank)[0]
    if len(training) < FEWEST:
        raise BadInput(f"the bank has {len(training)} entries to learn from; give one with at least {FEWEST}")
    print(f"{len(training)} entries of {count_groups(training)} groups", file=sys.stderr)
    started_s = time.monotonic()
    examples = make_examples(training, config.variants, config.seed)
    torch.manual_seed(config.seed)
    model = Generator(GeneratorConfig(embedded=training.embeddings.shape[1] == EMBEDDING_SIZE))
    fit_axes(model, examples.vectors, examples.weights)
    average = copy.deepcopy(model).requires_grad_(False)
    count = count_parameters(model)
    print(f"{count} parameters, {len(examples.vectors)} vectors", file=sys.stderr)
    for step, loss in train_generator(model, average, examples, config):
        minutes = round((time.monotonic() - started_s) / 60, 2)
        print(f"step {step}: loss {loss:.3f}, {minutes} minutes", file=sys.stderr, flush=True)
    kinds = dict(Counter(entry.kind for entry in training.entries))
    facts = {
        **asdict(config),
        "entries": len(training),
        "groups": count_groups(training),
        "kinds": kinds,
        "loss": round(loss, 4),
        "minutes": minutes,
        "held_out_too": bool(options.all),
    }
    save_generator(Path(options.out), average, facts)


def count_groups(bank: Bank) -> int:
    """Number of recordings or takes that the entries come from."""
    return len({entry.group for entry in bank.entries})
