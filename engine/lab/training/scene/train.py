"""Train the networks that picture a sound: ``launch.py train scene``."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from engine.core.checkpoint import count_parameters
from engine.lab.data.scene.pack import ScenePack, join_packs, read_pack, split_pack, write_pack
from engine.lab.training.scene.pairs import Pairs, change_sounds, crop_randomly, prepare_pairs
from engine.lab.training.trainer import Trainer, cosine_rate
from engine.scene.diffusion import add_noise
from engine.scene.network import SceneConfig, SceneNetwork, load_scene_network, save_scene_network

LOG_S = 15.0


@dataclass(frozen=True)
class TrainingConfig:
    """The encoders are aligned for ``align_steps`` of ``align_size`` pairs; then the denoiser learns ``size`` pictures
    a step until ``budget_s`` of wall-clock time is spent. ``unheard`` is the share that is told no sound.
    """

    align_steps: int = 500
    align_size: int = 96
    temperature: float = 0.1
    align_rate: float = 2e-3
    size: int = 24
    rate: float = 1.5e-3
    budget_s: float = 1500.0
    unheard: float = 0.15
    blur: float = 0.1
    ema_decay: float = 0.995
    save_s: float = 120.0
    seed: int = 0


class SceneTraining(Trainer[SceneNetwork]):
    """Training of the encoders, and then of the denoiser on sounds as the encoder hears them."""

    def __init__(self, network: SceneNetwork, config: TrainingConfig, work: Path) -> None:
        super().__init__(network, work, torch.device("cpu"), config.rate, 1e-2, 0.99)
        self.config = config

    def align(self, pairs: Pairs, random: torch.Generator) -> None:
        """One step of InfoNCE on random pairs."""
        config = self.config
        rows = torch.randperm(len(pairs.sounds), generator=random)[: config.align_size]
        view = torch.randint(pairs.features.shape[1], (len(rows),), generator=random)
        self.network.train()
        sounds = self.network.sounds(change_sounds(pairs.sounds[rows], random))
        pictures = self.network.pictures(pairs.features[rows, view])
        loss = contrast(sounds, pictures, pairs.alike[rows], config.temperature)
        self.optimize(loss, cosine_rate(config.align_rate, self.step, 30, self.step / config.align_steps), 0.98)
        self.loss = 0.9 * self.loss + 0.1 * float(loss.detach())

    def denoise(self, pairs: Pairs, random: torch.Generator) -> None:
        """One step of the denoiser."""
        config = self.config
        rows = torch.randint(len(pairs.sounds), (config.size,), generator=random)
        self.network.eval()
        with torch.no_grad():
            heard = self.network.sounds(change_sounds(pairs.sounds[rows], random))
            rough = torch.randn(heard.shape, generator=random) * config.blur
            heard = F.normalize(heard + rough, dim=1)
            heard = heard * (torch.rand(len(rows), 1, generator=random) >= config.unheard)
            pictures = crop_randomly(pairs.pictures[rows], random, 0.85)
        self.network.train()
        loss = self.measure(self.network, pictures, heard, random)
        rate = cosine_rate(config.rate, self.step - config.align_steps, 50, self.spent_s / config.budget_s)
        self.optimize(loss, rate, config.ema_decay)
        self.loss = 0.97 * self.loss + 0.03 * float(loss.detach())

    def measure(
        self, network: SceneNetwork, pictures: torch.Tensor, heard: torch.Tensor, random: torch.Generator
    ) -> torch.Tensor:
        """Mean squared error of the velocity, bounded where there is little noise."""
        angle = 0.5 * math.pi * torch.rand(len(pictures), generator=random) ** 0.8
        noise = torch.randn(pictures.shape, generator=random)
        clean = network.denoiser(add_noise(pictures, noise, angle), angle, heard)
        weight = 1.0 / torch.sin(angle).square().clamp_min(0.1)
        return ((clean - pictures).square().mean(dim=(1, 2, 3)) * weight).mean()

    @torch.no_grad()
    def check(self, pairs: Pairs) -> dict[str, float]:
        """Losses of held-out pairs, the denoiser's also without the sound."""
        random = torch.Generator().manual_seed(1)
        rows = torch.randperm(len(pairs.sounds), generator=random)[:96]
        network = self.average
        heard = network.sounds(pairs.sounds[rows])
        seen = network.pictures(pairs.features[rows, 0])
        found = {"contrast": float(contrast(heard, seen, pairs.alike[rows], self.config.temperature))}
        for name, told in (("held_out", heard), ("held_out_unheard", torch.zeros_like(heard))):
            again = torch.Generator().manual_seed(2)
            found[name] = float(self.measure(network, pairs.pictures[rows], told, again))
        return {name: round(value, 4) for name, value in found.items()}

    def run(self, learnt: Pairs, held_out: Pairs, out: Path) -> None:
        """Train until the budget is spent, of which an earlier run may have spent a part."""
        random = torch.Generator().manual_seed(self.config.seed + self.step)
        config = self.config

        def train_step() -> None:
            (self.align if self.step < config.align_steps else self.denoise)(learnt, random)

        self.run_for(config.budget_s, train_step, lambda: self.save(held_out, out), config.save_s, LOG_S)

    def save(self, held_out: Pairs, out: Path) -> None:
        """Write the checkpoint and the state, and log the figures of held-out pairs."""
        figures = {"loss": round(self.loss, 4), **self.check(held_out)}
        facts: dict[str, Any] = {**asdict(self.config), **figures, "steps": self.step}
        save_scene_network(out, self.average, {**facts, "minutes": round(self.spent_s / 60, 2)})
        self.save_state(figures)


