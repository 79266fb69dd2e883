"""Train the sampler on recordings: ``launch.py train sampler``."""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from engine.corpus.pairs import Batch, build_pairs, draw_batches, make_batch, open_pairs
from engine.corpus.recordings import is_held_out, list_recordings
from engine.device import choose_device
from engine.diffusion.checkpoint import save_checkpoint
from engine.diffusion.denoiser import draw_prior, mix
from engine.diffusion.network import NetworkConfig, VelocityNetwork, count_parameters
from engine.diffusion.sampler import prefers_bfloat16
from engine.diffusion.spectrogram import draw_white
from engine.errors import BadInput
from engine.train.levels import level_loss


@dataclass(frozen=True)
class TrainingConfig:
    """How the sampler is trained; the learning rate falls by a cosine over the ``minutes``."""

    minutes: float = 60.0
    learning_rate: float = 6e-4
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    condition_dropout: float = 0.1
    level_weight: float = 0.02
    level_steps: tuple[int, ...] = (1, 2, 4, 8)
    ema_decay: float = 0.999
    save_minutes: float = 3.0
    seed: int = 0


class Training:
    """A network on its way: its weights, their moving average, the optimizer, and the time spent."""

    def __init__(self, network: NetworkConfig, config: TrainingConfig, work: Path, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.state_path, self.log_path = work / "state.pt", work / "log.jsonl"
        fresh = VelocityNetwork(network)
        self.network: VelocityNetwork = fresh.to(
            device=device,
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
        )
        self.bfloat16 = prefers_bfloat16(device)
        self.step, self.spent_s, self.loss = 0, 0.0, 1.0
        work.mkdir(parents=True, exist_ok=True)

    def resume(self) -> None:
        """Go on where an earlier run of the same configuration stopped, if there was one."""
        if self.state_path.is_file():
            try:
                state = torch.load(self.state_path, map_location=self.device, weights_only=True)
                self.network.load_state_dict(state["network"])
                self.average.load_state_dict(state["average"])
                self.optimizer.load_state_dict(state["optimizer"])
                self.step, self.spent_s, self.loss = int(state["step"]), float(state["spent_s"]), float(state["loss"])
            except Exception as error:
                reason = str(error).splitlines()[0][:100]
                raise BadInput(
                    f"{self.state_path} does not fit this training ({reason}); delete it or give another --work"
                ) from None
            print(f"resuming at step {self.step}, {self.spent_s / 60:.1f} minutes in", file=sys.stderr)

    def save(self, held_out: dict[str, float]) -> None:
        """Write the state whole or not at all, and a line of the log."""
        line = {"step": self.step, "minutes": round(self.spent_s / 60, 2), "loss": round(self.loss, 5), **held_out}
        with open(self.log_path, "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), file=sys.stderr, flush=True)
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
            "loss": self.loss,
        }
        partial = self.state_path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self.state_path)

    def learning_rate(self) -> float:
        """Linear warm-up, then a cosine over the time there is, down to a fiftieth."""
        config, progress = self.config, min(1.0, self.spent_s / (self.config.minutes * 60))
        cosine = 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * progress))
        return config.learning_rate * min(1.0, (self.step + 1) / config.warmup_steps) * cosine

    def learn(self, batch: Batch, generator: torch.Generator) -> None:
        """One step of the optimizer and of the moving average."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        if self.step % 2:  # in turn the path and what it leads to
            steps = self.config.level_steps[self.step // 2 % len(self.config.level_steps)]
            loss = self.config.level_weight * level_loss(self.network, batch, steps, generator, self.bfloat16)
        else:
            loss = velocity_loss(self.network, batch, generator, self.config.condition_dropout, self.bfloat16)
            self.loss = 0.98 * self.loss + 0.02 * float(loss.detach())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(self.config.ema_decay, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.network.parameters(), strict=True):
                slow.lerp_(fast, 1.0 - keep)

    def run(self, batches: Iterator[Batch]) -> Iterator[bool]:
        """Learn until the time is spent; yields now and then, when it is time to save: True at the end."""
        generator = torch.Generator().manual_seed(self.config.seed + self.step)
        since_save_s, clock = 0.0, time.monotonic()
        while self.spent_s < self.config.minutes * 60:
            self.learn(next(batches), generator)
            now = time.monotonic()
            self.spent_s, since_save_s, clock = self.spent_s + now - clock, since_save_s + now - clock, now
            if since_save_s > self.config.save_minutes * 60:
                yield False
                since_save_s, clock = 0.0, time.monotonic()
        yield True


def velocity_loss(
    network: VelocityNetwork, batch: Batch, generator: torch.Generator, dropout: float, bfloat16: bool
) -> torch.Tensor:
    """Weighted mean square error of the velocity at random angles; in ``dropout`` of them the prior is not told."""
    size, device = batch.deviation.shape[0], batch.deviation.device
    angle, noisy, velocity = draw_task(batch, generator)
    told = (torch.rand(size, generator=generator) >= dropout).float().to(device)[:, None, None, None]
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        found = network(noisy, angle, batch.features * told)
    return weighted_square(found - velocity, batch.weight)


def draw_task(batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What a network is asked and should answer: random angles, the noisy deviation there, its velocity."""
    deviation, features = batch.deviation, batch.features
    size, device = deviation.shape[0], deviation.device
    angle = (torch.rand(size, generator=generator) * (0.5 * math.pi)).to(device)
    white = draw_white(size, deviation.shape[-1], generator).to(device)
    return angle, *mix(draw_prior(features[:, :2], features[:, 2:3], white), deviation, angle)


