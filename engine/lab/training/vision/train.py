"""Train the sight network on hits seen: ``launch.py train vision``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from engine.core.checkpoint import CONFIG
from engine.core.device import choose_device
from engine.core.errors import BadInput
from engine.lab.data.vision.batches import Variation, draw_crops, draw_wide, label_hits, weigh_hits
from engine.lab.data.vision.hits import (
    SeenHits,
    join_hits,
    list_real_hits,
    list_simulated_hits,
    open_seen_hits,
    place_hits,
    select_hits,
)
from engine.lab.data.vision.sounds import analyse_seen, describe_seen
from engine.lab.training.trainer import Course, cosine_rate
from engine.lab.training.vision.heads import HeadConfig, extract_features, learn_heads
from engine.lab.training.vision.losses import LossConfig, finder_loss, joint_loss, measure_apart, told_loss
from engine.vision.backbone import load_backbone
from engine.vision.crops import SCALES
from engine.vision.network import SightConfig, SightNetwork, Told, count_parameters, read_places
from engine.vision.predict import SIGHT_PATH, Watcher, load_watcher, save_watcher


@dataclass(frozen=True)
class TrainingConfig:
    """How the sight network is trained; the learning rate falls by a cosine over the ``minutes``, or over ``steps``.

    For ``finder_share`` of the time the finder learns where contacts are, from simulated hits, and then places the
    real ones; after that what is struck is learnt from crops at those places; ``real_share`` of a batch are real
    hits where there are any.
    """

    minutes: float = 20.0
    steps: int = 0
    batch: int = 24
    finder_share: float = 0.25
    learning_rate: float = 1.5e-3
    warmup_steps: int = 50
    weight_decay: float = 5e-2
    real_share: float = 0.4
    ema_decay: float = 0.995
    save_minutes: float = 3.0
    losses: LossConfig = field(default_factory=LossConfig)
    seed: int = 0


class Training(Course[SightNetwork]):
    """A sight network on its way."""

    def __init__(self, fresh: SightNetwork, config: TrainingConfig, work: Path, device: torch.device) -> None:
        super().__init__(fresh, work, device, config.learning_rate, config.weight_decay, 0.99)
        self.config = config
        self.losses: dict[str, float] = {}

    def save(self) -> None:
        """Write the state whole or not at all, and a line of the log."""
        self.keep({name: round(value, 3) for name, value in self.losses.items()})

    def progress(self) -> float:
        """Share of the steps, or else of the time, that is done."""
        return self.step / self.config.steps if self.config.steps else self.spent_s / (self.config.minutes * 60)

    def learn(self, loss: torch.Tensor, name: str, low: float, high: float) -> None:
        """One step of the optimizer and of the moving average, its rate falling from one share of the progress on."""
        config, done = self.config, (self.progress() - low) / max(1e-6, high - low)
        self.improve(loss, cosine_rate(config.learning_rate, self.step, config.warmup_steps, done), config.ema_decay)
        value = float(loss.detach())
        self.losses[name] = 0.98 * self.losses.get(name, value) + 0.02 * value

    def run(self, made: SeenHits, real: SeenHits, latents: np.ndarray) -> None:
        """Learn until the steps are done or the time is spent; ``latents`` are of the simulated and the real hits."""
        share = self.config.finder_share if made.hits else 0.0  # 0 where the finder is taken over
        random = np.random.default_rng((self.config.seed, self.step))
        vary = Variation()
        chances = weigh_hits(made, 0.0) if made.hits else np.zeros(0)
        while self.progress() < share:
            with self._timed():
                index = random.choice(len(chances), self.config.batch, p=chances)
                wide, places = draw_wide(made, index, random, vary)
                self.network.train()
                heat = self.network.finder(wide.to(self.device))
                self.learn(finder_loss(heat, places), "finder", 0.0, share)
        seen = join_hits(made, place_hits(real, find_places(self.average, real)))
        self._look(seen, latents, random, share)
        self.save()

    def _look(self, seen: SeenHits, latents: np.ndarray, random: np.random.Generator, low: float) -> None:
        chances = weigh_hits(seen, self.config.real_share)
        heard = np.flatnonzero(np.isfinite(latents).all(axis=1))
        sounds = torch.from_numpy(latents[heard]).to(self.device)
        place = np.full(len(latents), -1)
        place[heard] = np.arange(len(heard))
        apart = measure_apart(sounds)
        kinds = label_hits(seen, heard).material.to(self.device)
        vary = Variation()
        while self.progress() < 1.0:
            with self._timed():
                index = random.choice(len(chances), self.config.batch, p=chances)
                crops = draw_crops(seen, index, random, vary).to(self.device)
                self.network.train()
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "mps"):
                    features = self.network.see(crops)
                told = self.network.head(features.float())
                loss = told_loss(told, label_hits(seen, index), self.config.losses)
                if len(heard):
                    loss = loss + self._join(told, place[index], sounds, apart, kinds)
                self.learn(loss, "look", low, 1.0)

    def _join(
        self, told: Told, own: np.ndarray, sounds: torch.Tensor, apart: torch.Tensor, kinds: torch.Tensor
    ) -> torch.Tensor:
        """The losses that tie sight to physics; ``own`` [B] is the place of each hit's sound, -1 where it has none."""
        embedding, material = self.network.tower(sounds + torch.randn_like(sounds))
        loss = self.config.losses.physics_weight * F.cross_entropy(
            material, kinds, ignore_index=-1, label_smoothing=0.1
        )
        rows = torch.from_numpy(own).to(self.device)
        known = rows >= 0
        if known.any():
            near = joint_loss(
                told.embedding[known],
                embedding,
                apart[rows[known]],
                self.network.sharpness,
                self.config.losses.alike_db,
            )
            loss = loss + self.config.losses.joint_weight * near
        return loss

    def _timed(self) -> _Clock:
        return _Clock(self)