def contrast(sounds: torch.Tensor, pictures: torch.Tensor, alike: torch.Tensor, temperature: float) -> torch.Tensor:
    """InfoNCE in both directions of unit vectors [N, shared]; pairs that are ``alike`` are no negatives.

    van den Oord et al., "Representation learning with contrastive predictive coding", 2018.
    """
    scores = sounds @ pictures.T / temperature
    own = torch.eye(len(scores), dtype=torch.bool)
    scores = scores.masked_fill((alike[:, None] == alike[None]) & ~own, -math.inf)
    wanted = torch.arange(len(scores))
    return 0.5 * (F.cross_entropy(scores, wanted) + F.cross_entropy(scores.T, wanted))


def main(args: Sequence[str]) -> None:
    """The command ``train scene``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="train scene", description="Train the networks that picture a sound.")
    parser.add_argument("--pack", type=Path, required=True, metavar="F", help="pack of pairs to learn from")
    parser.add_argument("--make-pack", type=int, default=0, metavar="N", help="first simulate N takes and write --pack")
    parser.add_argument("--data", type=Path, default=None, metavar="DIR", help="with --make-pack: add the film there")
    parser.add_argument("--takes", type=Path, default=None, metavar="DIR", help="add the takes that simulate wrote")
    parser.add_argument("--seed", type=int, default=0, help="of the takes to simulate, and of the training")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/scene"), help="checkpoint folder to write")
    parser.add_argument("--work", type=Path, default=Path(".struck/train_scene"), help="parts of the pack, and log")
    parser.add_argument("--budget", type=float, default=TrainingConfig.budget_s, metavar="S", help="seconds to train")
    parser.add_argument("--size", type=int, default=TrainingConfig.size, metavar="N", help="pictures a step")
    parser.add_argument("--align", type=int, default=TrainingConfig.align_steps, metavar="N", help="steps of InfoNCE")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto")
    options = parser.parse_args(list(args))
    if options.make_pack:
        _make_pack(options)
    if options.budget > 0:
        config = TrainingConfig(
            align_steps=options.align, size=options.size, budget_s=options.budget, seed=options.seed
        )  # fmt: skip
        train_network(read_pack(options.pack), SceneConfig(), config, options.work, options.out)


def train_network(pack: ScenePack, shape: SceneConfig, config: TrainingConfig, work: Path, out: Path) -> None:
    """Train on a pack, going on from the state in ``work`` where there is one, and write the checkpoint."""
    torch.manual_seed(config.seed)
    learnt, held_out = split_pack(pack)
    training = SceneTraining(SceneNetwork(shape), config, work)
    training.resume()
    _say(f"{count_parameters(training.network)} parameters, {len(learnt)} pairs, {len(held_out)} held out")
    random = torch.Generator().manual_seed(config.seed)
    training.run(prepare_pairs(learnt, random), prepare_pairs(held_out, random), out)
    load_scene_network(out)


def _make_pack(options: argparse.Namespace) -> None:
    from engine.lab.data.scene.film import read_film_pairs, read_simulated_pairs
    from engine.lab.simulator.scene_pack import simulate_pairs

    packs = [simulate_pairs(options.work / "parts", options.seed, options.make_pack, _say)]
    if options.data is not None:
        packs.append(read_film_pairs(options.data, _say))
    if options.takes is not None:
        packs.append(read_simulated_pairs(options.takes, _say))
    write_pack(options.pack, join_packs(packs))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
