"""Train SyncFusion's onset network, reduced, on the same takes: ``launch.py train onsets_baseline``."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.lab.baselines.syncfusion import SyncFusionNetwork, balanced_loss, draw_chunks, save_syncfusion
from engine.lab.data.onsets.clips import OnsetClip
from engine.lab.training.onsets.train import gather_clips
from engine.lab.training.trainer import Trainer, cosine_rate

LOG_STEPS = 50


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of training; the learning rate falls by a cosine over the time."""

    minutes: float = 5.0
    batch: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    seed: int = 0


class Training(Trainer[SyncFusionNetwork]):
    """Training of the baseline, on the CPU and without an average of the weights."""

    def __init__(self, network: SyncFusionNetwork, config: TrainingConfig, work: Path) -> None:
        device = torch.device("cpu")
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.999, averaged=False)
        self.config = config

    def train_step(self, frames: torch.Tensor, labels: torch.Tensor) -> None:
        """One step on chunks [B, T, H, W] and their labels [B, T]."""
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.network(frames)
        loss = balanced_loss(logits.float(), labels)
        done = self.spent_s / (60 * self.config.minutes)
        self.optimize(loss, cosine_rate(self.config.learning_rate, self.step, 1, done), max_norm=math.inf)
        self.loss = 0.98 * self.loss + 0.02 * float(loss.detach())

    def run(self, clips: Sequence[OnsetClip]) -> None:
        """Train until the time is spent; logs the loss every LOG_STEPS."""
        random = np.random.default_rng(self.config.seed)
        while self.spent_s < 60 * self.config.minutes:
            clock = time.monotonic()
            self.train_step(*draw_chunks(clips, self.config.batch, random))
            self.spent_s += time.monotonic() - clock
            if self.step % LOG_STEPS == 0:
                self.log({"loss": round(self.loss, 4)})


def main(args: list[str]) -> None:
    """The command ``train onsets_baseline``."""
    parser = argparse.ArgumentParser(prog="train onsets_baseline", description="Train SyncFusion's network, reduced.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder of real clips")
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="folders that `launch.py simulate` wrote")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="DAY", help="recordings not to train on")
    parser.add_argument("--out", default=".struck/onsets_baseline", help="folder to write")
    parser.add_argument("--work", default=".struck/train_onsets_baseline", help="log of this run")
    parser.add_argument("--frames", default=".struck/train_onsets", help="folder of small frames")
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes)
    parser.add_argument("--device", help="not used: it is trained on the CPU")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)
    real, simulated = gather_clips(options.data, options.sim, Path(options.frames), options.leave_out)
    torch.manual_seed(options.seed)
    config = TrainingConfig(minutes=options.minutes, seed=options.seed)
    training = Training(SyncFusionNetwork(), config, Path(options.work))
    training.run([*real, *simulated])
    facts = {"left_out": sorted(options.leave_out), "minutes": options.minutes, "step": training.step}
    save_syncfusion(Path(options.out), training.network.eval(), facts)