def weighted_square(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean square of a picture's error, a scalar."""
    return (error.square() * weight).sum() / (2.0 * weight.sum()).clamp_min(1.0)


@torch.no_grad()
def evaluate_loss(
    network: VelocityNetwork, pairs_dir: Path, device: torch.device, bfloat16: bool, most: int = 48
) -> dict[str, float]:
    """Losses on held-out examples and fixed noise: the velocity's, next to that of velocity 0, which is the bare
    prior, and the level's after two steps in dB."""
    losses, bare, levels = [], [], []
    for pairs in open_pairs(pairs_dir).values():
        rows = np.flatnonzero(pairs.held_out)
        for row in rows[:: max(1, rows.size // most)]:
            batch, seed = make_batch(pairs, np.asarray([row]), device, None), int(row)
            noise = torch.Generator().manual_seed(seed)
            losses.append(float(velocity_loss(network, batch, noise, 0.0, bfloat16)))
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


def main(args: list[str]) -> None:
    """The command ``train sampler``."""
    parser = argparse.ArgumentParser(
        prog="train sampler", description="Train the sampler on recordings of struck things."
    )
    data_help = "folder of recordings (a MANIFEST.csv gives tiers and licences)"
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help=data_help)
    parser.add_argument("--out", default="checkpoints/sampler", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_sampler", help="pairs and resumable state")
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes, help="training time in all")
    parser.add_argument("--channels", type=read_widths, default=NetworkConfig.channels, help="such as 48,96,160,224")
    parser.add_argument("--variants", type=int, default=2, help="playing speeds per recording beside its own")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs-only", action="store_true", help="prepare the pairs and stop")
    options = parser.parse_args(args)
    device, note = choose_device(options.device)
    print(f"device: {note}", file=sys.stderr)
    work, recordings = Path(options.work), list_recordings(options.data)
    build_pairs(recordings, work / "pairs", options.variants)
    if options.pairs_only:
        return
    config = TrainingConfig(minutes=options.minutes, seed=options.seed)
    network = NetworkConfig(channels=options.channels)
    training = Training(network, config, work, device)
    training.resume()
    millions = count_parameters(training.network) / 1e6
    print(f"{millions:.2f} M parameters on {device}, bfloat16 {training.bfloat16}", file=sys.stderr)
    facts = {**asdict(config), "device": note, "recordings": sum(not is_held_out(r) for r in recordings)}
    batches = draw_batches(open_pairs(work / "pairs"), device, config.seed + training.step)
    for complete in training.run(batches):
        held_out = evaluate_loss(training.average, work / "pairs", device, training.bfloat16)
        training.save(held_out)
        done = {"step": training.step, "minutes_spent": round(training.spent_s / 60, 1), "complete": complete}
        save_checkpoint(Path(options.out), training.average, {**facts, **done, **held_out})
