"""Train the sampler on recordings, at every level of detail: ``launch.py train sampler``.

Steps alternate between the velocity loss of single bins and losses on the result of a few sampling steps: band levels
and, later in training, a discriminator's scores.
"""

from __future__ import annotations

import argparse
import copy
import functools
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from engine.cli.console import whole_number
from engine.core.checkpoint import count_parameters
from engine.core.device import choose_device, prefers_bfloat16
from engine.core.errors import BadInput
from engine.diffusion.checkpoint import load_velocity_network, save_velocity_network
from engine.diffusion.conditioning import drop_parts
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.data.sampler.examples import Batch, Example, make_batch, make_example
from engine.lab.data.sampler.hits import build_hits, is_synthetic, open_hits
from engine.lab.data.sampler.ordered import OrderedExamples
from engine.lab.data.sampler.pack import pack_hits, unpack_hits
from engine.lab.data.sampler.pool import ExamplePool, PoolConfig
from engine.lab.data.sampler.sharded import build_sharded_hits
from engine.lab.data.sampler.synthetic import make_synthetic_objects
from engine.lab.data.shards import list_shards
from engine.lab.training.plan import add_plan_arguments
from engine.lab.training.ranks import Ranks, add_ranks_arguments, join_ranks, own_device
from engine.lab.training.sampler.discriminator import Discriminator, adversarial_loss, discriminator_loss
from engine.lab.training.sampler.level_loss import SampledBatch, compare_levels, determine, level_loss, sample_batch
from engine.lab.training.sampler.plan import plan_training
from engine.lab.training.sampler.velocity_loss import draw_task, velocity_loss, weighted_square
from engine.lab.training.trainer import Trainer, cosine_rate
from engine.physics.detail import Detail, reduce_detail


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of training; the learning rate falls by a cosine over the ``minutes``, or over ``steps`` if given.

    The adversarial loss starts after ``adversarial_start``, a fraction of the training; ``adversarial_share`` is the
    norm of its gradient relative to that of the velocity loss.
    """

    minutes: float = 60.0
    steps: int | None = None
    learning_rate: float = 6e-4
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    condition_dropout: float = 0.1
    context_dropout: float = 0.3
    level_weight: float = 0.02
    level_steps: tuple[int, ...] = (1, 2, 4, 4)
    adversarial_start: float = 0.3
    adversarial_share: float = 0.3
    discriminator_rate: float = 3e-4
    ema_decay: float = 0.999
    save_minutes: float = 4.0
    seed: int = 0


class Training(Trainer[VelocityNetwork]):
    """Training state of the sampler's network."""

    def __init__(
        self,
        fresh: VelocityNetwork,
        config: TrainingConfig,
        work: Path,
        device: torch.device,
        ranks: Ranks | None = None,
    ) -> None:
        network = fresh.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.98, ranks=ranks)
        self.config = config
        self.bfloat16 = prefers_bfloat16(device)
        self.discriminator = Discriminator().to(device)
        self.discriminator_optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), lr=config.discriminator_rate, betas=(0.5, 0.9), weight_decay=0.0
        )
        self.gradients = {"velocity": 0.0, "adversarial": 0.0}
        self._measured = dict(self.gradients)
        self.figures: dict[str, float] = {}

    @property
    def done(self) -> float:
        """The share of the training that is done, 0 to 1."""
        if self.config.steps is not None:
            return self.step / max(1, self.config.steps)
        return self.spent_s / (self.config.minutes * 60)

    def restore(self, state: dict[str, Any]) -> None:
        """Load a saved state, the discriminator's too where it has one."""
        super().restore(state)
        if "discriminator" in state:
            self.discriminator.load_state_dict(state["discriminator"])
            self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        self.gradients |= {name: float(size) for name, size in state.get("gradients", {}).items()}
        self._measured = dict(self.gradients)

    def save(self, held_out: dict[str, float], pool: dict[str, float]) -> None:
        """Write the state atomically, and a line of the log."""
        more = {
            "discriminator": self.discriminator.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "gradients": self.gradients,
        }
        self.save_state({"loss": round(self.loss, 5)} | self.figures | held_out | pool, **more)

    def train_step(self, give_batch: Callable[[int, int], Batch]) -> None:
        """One step of optimizer and EMA: in turn on the velocity loss and on the losses of sampled sounds.

        ``give_batch`` gives the batch of a step and a part of it.
        """
        config, step = self.config, self.step
        faces = step % 2 == 1 and self.done >= config.adversarial_start and config.adversarial_share > 0.0
        self.discriminator_optimizer.zero_grad(set_to_none=True)

        def compute_loss(part: int, random: np.random.Generator) -> torch.Tensor:
            generator = torch.Generator(self.device).manual_seed(int(random.integers(1 << 62)))
            batch = give_batch(step, part)
            if step % 2 == 0:
                dropout = (config.condition_dropout, config.context_dropout)
                loss = velocity_loss(self.network, batch, generator, self.bfloat16, dropout)
                if step % 10 == 0 and part == 0:
                    self._measure_gradient("velocity", loss)
                return loss
            return self._sampled_loss(batch, part, generator, faces)

        rate = cosine_rate(config.learning_rate, step, config.warmup_steps, self.done)
        mean = self.optimize_parts(compute_loss, config.seed, rate, config.ema_decay)
        if faces:
            self.ranks.sum_gradients(self.discriminator.parameters())
            self.discriminator_optimizer.step()
        names = list(self.gradients)
        sizes = self.ranks.agree([self._measured[name] for name in names], self.device)
        self.gradients = dict(zip(names, sizes, strict=True))
        if step % 20 == 0:
            self.loss = 0.8 * self.loss + 0.2 * mean

    def _sampled_loss(self, batch: Batch, part: int, generator: torch.Generator, faces: bool) -> torch.Tensor:
        """Loss of the levels of sounds sampled in a few steps; where it ``faces`` the discriminator, that loss too."""
        config = self.config
        steps = config.level_steps[self.step // 2 % len(config.level_steps)]
        batch = replace(batch, context=drop_parts(batch.context, config.context_dropout, generator))
        pair = sample_batch(self.network, batch, steps, generator, self.bfloat16)
        level = compare_levels(pair, determine(batch))
        self._follow("level_db", level)
        loss = config.level_weight * level
        return loss + self._face_discriminator(pair, part) if faces else loss

    def _face_discriminator(self, pair: SampledBatch, part: int) -> torch.Tensor:
        """Gradients of the discriminator on recorded and sampled waves, and the weighted adversarial loss of these.

        The weight follows gradients measured in earlier steps, so that all processes have the same.
        """
        until = pair.known.any(dim=1).float()  # frames that the recording covers
        gate = F.interpolate(until[:, None], size=pair.sampled.shape[-1], mode="nearest")[:, 0]
        gain = pair.recorded.square().mean(dim=1, keepdim=True).add(1e-12).rsqrt() * gate * 0.1
        sampled, recorded = pair.sampled * gain, pair.recorded * gain
        with torch.autocast(self.device.type, torch.bfloat16, enabled=False):
            learnt = discriminator_loss(self.discriminator(recorded), self.discriminator(sampled.detach()))
            (learnt / self.ranks.parts).backward()  # type: ignore[no-untyped-call]
            self.discriminator.requires_grad_(False)
            loss = adversarial_loss(self.discriminator(sampled))
            self.discriminator.requires_grad_(True)
        if part == 0 and (self.step % 10 == 1 or not self.gradients["adversarial"]):
            self._measure_gradient("adversarial", loss)
        self._follow("discriminator", learnt)
        if not self.gradients["adversarial"]:
            return 0.0 * loss
        weight = self.config.adversarial_share * self.gradients["velocity"] / max(self.gradients["adversarial"], 1e-8)
        return min(weight, 1e3) * loss

    def _measure_gradient(self, name: str, loss: torch.Tensor) -> None:
        """Moving average of the norm of a loss's gradient at the network's last layer."""
        (gradient,) = torch.autograd.grad(loss, self.network.head.weight, retain_graph=True)
        size = float(gradient.norm())
        if math.isfinite(size):
            self._measured[name] = size if not self.gradients[name] else 0.95 * self.gradients[name] + 0.05 * size

    def _follow(self, name: str, value: torch.Tensor) -> None:
        """Moving average of a figure for the log, updated at intervals."""
        if self.step % 20 == 1:
            before = self.figures.get(name, float(value.detach()))
            self.figures[name] = round(0.8 * before + 0.2 * float(value.detach()), 4)

    def run(self, give_batch: Callable[[int, int], Batch]) -> Iterator[bool]:
        """Learn until all is done; yields now and then, when it is time to save: True at the end."""
        give_batch = _ahead(give_batch, self.step, self.ranks.own_parts)  # the first examples take a while
        since_save_s, clock = 0.0, time.monotonic()
        while self.done < 1.0:
            self.train_step(give_batch)
            now = time.monotonic()
            self.spend(now - clock)
            since_save_s, clock = since_save_s + now - clock, now
            if since_save_s > self.config.save_minutes * 60:
                yield False
                since_save_s, clock = 0.0, time.monotonic()
        yield True


def _ahead(give_batch: Callable[[int, int], Batch], first: int, parts: range) -> Callable[[int, int], Batch]:
    """The same batches, those of the first step at once."""
    held = {(first, part): give_batch(first, part) for part in parts}
    return lambda step, part: held.pop((step, part)) if (step, part) in held else give_batch(step, part)


COARSE = Detail(modes=8, bands=8, envelope=False, attack=False)


def choose_held_out(folder: Path, most: int = 24) -> dict[str, list[Example]]:
    """Held-out examples without augmentation, at full and at low detail: at most so many of each, evenly chosen."""
    hits = [hit for hit in open_hits(folder) if hit.held_out]
    hits = hits[:: max(1, -(-len(hits) // most))]
    reduced = [replace(h, modes=m, residual=r) for h in hits for m, r in [reduce_detail(h.modes, h.residual, COARSE)]]
    return {
        "held_out": [make_example([hit]) for hit in hits],
        "coarse": [make_example([hit], detail=COARSE) for hit in reduced],
    }


@torch.no_grad()
def evaluate_loss(
    network: VelocityNetwork, name: str, examples: Sequence[Example], device: torch.device, bfloat16: bool
) -> dict[str, float]:
    """Losses on held-out examples and fixed noise: the velocity's, next to that of velocity 0, which is the bare
    prior, and the level's after two steps in dB."""
    losses, bare, levels = [], [], []
    for seed, example in enumerate(examples):
        batch = make_batch([example], device, None)
        noise = torch.Generator().manual_seed(seed)
        losses.append(float(velocity_loss(network, batch, noise, bfloat16)))
        _, _, velocity = draw_task(batch, noise.manual_seed(seed))
        bare.append(float(weighted_square(velocity, batch.weight)))
        levels.append(float(level_loss(network, batch, 2, noise.manual_seed(seed), bfloat16)))
    if not losses:
        return {}
    return {
        name: round(float(np.mean(losses)), 5),
        f"{name}_prior": round(float(np.mean(bare)), 5),
        f"{name}_level_db": round(float(np.mean(levels)), 3),
    }


def read_minutes(text: str) -> float:
    """Minutes from a duration such as 90s, 8m or 1.5h; a number alone is minutes."""
    units = {"s": 1 / 60, "m": 1.0, "h": 60.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        minutes = float(number) * unit
    except ValueError:
        minutes = math.nan
    if not 0.0 < minutes < 1e5:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; give one such as 90s, 8m or 1.5h")
    return minutes


def read_widths(text: str) -> tuple[int, ...]:
    """Widths of the network's levels from a comma-separated list; each a multiple of 8."""
    widths = tuple(int(width) for width in text.split(","))
    if any(width < 8 or width % 8 for width in widths) or len(widths) > 6:
        raise argparse.ArgumentTypeError("give at most six widths that are multiples of 8")
    return widths


def start_network(config: NetworkConfig, begin: str | None, seed: int) -> VelocityNetwork:
    """A new network, or with ``begin`` that of a checkpoint to continue from."""
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
    data_help = "folder of recordings (a MANIFEST.csv gives tiers and licences), or of tar files of such"
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help=data_help)
    parser.add_argument("--out", default="checkpoints/sampler", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_sampler", help="analysed hits and resumable state")
    parser.add_argument("--begin", metavar="CHECKPOINT", help="checkpoint folder whose weights to learn on from")
    blend_help = "share of the trained weights in the checkpoint, the rest being those of --begin"
    parser.add_argument("--blend", type=float, default=1.0, help=blend_help)
    budget_help = "training time in all, such as 90s, 8m or 1.5h (a number alone is minutes)"
    parser.add_argument("--budget", "--minutes", dest="minutes", type=read_minutes, default=60.0, help=budget_help)
    parser.add_argument("--steps", type=int, help="train for so many steps, however long they take")
    parser.add_argument("--channels", type=read_widths, default=NetworkConfig.channels, help="such as 48,96,160,224")
    parser.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    parser.add_argument("--imagined", type=int, default=24, help="synthetic objects of each rare material")
    makers = max(1, (os.cpu_count() or 2) // 2)
    parser.add_argument("--workers", type=whole_number(1, 256), default=makers, help="makers of examples")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hits-only", action="store_true", help="analyse the recordings and stop")
    parser.add_argument("--batch-frames", type=int, default=PoolConfig.batch_frames, help="frames in a batch")
    parser.add_argument("--pool", type=int, default=PoolConfig.size, help="examples kept at a time")
    parser.add_argument("--heads", type=int, default=0, help="heads of attention at the coarsest level, 0 for none")
    parser.add_argument("--adversarial", type=float, default=TrainingConfig.adversarial_share,
                        help="gradient of the discriminator against the velocity's; 0 for none")  # fmt: skip
    parser.add_argument("--pack", metavar="FILE", help="write the analysed hits as one small file and stop")
    parser.add_argument("--packed", metavar="FILE", help="learn from a file that --pack wrote, instead of --data")
    add_ranks_arguments(parser)
    add_plan_arguments(parser)
    options = parser.parse_args(args)
    if not 0.0 <= options.blend <= 1.0 or (options.blend < 1.0 and options.begin is None):
        raise BadInput("--blend is a share from 0 to 1 and needs --begin; correct it or leave it out")
    device, note = choose_device(options.device)
    if options.plan:
        size = NetworkConfig(channels=options.channels, heads=options.heads)
        short = TrainingConfig(steps=1, adversarial_share=options.adversarial)
        begin = functools.partial(Training, start_network(size, options.begin, options.seed), short, device=device)
        print(plan_training(options, device, lambda work: begin(work=work).train_step).describe())
        return
    device = own_device(device)
    ranks = join_ranks(options.parts, device)
    print(f"device: {note}", file=sys.stderr)
    work = Path(options.work)
    _prepare_hits(options, work / "hits", ranks)
    if options.pack:
        pack_hits(work / "hits", Path(options.pack))
    if options.hits_only or options.pack:
        return
    config = TrainingConfig(
        minutes=options.minutes,
        steps=options.steps,
        learning_rate=options.learning_rate,
        adversarial_share=options.adversarial,
        save_minutes=min(TrainingConfig.save_minutes, options.minutes / 4),
        seed=options.seed,
    )
    network = start_network(NetworkConfig(channels=options.channels, heads=options.heads), options.begin, options.seed)
    start = copy.deepcopy(network).to(device)
    training = Training(network, config, work, device, ranks)
    training.resume()
    millions = count_parameters(training.network) / 1e6
    print(f"{millions:.2f} M parameters on {device}, bfloat16 {training.bfloat16}", file=sys.stderr)
    pool_config = PoolConfig(size=options.pool, batch_frames=options.batch_frames)
    trained_on = [hit for hit in open_hits(work / "hits") if not hit.held_out]
    imagined = sum(map(is_synthetic, trained_on))
    facts = {**asdict(config), "device": note, "recordings": len(trained_on) - imagined, "imagined": imagined}
    facts |= {"batch_frames": options.batch_frames, "blend": options.blend, "parts": ranks.parts}
    facts |= {"began_with": Path(options.begin).name if options.begin else ""}
    held_out_examples = choose_held_out(work / "hits")
    hits, workers = work / "hits", options.workers
    pool: ExamplePool | OrderedExamples
    if options.parts:
        pool = OrderedExamples(hits, pool_config, config.seed, ranks.own_parts, workers, device)
    else:
        pool = ExamplePool(hits, pool_config, config.seed + training.step, workers, device)
    with pool:
        for complete in training.run(pool.batch):
            if not ranks.is_first:
                continue
            blended = blend_networks(start, training.average, options.blend)
            held_out: dict[str, float] = {}
            for name, examples in held_out_examples.items():
                held_out |= evaluate_loss(blended, name, examples, device, training.bfloat16)
            training.save(held_out, {"examples_made": pool.made, "uses_each": round(pool.drawn / pool.made, 1)})
            done = {"step": training.step, "minutes_spent": round(training.spent_s / 60, 1), "complete": complete}
            save_velocity_network(Path(options.out), blended, {**facts, **done, **held_out})


def _prepare_hits(options: argparse.Namespace, folder: Path, ranks: Ranks) -> None:
    """Unpack hits, or analyse the recordings whose hits the folder lacks: of shards each process its share."""
    synthetic = make_synthetic_objects(options.imagined)
    if not options.packed and (shards := list_shards(str(options.data))):
        build_sharded_hits(shards, synthetic, folder, options.workers, ranks.index, ranks.count)
        return ranks.wait()
    with ranks.first_goes_ahead():
        if options.packed:
            return unpack_hits(Path(options.packed), folder)
        from engine.lab.data.recordings import list_recordings  # reads media, which a pack does without

        build_hits(list_recordings(options.data), synthetic, folder, options.workers)
