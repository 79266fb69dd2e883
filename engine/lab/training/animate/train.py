"""Train the network that animates a still: ``launch.py train animate``."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.animate.diffusion import Pair, add_noise, sample_motion
from engine.animate.motion import WINDOW
from engine.animate.network import (
    ANIMATE,
    Conditions,
    MotionNetwork,
    MotionNetworkConfig,
    load_motion_network,
    save_motion_network,
)
from engine.animate.scaling import compress_motion, expand_motion
from engine.core.checkpoint import count_parameters, read_config
from engine.core.device import prefers_bfloat16
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.lab.data.animate.pack import MotionPack, read_pack, write_pack
from engine.lab.training.animate.batches import BatchConfig, Takes, Trust
from engine.lab.training.trainer import Trainer, cosine_rate

HELD_OUT = 0.08
"""Share of a pack, at its end, that is measured on and not learnt from."""


@dataclass(frozen=True)
class TrainingConfig:
    """``size`` windows a step, for ``budget_s`` of wall-clock time; ``moving_weight`` weighs cells that move.

    Every ``save_s`` the state and the checkpoint are written, with figures of ``checked`` held-out takes.
    """

    size: int = 128
    budget_s: float = 420.0
    learning_rate: float = 1.5e-3
    warmup_steps: int = 100
    weight_decay: float = 1e-2
    ema_decay: float = 0.998
    track_weight: float = 2.0
    moving_weight: float = 8.0
    save_s: float = 45.0
    checked: int = 48
    log_s: float = 8.0
    seed: int = 0


class MotionTraining(Trainer[MotionNetwork]):
    """Training of the motion network on windows of takes that lie on the device."""

    def __init__(self, network: MotionNetwork, config: TrainingConfig, work: Path, device: torch.device) -> None:
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.99)
        self.config, self.batches = config, BatchConfig()
        self.facts: dict[str, Any] = {}

    def train_step(self, takes: Takes, random: torch.Generator) -> None:
        """One step on random windows; halves the batch for good where the device's memory is too small."""
        config = self.config
        rows = torch.randint(takes.count, (config.size,), generator=random, device=self.device)
        first = torch.randint(takes.frames - WINDOW + 1, (config.size,), generator=random, device=self.device)
        motion, given, trust = takes.draw(rows, first, random, self.batches)
        self.network.train()
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=prefers_bfloat16(self.device)):
                loss = self.measure(self.network, motion, given, trust, random)
            rate = cosine_rate(config.learning_rate, self.step, config.warmup_steps, self.spent_s / config.budget_s)
            self.optimize(loss, rate, config.ema_decay)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            if config.size < 8:
                raise
            self.config = replace(config, size=config.size // 2)
            return
        if self.step % 10 == 0:
            self.loss = 0.8 * self.loss + 0.2 * float(loss.detach())

    def measure(
        self, network: MotionNetwork, motion: Pair, given: Conditions, trust: Trust, random: torch.Generator
    ) -> torch.Tensor:
        """Mean squared error of the velocity over what is known and not given, cells that move weighing more."""
        motion, given = self.scale(motion, given)
        noise = _draw_noise(motion, random)
        angle = 0.5 * math.pi * torch.rand(len(given.still), generator=random, device=self.device)
        noisy, velocity = add_noise(motion, noise, angle)
        track, field = network(*noisy, angle, given)
        wanted = 1.0 - given.given
        channels = wanted * trust.track
        track_loss = ((track.float() - velocity[0]) ** 2 * channels).sum() / channels.sum()
        weight = 1.0 + self.config.moving_weight * (motion[1].abs() > 0.1)
        cells = weight * wanted.transpose(1, 2)[..., None, None] * trust.cells
        field_loss = ((field.float() - velocity[1]) ** 2 * cells).sum() / cells.sum()
        return self.config.track_weight * track_loss + field_loss

    def scale(self, motion: Pair, given: Conditions) -> tuple[Pair, Conditions]:
        """Motion and given motion in the network's units."""
        config = self.network.config
        track, field = compress_motion(given.track, given.field, config)
        return compress_motion(*motion, config), replace(given, track=track, field=field)

    @torch.no_grad()
    def check(self, takes: Takes, name: str = "held_out") -> dict[str, Any]:
        """Figures of takes never learnt from: losses with and without their sound, how much the field moves against the
        true one, and of simulated ones how far the tip is from the place."""
        random = torch.Generator(self.device).manual_seed(1)
        size = min(self.config.checked, takes.count)
        rows = torch.arange(size, device=self.device)
        first = torch.randint(takes.frames - WINDOW + 1, (size,), generator=random, device=self.device)
        config = BatchConfig(unheard=0.0, undescribed=0.0, continued=0.0)
        motion, given, trust = takes.draw(rows, first, random, config)
        figures = {
            name: float(self.measure(self.average, motion, given, trust, random)),
            f"{name}_blind": float(self.measure(self.average, motion, given.hide_sound(), trust, random)),
        }
        scaled, plain = self.scale(motion, given)
        sampled = sample_motion(self.average, plain, _draw_noise(scaled, random), 1.0, 12)
        track, field = expand_motion(*sampled, self.network.config)
        true, made = (float((part * trust.cells).square().mean().sqrt()) for part in (motion[1], field))
        figures[f"{name}_moved"] = made / max(true, 1e-9)
        away = torch.linalg.vector_norm(track[:, :2], dim=1)
        blow = given.blows[:, 0] > 0.7
        if blow.any() and not takes.filmed.any():
            figures["tip_at_blows"] = float(away[blow].mean())
            figures["tip_elsewhere"] = float(away[~blow].mean())
        return {name: round(value, 4) for name, value in figures.items()}

    def run(self, takes: Takes, held_out: Sequence[Takes], out: Path) -> None:
        """Train for the budget, of which an earlier run may have spent a part, and write the checkpoint as it goes."""
        random = torch.Generator(self.device).manual_seed(self.config.seed + self.step)
        config = self.config
        self.run_for(
            config.budget_s,
            lambda: self.train_step(takes, random),
            lambda: self.save(held_out, out),
            config.save_s,
            config.log_s,
        )

    def save(self, held_out: Sequence[Takes], out: Path) -> None:
        """Write the checkpoint and log the figures of held-out takes, and of held-out film where there is some."""
        figures = {"loss": round(self.loss, 4)}
        for takes, name in zip(held_out, ("held_out", "film_held_out"), strict=False):
            figures |= self.check(takes, name)
        facts = {**asdict(self.config), **asdict(self.batches), **figures, "steps": self.step, **self.facts}
        save_motion_network(out, self.average, {**facts, "minutes": round(self.spent_s / 60, 2)})
        self.save_state(figures)


def _draw_noise(motion: Pair, random: torch.Generator) -> Pair:
    track, field = (torch.randn(part.shape, generator=random, device=part.device) for part in motion)
    return track, field


def split_pack(pack: MotionPack) -> tuple[MotionPack, MotionPack]:
    """Takes to learn from, and held-out ones. Raises BadInput where there are too few."""
    held_out = max(1, round(HELD_OUT * len(pack)))
    if len(pack) < 2:
        raise BadInput(f"a pack of {len(pack)} takes is too small to learn from; simulate more with --make-pack")
    return pack.take(slice(0, len(pack) - held_out)), pack.take(slice(len(pack) - held_out, None))


def measure_scales(pack: MotionPack, config: MotionNetworkConfig) -> MotionNetworkConfig:
    """The configuration with the scale of the grip's channels as a pack has it."""
    spread = [round(max(float(value), 0.05), 4) for value in pack.paths[..., 2:].astype(np.float32).std(axis=(0, 1))]
    return replace(config, track_scale=(*spread, *config.track_scale[2:]))


def main(args: Sequence[str]) -> None:
    """The command ``train animate``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="train animate", description="Train the network that animates a still.")
    parser.add_argument("--part", choices=("all", "swing"), default="all", help="swing: the striker's network alone")
    parser.add_argument("--pack", type=Path, required=True, metavar="F", help="pack of takes to learn from")
    parser.add_argument("--make-pack", type=int, default=0, metavar="N", help="first simulate N plans and write --pack")
    parser.add_argument("--film", type=Path, metavar="F", help="pack of film to learn from besides")
    parser.add_argument(
        "--make-film", type=Path, metavar="DATA", help="first measure the film in DATA and write --film"
    )
    parser.add_argument("--begin", type=Path, metavar="DIR", help="begin with the weights of this checkpoint")
    parser.add_argument("--seed", type=int, default=0, help="of the plans to simulate, and of the training")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/animate"), help="checkpoint folder to write")
    parser.add_argument("--work", type=Path, default=Path(".struck/train_animate"), help="parts of the pack, and log")
    parser.add_argument("--budget", type=float, default=TrainingConfig.budget_s, metavar="S", help="seconds to train")
    parser.add_argument("--size", type=int, default=TrainingConfig.size, metavar="N", help="windows a step")
    parser.add_argument(
        "--rate", type=float, default=TrainingConfig.learning_rate, metavar="R", help="peak learning rate"
    )
    parser.add_argument("--save", type=float, default=TrainingConfig.save_s, metavar="S", help="seconds between saves")
    parser.add_argument("--field-width", type=int, default=MotionNetworkConfig.field_width, metavar="N")
    parser.add_argument("--track-width", type=int, default=MotionNetworkConfig.track_width, metavar="N")
    parser.add_argument("--vector-width", type=int, default=MotionNetworkConfig.vector_width, metavar="N")
    parser.add_argument("--blocks", type=int, default=len(MotionNetworkConfig.dilations), metavar="N")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(list(args))
    if options.make_pack:
        from engine.lab.simulator.motion_pack import make_pack

        make_pack(options.pack, options.work / "parts", options.seed, options.make_pack, _say)
    if options.make_film:
        if options.film is None:
            raise BadInput("--make-film needs a file to write; name it with --film")
        make_film(options.make_film, options.film)
    if options.budget > 0:
        device = "cuda" if torch.cuda.is_available() and options.device != "cpu" else "cpu"
        if options.device == "cuda" and device == "cpu":
            raise BadInput("--device cuda was given but there is no usable GPU; leave it out to train on the processor")
        if options.part == "swing":
            from engine.lab.training.animate.train_swing import SwingTrainingConfig, train_swing

            swing = SwingTrainingConfig(budget_s=options.budget, seed=options.seed)
            train_swing(*split_pack(read_pack(options.pack)), swing, options.work, options.out, torch.device(device))
            return
        config = TrainingConfig(
            size=options.size, budget_s=options.budget, seed=options.seed, save_s=options.save,
            learning_rate=options.rate, checked=48 if device == "cuda" else 16,
        )  # fmt: skip
        dilations = MotionNetworkConfig.dilations[: options.blocks]
        network = MotionNetworkConfig(options.field_width, options.track_width, options.vector_width, dilations)
        packs = [read_pack(path) for path in (options.pack, options.film) if path is not None]
        train_network(packs, network, config, options.work, options.out, torch.device(device), options.begin)


def make_film(data: Path, out: Path) -> None:
    """Measure the motion of film and write it as a pack. Raises BadInput."""
    from engine.lab.data.animate.film import Watchers, read_film_motion
    from engine.onsets.watch import load_onset_network
    from engine.vision.predict import load_vision_model

    onsets, _ = load_onset_network(CHECKPOINTS / "onsets")
    watchers = Watchers(onsets, load_vision_model().network, load_motion_network(CHECKPOINTS / "animate"))
    write_pack(out, read_film_motion(data, watchers, _say))


def train_network(
    packs: Sequence[MotionPack],
    shape: MotionNetworkConfig,
    config: TrainingConfig,
    work: Path,
    out: Path,
    device: torch.device,
    begin: Path | None = None,
) -> None:
    """Train on simulated takes, and on film where a second pack is given, and write the checkpoint.

    Goes on from the state in ``work`` where there is one, else begins with the checkpoint ``begin``, whose shape and
    swing are kept.
    """
    torch.manual_seed(config.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    parts = [split_pack(pack) for pack in packs]
    learnt = MotionPack.join([part for part, _ in parts])
    if begin is None:
        network = MotionNetwork(measure_scales(parts[0][0], shape))
    else:
        network = load_motion_network(begin).requires_grad_(True)
    training = MotionTraining(network, config, work, device)
    training.facts |= {"takes": len(learnt), "filmed": int(learnt.filmed.sum())}
    if begin is not None:
        former = read_config(begin, ANIMATE)["training"]
        training.facts |= {"swing": former.pop("swing", None), "began_with": former}
    training.resume()
    held_out = [Takes(part, device) for _, part in parts]
    _say(
        f"{count_parameters(training.network)} parameters, {len(learnt)} takes, {learnt.filmed.sum()} filmed, {device}"
    )
    training.run(Takes(learnt, device), held_out, out)
    load_motion_network(out)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
