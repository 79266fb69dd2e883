"""Train the sync network: ``launch.py train sync``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.checkpoint import count_parameters
from engine.core.errors import BadInput
from engine.lab.data.onsets.fold_networks import open_folds
from engine.lab.data.sync.lags import measure_own_lag, usual_lag
from engine.lab.data.sync.takes import SyncTake, choose_unlearnt, read_real_takes, read_simulated_takes
from engine.lab.training.sync.stretches import Drawn, StretchConfig, draw_batch, draw_take
from engine.lab.training.trainer import Trainer, cosine_rate
from engine.sync.network import SyncNetwork, SyncNetworkConfig, save_sync_network

ALL = "all"
LEAST_ONSETS = 4


@dataclass(frozen=True)
class TrainingConfig:
    """``size`` stretches a step; ``simulated_share`` of them from simulated takes."""

    size: int = 12
    steps: int = 1500
    learning_rate: float = 2e-3
    warmup_steps: int = 50
    weight_decay: float = 2e-2
    ema_decay: float = 0.995
    simulated_share: float = 0.25
    save_s: float = 60.0
    seed: int = 0


class SyncTraining(Trainer[SyncNetwork]):
    """Training of the sync network."""

    def __init__(self, network: SyncNetwork, config: TrainingConfig, work: Path) -> None:
        device = torch.device("cpu")
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.99)
        self.config, self.stretches = config, StretchConfig()

    def train_step(self, takes: Sequence[Drawn]) -> None:
        """One step on stretches drawn with a seed of their own, so that a resumed run goes on alike."""
        config = self.config
        random = np.random.default_rng((config.seed, self.step))
        seen, heard, target = draw_batch(takes, config.size, self.stretches, random)
        self.network.train()
        loss = -(target * torch.log_softmax(self.network(seen, heard), dim=1)).sum(dim=1).mean()
        rate = cosine_rate(config.learning_rate, self.step, config.warmup_steps, self.step / config.steps)
        self.optimize(loss, rate, config.ema_decay)
        self.loss = 0.98 * self.loss + 0.02 * float(loss.detach())

    def run(self, takes: Sequence[Drawn]) -> None:
        """Train for the configured steps; state and log are kept every ``save_s``."""
        saved_s = time.monotonic()
        torch.manual_seed(self.config.seed + self.step)
        while self.step < self.config.steps:
            begun_s = time.monotonic()
            self.train_step(takes)
            now_s = time.monotonic()
            self.spent_s += now_s - begun_s
            if now_s - saved_s > self.config.save_s or self.step == self.config.steps:
                saved_s = now_s
                self.save_state({"loss": round(self.loss, 4)})


def choose_takes(takes: Sequence[SyncTake], left_out: Sequence[str], simulated_share: float) -> list[Drawn]:
    """Training takes of other days than ``left_out``: enough onsets on both sides, and a lag that is plain or usual.

    Clips that are neither in step nor plainly apart, such as of voices, are left out.
    """
    own_s = [measure_own_lag(take) for take in takes]
    chosen: list[Drawn] = []
    for take, lag_s in zip(takes, own_s, strict=True):
        if set(take.days) & set(left_out):
            continue
        if min(len(take.seen), len(take.heard)) < LEAST_ONSETS or (lag_s is None and not take.days):
            continue
        lag = usual_lag(take, takes, own_s) if lag_s is None else lag_s
        chosen.append(draw_take(take, lag, min(30.0, take.duration_s)))
    real = sum(drawn.weight for drawn in chosen if drawn.take.real)
    made = sum(drawn.weight for drawn in chosen if not drawn.take.real)
    if not chosen or not (real or made):
        raise BadInput("no clip has blows that are both seen and heard; give other film with --data or --sim")
    share = simulated_share if real and made else float(bool(made))
    factors = {True: (1.0 - share) / max(real, 1e-9), False: share / max(made, 1e-9)}
    return [Drawn(d.take, d.heard, d.lag_s, d.weight * factors[d.take.real]) for d in chosen]


def train_network(
    takes: Sequence[SyncTake], left_out: Sequence[str], config: TrainingConfig, work: Path, out: Path
) -> SyncTraining:
    """Train one network on clips of all other days than ``left_out``, resuming an earlier run, and write it."""
    chosen = choose_takes(takes, left_out, config.simulated_share)
    torch.manual_seed(config.seed)
    training = SyncTraining(SyncNetwork(SyncNetworkConfig()), config, work)
    training.resume()
    count, real = count_parameters(training.network), sum(drawn.take.real for drawn in chosen)
    print(f"{count} parameters, {real} real clips, {len(chosen) - real} simulated takes", file=sys.stderr)
    training.run(chosen)
    facts: dict[str, Any] = {
        **asdict(config),
        **asdict(training.stretches),
        "left_out": sorted(left_out),
        "real_clips": real,
        "simulated_takes": len(chosen) - real,
        "minutes": round(training.spent_s / 60, 2),
    }
    save_sync_network(out, training.average, facts)
    return training


def main(args: list[str]) -> None:
    """The command ``train sync``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="train sync", description="Train the network of the sync meter.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder with video/")
    parser.add_argument("--sim", type=Path, nargs="*", default=[], help="folders of simulated takes")
    parser.add_argument("--folds", type=Path, required=True, help="onset networks, each without some recording days")
    parser.add_argument("--clean", action="store_true", help="learn from simulated takes alone")
    parser.add_argument("--fold", default=ALL, help="name of the fold whose days are left out; all: none is")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/sync"), help="checkpoint folder to write")
    parser.add_argument("--work", type=Path, default=Path(".struck/train_sync"), help="state, log and analysed clips")
    parser.add_argument("--steps", type=int, default=TrainingConfig.steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="always the processor: the network is small")
    options = parser.parse_args(args)
    left_out = find_left_out(options.folds, options.fold)
    data = None if options.clean else Path(options.data)
    takes = read_takes(data, options.sim, options.folds, options.work / "takes")
    config = TrainingConfig(steps=options.steps, seed=options.seed)
    train_network(takes, left_out, config, options.work / options.fold, options.out)


def find_left_out(folds: Path, name: str) -> tuple[str, ...]:
    """Recording days that the onset network of a fold did not learn from; none of ``all``. Raises BadInput."""
    if name == ALL:
        return ()
    if not (folds / name).is_dir():
        raise BadInput(f"{folds} has no fold {name[:40]!r}; name a folder in it, or all")
    return tuple(sorted(open_folds(folds / name)[0].left_out))


def read_takes(data: Path | None, sims: Sequence[Path], folds: Path, work: Path) -> list[SyncTake]:
    """Takes of real film, if any, and simulated ones, each read by an onset network that did not learn from its day.

    Raises BadInput.
    """
    networks = [fold for fold in open_folds(folds) if fold.clean or fold.left_out]
    if not networks:
        raise BadInput(f"{folds} holds no onset network that left a day out; train some with `train onset_folds`")

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    takes = [] if data is None else read_real_takes(data, partial(choose_unlearnt, networks), work, say)
    for folder in sims:
        takes += read_simulated_takes(folder, networks, work, say)
    return takes