class _Clock:
    """Counts the time that a step takes, and saves now and then."""

    def __init__(self, training: Training) -> None:
        self.training = training

    def __enter__(self) -> None:
        self.start_s = time.monotonic()

    def __exit__(self, *_: object) -> None:
        training = self.training
        before, every_s = training.spent_s, training.config.save_minutes * 60
        training.spent_s += time.monotonic() - self.start_s
        if before // every_s != training.spent_s // every_s:
            training.save()


@torch.inference_mode()
def find_places(network: SightNetwork, seen: SeenHits) -> np.ndarray:
    """Where the network sees the contact of each hit, [N, 2]."""
    device = next(network.parameters()).device
    found = [np.zeros((0, 2), np.float32)]
    random = np.random.default_rng(0)
    for first in range(0, len(seen.hits), 32):
        index = np.arange(first, min(first + 32, len(seen.hits)))
        wide = draw_wide(seen, index, random, None)[0].to(device)
        found.append(read_places(network.finder(wide))[0].cpu().numpy())
    return np.concatenate(found)


def gather(
    data: Path | None, simulated: Sequence[str], work: Path, left_out: Sequence[str]
) -> tuple[SeenHits, SeenHits, np.ndarray, np.ndarray]:
    """Simulated hits, real ones, the latents of both, NaN where a sound is not its own, and numbers of hits to learn
    from, which are all but those of the days left out."""
    made = join_hits(*(open_seen_hits(list_simulated_hits(Path(folder)), work) for folder in simulated))
    real = open_seen_hits(list_real_hits(data), work) if data is not None else SeenHits((), (), ())
    days = sorted({hit.group for hit in real.hits})
    unknown = sorted(set(left_out) - set(days))
    if unknown and data is not None:
        raise BadInput(f"no clip was recorded on {unknown[0]}; give days such as {days[0] if days else 'none'}")
    latents = np.concatenate([describe_seen(analyse_seen(part.hits, work)) for part in (made, real)])
    keep = np.flatnonzero([hit.real is False or hit.group not in left_out for hit in (*made.hits, *real.hits)])
    if not len(keep):
        raise BadInput("there is nothing to learn from; give clips with --data or simulated takes with --sim")
    return made, real, latents, keep


