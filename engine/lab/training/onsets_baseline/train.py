"""Train SyncFusion's onset network, reduced, on the same takes: ``launch.py train onsets_baseline``."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch

from engine.lab.baselines.syncfusion import SyncFusionNetwork, balanced_loss, draw_chunks, save_syncfusion
from engine.lab.training.onsets.train import gather_clips

LEARNING_RATE, WEIGHT_DECAY, CHUNKS = 1e-3, 1e-3, 8


def main(args: list[str]) -> None:
    """The command ``train onsets_baseline``."""
    parser = argparse.ArgumentParser(prog="train onsets_baseline", description="Train SyncFusion's network, reduced.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder of real clips")
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="folders that `launch.py simulate` wrote")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="DAY", help="recordings not to learn from")
    parser.add_argument("--out", default=".struck/onsets_baseline", help="folder to write")
    parser.add_argument("--frames", default=".struck/train_onsets", help="folder of small frames")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--device", help="not used: it is trained on the CPU")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)
    real, made = gather_clips(Path(options.data), options.sim, Path(options.frames), options.leave_out)
    torch.manual_seed(options.seed)
    network, random = SyncFusionNetwork().train(), np.random.default_rng(options.seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    start, step, total = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - start) / (60 * options.minutes)) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * share)))
        frames, label = draw_chunks([*real, *made], CHUNKS, random)
        with torch.autocast("cpu", torch.bfloat16):
            logit = network(frames)
        loss = balanced_loss(logit.float(), label)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step, total = step + 1, total + float(loss.detach())
        if step % 50 == 0:
            print(f"{step} steps, loss {total / 50:.4f}", file=sys.stderr, flush=True)
            total = 0.0
    training = {"left_out": sorted(options.leave_out), "minutes": options.minutes, "step": step}
    save_syncfusion(Path(options.out), network.eval(), training)
