"""Train the sampler on recordings: ``launch.py train sampler``."""

from __future__ import annotations

import argparse
import copy
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from engine.core.checkpoint import count_parameters
from engine.core.device import choose_device
from engine.core.errors import BadInput
from engine.diffusion.checkpoint import load_velocity_network, save_velocity_network
from engine.diffusion.conditioning import drop_parts
from engine.diffusion.interpolant import draw_prior, interpolate
from engine.diffusion.sampler import prefers_bfloat16
from engine.diffusion.spectrogram import FRAME_COUNTS, draw_white
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.data.recordings import is_held_out, list_recordings
from engine.lab.data.sampler.examples import Batch, Example, make_batch, make_example
from engine.lab.data.sampler.hits import build_hits, open_hits
from engine.lab.data.sampler.pool import ExamplePool, PoolConfig
from engine.lab.data.sampler.synthetic import imagine_objects
from engine.lab.training.sampler.level_loss import level_loss
from engine.lab.training.trainer import Trainer, cosine_rate


@dataclass(frozen=True)
class TrainingConfig:
    """How the sampler is trained; the learning rate falls by a cosine over the ``minutes``."""

    minutes: float = 60.0
    learning_rate: float = 6e-4
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    condition_dropout: float = 0.1
    context_dropout: float = 0.3
    level_weight: float = 0.02
    level_steps: tuple[int, ...] = (1, 2, 4, 8)
    ema_decay: float = 0.999
    save_minutes: float = 4.0
    seed: int = 0