def main(args: list[str]) -> None:
    """The command ``train vision``."""
    options = _parse(args)
    device, note = choose_device(options.device)
    work = Path(options.work)
    data = None if options.clean else Path(options.data)
    made, real, latents, keep = gather(data, options.sim, Path(options.frames or work), options.leave_out)
    told = f"{len(keep) - len(made.hits)} real hits, {len(made.hits)} simulated"
    facts: dict[str, Any] = {"device": note, "clean": options.clean, "left_out": sorted(options.leave_out)}
    facts |= {"simulated_hits": len(made.hits), "real_hits": len(keep) - len(made.hits)}
    if options.begin or options.backbone:
        print(f"learning heads alone; {told}", file=sys.stderr)
        watcher = _begin(options)
        seen = join_hits(made, place_hits(real, find_places(watcher.network, real)))
        heads = HeadConfig(seed=options.seed)
        features = extract_features(watcher, seen, Path(options.frames or work), heads)
        learn_heads(watcher.network, features[:, keep], select_hits(seen, keep), latents[keep], heads)
        facts |= {"heads": asdict(heads), "began_with": read_training(Path(options.begin or SIGHT_PATH))}
        save_watcher(Path(options.out), watcher, facts)
    else:
        config = TrainingConfig(
            minutes=options.minutes,
            steps=options.steps,
            finder_share=0.0 if options.finder else TrainingConfig.finder_share,
            learning_rate=options.learning_rate,
            seed=options.seed,
        )
        torch.manual_seed(config.seed)
        fresh = SightNetwork(SightConfig())
        if options.finder:
            fresh.finder.load_state_dict(load_watcher(Path(options.finder)).network.finder.state_dict())
        training = Training(fresh, config, work, device)
        training.resume()
        millions = count_parameters(training.network) / 1e6
        print(f"{millions:.2f} M parameters on {note}; {told}", file=sys.stderr)
        learnt = select_hits(join_hits(made, real), keep)
        split = len(made.hits)
        training.run(select_hits(learnt, range(split)), select_hits(learnt, range(split, len(keep))), latents[keep])
        save_watcher(Path(options.out), Watcher(training.average.cpu()), {**asdict(config), **facts})
    print(f"wrote {options.out}", file=sys.stderr)


def _begin(options: argparse.Namespace) -> Watcher:
    """The network whose heads are to be learnt; on a backbone heads are fresh, and the finder is that of --begin."""
    watcher = load_watcher(Path(options.begin or SIGHT_PATH))
    if not options.backbone:
        return Watcher(watcher.network, 1.0, watcher.backbone)
    backbone = load_backbone(Path(options.backbone))
    torch.manual_seed(options.seed)
    fresh = SightNetwork(SightConfig(features=backbone.config.features * len(SCALES)))
    fresh.finder.load_state_dict(watcher.network.finder.state_dict())
    return Watcher(fresh, 1.0, backbone)


def read_training(folder: Path) -> dict[str, Any]:
    """How a checkpoint was trained."""
    training: dict[str, Any] = json.loads((folder / CONFIG).read_bytes()).get("training", {})
    return training


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train vision", description="Train the sight network on hits seen.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder of labelled clips")
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="folders that `launch.py simulate` wrote")
    parser.add_argument("--clean", action="store_true", help="learn from simulated takes alone")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="DAY", help="recordings not to learn from")
    parser.add_argument("--out", default="checkpoints/vision", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_sight", help="frames, sounds and resumable state")
    parser.add_argument("--frames", help="folder of frames and sounds where it is another than --work")
    parser.add_argument("--begin", metavar="CHECKPOINT", help="learn the heads alone, on what this one sees")
    parser.add_argument("--finder", metavar="CHECKPOINT", help="take the finder of this one, and learn the rest")
    parser.add_argument("--backbone", metavar="FOLDER", help="learn heads on a picture network of your own")
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes, help="training time in all")
    parser.add_argument("--steps", type=int, default=0, help="train for so many steps, whatever time they take")
    parser.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(args)
