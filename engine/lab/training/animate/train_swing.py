"""Train the network of the striker's swing: ``launch.py train animate --part swing``."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.animate.network import ANIMATE, MotionNetwork, load_motion_network, save_motion_network
from engine.animate.swing import SwingConditions, SwingNetwork, compress_swing
from engine.core.checkpoint import read_config
from engine.lab.data.animate.pack import MotionPack
from engine.lab.training.animate.batches import Takes
from engine.lab.training.trainer import Trainer, cosine_rate


@dataclass(frozen=True)
class SwingTrainingConfig:
    """``size`` windows of ``window`` frames a step, for ``budget_s`` of wall-clock time.

    ``change_weight`` weighs errors of the change from frame to frame, which are seen as trembling; ``turn_rad`` and
    ``zoom`` bound how far swings are turned about the place and how much they are enlarged.
    """

    size: int = 48
    window: int = 84
    budget_s: float = 3000.0
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    ema_decay: float = 0.999
    change_weight: float = 1.0
    unheard: float = 0.15
    undescribed: float = 0.2
    unseen: float = 0.3
    turn_rad: float = 0.2
    zoom: float = 0.35
    save_s: float = 120.0
    log_s: float = 30.0
    seed: int = 0


class SwingTraining(Trainer[SwingNetwork]):
    """Training of the swing network on windows of takes that lie on the device."""

    def __init__(self, network: SwingNetwork, config: SwingTrainingConfig, work: Path, device: torch.device) -> None:
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.99)
        self.config = config

    def draw(self, takes: Takes, random: torch.Generator, vary: bool) -> tuple[torch.Tensor, SwingConditions]:
        """Swings of random windows in heights of the canvas, mirrored, turned and enlarged if they are to vary."""
        config, size = self.config, self.config.size

        def chance(*shape: int) -> torch.Tensor:
            return torch.rand(size, *shape, generator=random, device=self.device)

        rows = torch.randint(takes.count, (size,), generator=random, device=self.device)
        first = torch.randint(takes.frames - config.window + 1, (size,), generator=random, device=self.device)
        frames = first[:, None] + torch.arange(config.window, device=self.device)
        paths = takes.paths[rows[:, None], frames]
        still, place = takes.stills[rows].float() / 255.0, takes.places[rows]
        heard, known = torch.ones(size, 1, device=self.device), torch.ones(size, 1, device=self.device)
        if vary:
            flip = chance() < 0.5
            side = torch.where(flip, -1.0, 1.0)[:, None]
            zoom = torch.exp(config.zoom * (2 * chance(1) - 1))[..., None]
            turn = config.turn_rad * (2 * chance(1) - 1)
            x, y = paths[..., 0::2] * side[..., None], paths[..., 1::2]
            sine, cosine = torch.sin(turn)[..., None], torch.cos(turn)[..., None]
            paths = torch.stack((cosine * x - sine * y, sine * x + cosine * y), dim=-1).flatten(2) * zoom
            still = torch.where(flip[:, None, None, None], still.flip(-1), still)
            still = still ** torch.exp(0.3 * (2 * chance(1, 1, 1) - 1)) * (0.7 + 0.6 * chance(3, 1, 1))
            place = torch.where(flip[:, None, None, None], takes.mirrored[rows], place)
            heard = (chance(1) >= config.unheard).float()
            known = heard * (chance(1) >= config.undescribed).float()
            still = torch.where(chance(1, 1, 1) < config.unseen, 0.5, still)
        blows = takes.features[rows[:, None], :, frames].transpose(1, 2) * heard[:, :, None]
        given = SwingConditions(2 * still.clamp(0, 1) - 1, place, blows, takes.sounds[rows] * known, heard)
        return paths.clamp(-2.0, 2.0).transpose(1, 2), given

    def measure(
        self, network: SwingNetwork, paths: torch.Tensor, given: SwingConditions, random: torch.Generator
    ) -> torch.Tensor:
        """Mean squared error of the velocity, and of its change from frame to frame."""
        swing = compress_swing(paths, network.config)
        noise = torch.randn(swing.shape, generator=random, device=self.device)
        angle = 0.5 * math.pi * torch.rand(len(swing), generator=random, device=self.device)
        sine, cosine = torch.sin(angle)[:, None, None], torch.cos(angle)[:, None, None]
        wrong = network(sine * noise + cosine * swing, angle, given) - (cosine * noise - sine * swing)
        return wrong.square().mean() + self.config.change_weight * wrong.diff(dim=2).square().mean()

    def train_step(self, takes: Takes, random: torch.Generator) -> None:
        """One step on random windows."""
        config = self.config
        paths, given = self.draw(takes, random, vary=True)
        self.network.train()
        loss = self.measure(self.network, paths, given, random)
        rate = cosine_rate(config.learning_rate, self.step, config.warmup_steps, self.spent_s / config.budget_s)
        self.optimize(loss, rate, config.ema_decay)
        self.loss = 0.99 * self.loss + 0.01 * float(loss.detach())

    @torch.no_grad()
    def check(self, takes: Takes) -> dict[str, Any]:
        """Losses of takes never learnt from, with and without their sound."""
        random = torch.Generator(self.device).manual_seed(1)
        sums = [0.0, 0.0]
        for _ in range(4):
            paths, given = self.draw(takes, random, vary=False)
            state = random.get_state()
            sums[0] += float(self.measure(self.average, paths, given, random)) / 4
            random.set_state(state)
            sums[1] += float(self.measure(self.average, paths, given.hide_sound(), random)) / 4
        return {"held_out": round(sums[0], 4), "held_out_blind": round(sums[1], 4)}


def train_swing(
    learnt: MotionPack, held_out: MotionPack, config: SwingTrainingConfig, work: Path, out: Path, device: torch.device
) -> None:
    """Train on a pack, going on from the state in ``work`` where there is one, and put it into the checkpoint ``out``.

    Raises BadInput where that holds no motion network.
    """
    torch.manual_seed(config.seed)
    whole = load_motion_network(out)
    training = SwingTraining(SwingNetwork(), config, work, device)
    training.resume()
    takes, checked = Takes(learnt, device), Takes(held_out, device)
    random = torch.Generator(device).manual_seed(config.seed + training.step)

    def save() -> None:
        figures = {"loss": round(training.loss, 4), **training.check(checked)}
        training.save_state(figures)
        facts = {**asdict(config), **figures, "takes": len(learnt), "steps": training.step}
        put_swing(out, whole, training.average, {**facts, "minutes": round(training.spent_s / 60, 2)})

    training.run_for(config.budget_s, lambda: training.train_step(takes, random), save, config.save_s, config.log_s)


def put_swing(out: Path, whole: MotionNetwork, swing: SwingNetwork, facts: dict[str, Any]) -> None:
    """Write a checkpoint of a motion network with a swing network; ``facts`` are of the latter's training."""
    config = replace(whole.config, swing_width=swing.config.width, swing_dilations=swing.config.dilations)
    both = MotionNetwork(config)
    both.load_state_dict(
        {name: value for name, value in whole.state_dict().items() if not name.startswith("swing.")}
        | {f"swing.{name}": value for name, value in swing.state_dict().items()}
    )
    former = read_config(out, ANIMATE)["training"]
    save_motion_network(out, both, {**former, "swing": facts})