class Training(Trainer[VelocityNetwork]):
    """A sampler's network on its way."""

    def __init__(self, fresh: VelocityNetwork, config: TrainingConfig, work: Path, device: torch.device) -> None:
        network = fresh.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.98)
        self.config = config
        self.bfloat16 = prefers_bfloat16(device)

    def save(self, held_out: dict[str, float], pool: dict[str, float]) -> None:
        """Write the state whole or not at all, and a line of the log."""
        self.save_state({"loss": round(self.loss, 5)} | held_out | pool)

    def learn(self, batch: Batch, generator: torch.Generator) -> None:
        """One step of the optimizer and of the moving average."""
        config = self.config
        if self.step % 2:  # in turn the path and what it leads to
            steps = self.config.level_steps[self.step // 2 % len(self.config.level_steps)]
            batch = replace(batch, context=drop_parts(batch.context, self.config.context_dropout, generator))
            loss = self.config.level_weight * level_loss(self.network, batch, steps, generator, self.bfloat16)
        else:
            loss = velocity_loss(self.network, batch, generator, self.config, self.bfloat16)
            self.loss = 0.98 * self.loss + 0.02 * float(loss.detach())
        done = self.spent_s / (config.minutes * 60)
        self.optimize(loss, cosine_rate(config.learning_rate, self.step, config.warmup_steps, done), config.ema_decay)

    def run(self, batches: Iterator[Batch]) -> Iterator[bool]:
        """Learn until the time is spent; yields now and then, when it is time to save: True at the end."""
        generator = torch.Generator().manual_seed(self.config.seed + self.step)
        batch = next(batches)  # the first ones take a while to make
        since_save_s, clock = 0.0, time.monotonic()
        while self.spent_s < self.config.minutes * 60:
            self.learn(batch, generator)
            batch = next(batches)
            now = time.monotonic()
            self.spent_s, since_save_s, clock = self.spent_s + now - clock, since_save_s + now - clock, now
            if since_save_s > self.config.save_minutes * 60:
                yield False
                since_save_s, clock = 0.0, time.monotonic()
        yield True


def velocity_loss(
    network: VelocityNetwork, batch: Batch, generator: torch.Generator, config: TrainingConfig, bfloat16: bool
) -> torch.Tensor:
    """Weighted mean square error of the velocity at random angles.

    In ``condition_dropout`` of them neither prior nor context is told; of the others, each part of the context is left
    out in ``context_dropout``.
    """
    size, device = batch.deviation.shape[0], batch.deviation.device
    angle, noisy, velocity = draw_task(batch, generator)
    told = (torch.rand(size, generator=generator) >= config.condition_dropout).float().to(device)
    context = drop_parts(batch.context, config.context_dropout, generator) * told[:, None]
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        found = network(noisy, angle, batch.features * told[:, None, None, None], context)
    return weighted_square(found - velocity, batch.weight)


def draw_task(batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What a network is asked and should answer: random angles, the noisy deviation there, its velocity."""
    deviation, features = batch.deviation, batch.features
    size, device = deviation.shape[0], deviation.device
    angle = (torch.rand(size, generator=generator) * (0.5 * math.pi)).to(device)
    white = draw_white(size, deviation.shape[-1], generator).to(device)
    return angle, *interpolate(draw_prior(features[:, :2], batch.noise, white), deviation, angle)


def weighted_square(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean square of a picture's error, a scalar."""
    return (error.square() * weight).sum() / (2.0 * weight.sum()).clamp_min(1.0)


def choose_held_out(folder: Path, most: int = 20) -> list[Example]:
    """Held-out examples, unvaried: at most so many of each length, spread over the corpus."""
    examples = [make_example([hit]) for hit in open_hits(folder) if hit.held_out]
    chosen = []
    for frames in FRAME_COUNTS:
        alike = [example for example in examples if example.arrays.shape[-1] == frames]
        chosen += alike[:: max(1, -(-len(alike) // most))]
    return chosen


@torch.no_grad()
def evaluate_loss(
    network: VelocityNetwork, examples: Sequence[Example], device: torch.device, bfloat16: bool
) -> dict[str, float]:
    """Losses on held-out examples and fixed noise: the velocity's, next to that of velocity 0, which is the bare
    prior, and the level's after two steps in dB."""
    losses, bare, levels = [], [], []
    everything = TrainingConfig(condition_dropout=0.0, context_dropout=0.0)
    for seed, example in enumerate(examples):
        batch = make_batch([example], device, None)
        noise = torch.Generator().manual_seed(seed)
        losses.append(float(velocity_loss(network, batch, noise, everything, bfloat16)))
        _, _, velocity = draw_task(batch, noise.manual_seed(seed))
        bare.append(float(weighted_square(velocity, batch.weight)))
        levels.append(float(level_loss(network, batch, 2, noise.manual_seed(seed), bfloat16)))
    if not losses:
        return {}
    return {
        "held_out": round(float(np.mean(losses)), 5),
        "held_out_prior": round(float(np.mean(bare)), 5),
        "held_out_level_db": round(float(np.mean(levels)), 3),
    }


def read_widths(text: str) -> tuple[int, ...]:
    """Widths of the network's levels from a comma-separated list; each a multiple of 8."""
    widths = tuple(int(width) for width in text.split(","))
    if any(width < 8 or width % 8 for width in widths) or len(widths) > 6:
        raise argparse.ArgumentTypeError("give at most six widths that are multiples of 8")
    return widths


def start_network(config: NetworkConfig, begin: str | None, seed: int) -> VelocityNetwork:
    """A fresh network, or with ``begin`` that of a checkpoint to learn on from."""
    torch.manual_seed(seed)
    if begin is None:
        return VelocityNetwork(config)
    network, _ = load_velocity_network(Path(begin))
    return network


def blend_networks(before: VelocityNetwork, after: VelocityNetwork, share: float) -> VelocityNetwork:
    """A network between two, weight by weight: ``share`` of the latter (Wortsman et al., CVPR 2022, WiSE-FT)."""
    blended = copy.deepcopy(after)
    with torch.no_grad():
        for mixed, old in zip(blended.parameters(), before.parameters(), strict=True):
            mixed.copy_(torch.lerp(old, mixed, share))
    return blended


def main(args: list[str]) -> None:
    """The command ``train sampler``."""
    parser = argparse.ArgumentParser(
        prog="train sampler", description="Train the sampler on recordings of struck things."
    )
    data_help = "folder of recordings (a MANIFEST.csv gives tiers and licences)"
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help=data_help)
    parser.add_argument("--out", default="checkpoints/sampler", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_sampler", help="analysed hits and resumable state")
    parser.add_argument("--begin", metavar="CHECKPOINT", help="checkpoint folder whose weights to learn on from")
    blend_help = "share of what was learnt in the checkpoint, the rest being what it began with"
    parser.add_argument("--blend", type=float, default=1.0, help=blend_help)
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes, help="training time in all")
    parser.add_argument("--channels", type=read_widths, default=NetworkConfig.channels, help="such as 48,96,160,224")
    parser.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    parser.add_argument("--imagined", type=int, default=24, help="imagined objects of each thin material")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="makers of examples")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hits-only", action="store_true", help="analyse the recordings and stop")
    options = parser.parse_args(args)
    if not 0.0 <= options.blend <= 1.0 or (options.blend < 1.0 and options.begin is None):
        raise BadInput("--blend is a share from 0 to 1 and needs --begin; correct it or leave it out")
    device, note = choose_device(options.device)
    print(f"device: {note}", file=sys.stderr)
    work, recordings = Path(options.work), list_recordings(options.data)
    build_hits(recordings, imagine_objects(options.imagined), work / "hits", options.workers)
    if options.hits_only:
        return
    config = TrainingConfig(minutes=options.minutes, learning_rate=options.learning_rate, seed=options.seed)
    network = start_network(NetworkConfig(channels=options.channels), options.begin, options.seed)
    start = copy.deepcopy(network).to(device)
    training = Training(network, config, work, device)
    training.resume()
    millions = count_parameters(training.network) / 1e6
    print(f"{millions:.2f} M parameters on {device}, bfloat16 {training.bfloat16}", file=sys.stderr)
    facts = {**asdict(config), "device": note, "recordings": sum(not is_held_out(r) for r in recordings)}
    facts |= {"imagined": options.imagined, "blend": options.blend}
    facts |= {"began_with": Path(options.begin).name if options.begin else ""}
    held_out_examples = choose_held_out(work / "hits")
    with ExamplePool(work / "hits", PoolConfig(), config.seed + training.step, options.workers) as pool:
        for complete in training.run(pool.batches(device)):
            blended = blend_networks(start, training.average, options.blend)
            held_out = evaluate_loss(blended, held_out_examples, device, training.bfloat16)
            training.save(held_out, {"examples_made": pool.made, "uses_each": round(pool.drawn / pool.made, 1)})
            done = {"step": training.step, "minutes_spent": round(training.spent_s / 60, 1), "complete": complete}
            save_velocity_network(Path(options.out), blended, {**facts, **done, **held_out})
