"""Train the onset network on filmed takes: ``launch.py train onsets``."""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.checkpoint import CONFIG, count_parameters
from engine.core.device import choose_device, prefers_bfloat16
from engine.core.errors import BadInput
from engine.lab.data.onsets.batches import BatchConfig, OnsetBatch, draw_batch
from engine.lab.data.onsets.clips import (
    KIND,
    OnsetClip,
    list_real_takes,
    list_simulated_takes,
    load_takes,
    prepare_takes,
    reopen_takes,
    shift_clip,
)
from engine.lab.data.shards import list_shards, prepare_shards, read_prepared
from engine.lab.training.onsets.objective import center, onset_loss
from engine.lab.training.onsets.plan import plan_training
from engine.lab.training.plan import add_plan_arguments
from engine.lab.training.ranks import Ranks, add_ranks_arguments, join_ranks, own_device
from engine.lab.training.trainer import Trainer, cosine_rate
from engine.onsets.network import OnsetNetwork, OnsetNetworkConfig
from engine.onsets.watch import load_onset_network, predict_frames, save_onset_network

SHIFTS_S = np.arange(-0.12, 0.1201, 0.01)
"""Lags of the picture behind the sound that are tried."""


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of training; the learning rate falls by a cosine over the ``minutes``, or over ``steps``.

    At ``align_at`` (fractions of the time) each real clip's labels are shifted to the network's predictions: at 0 for
    one trained on simulated takes before.
    """

    minutes: float = 20.0
    steps: int = 0
    learning_rate: float = 2e-3
    warmup_steps: int = 60
    weight_decay: float = 3e-2
    hit_weight: float = 3.0
    offset_weight: float = 0.3
    velocity_weight: float = 0.6
    ema_decay: float = 0.995
    align_at: tuple[float, ...] = (0.25, 0.45, 0.65)
    save_minutes: float = 3.0
    seed: int = 0


class Training(Trainer[OnsetNetwork]):
    """Training state of an onset network, with the lag of each real clip's picture behind its labels."""

    def __init__(
        self, fresh: OnsetNetwork, config: TrainingConfig, work: Path, device: torch.device, ranks: Ranks | None = None
    ) -> None:
        network = fresh.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(network, work, device, config.learning_rate, config.weight_decay, 0.99, ranks=ranks)
        self.config = config
        self.shifts_s: dict[str, float] = {}

    def restore(self, state: dict[str, Any]) -> None:
        """Load a saved state."""
        super().restore(state)
        self.shifts_s = {str(name): float(shift) for name, shift in state["shifts_s"].items()}

    def save(self) -> None:
        """Write the state atomically, and a line of the log."""
        self.save_state({"loss": round(self.loss, 4)}, shifts_s=self.shifts_s)

    def progress(self) -> float:
        """Share of the steps, or else of the time, that is done."""
        return self.step / self.config.steps if self.config.steps else self.spent_s / (self.config.minutes * 60)

    def train_step(self, draw: Callable[[np.random.Generator], OnsetBatch]) -> None:
        """One step of the optimizer and of the moving average; ``draw`` gives each part of the global batch."""
        config = self.config
        self.network.train()

        def compute_loss(_: int, random: np.random.Generator) -> torch.Tensor:
            batch = to_device(draw(random), self.device)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=prefers_bfloat16(self.device)):
                features = self.network.encoder(batch.frames)
            found = self.network.temporal_forward(features.float(), batch.interval_s)
            return onset_loss(found, batch, config.hit_weight, config.offset_weight, config.velocity_weight)

        rate = cosine_rate(config.learning_rate, self.step, config.warmup_steps, self.progress())
        self.loss = 0.98 * self.loss + 0.02 * self.optimize_parts(compute_loss, config.seed, rate, config.ema_decay)

    def run(self, clips: Sequence[OnsetClip], pieces: BatchConfig) -> None:
        """Train for the configured steps or minutes, saving at intervals."""
        clips = [shift_clip(clip, self.shifts_s.get(clip.name, 0.0)) for clip in clips]
        since_save_s, clock = 0.0, time.monotonic()
        while (was := self.progress()) < 1.0:
            self.train_step(functools.partial(draw_batch, clips, pieces))
            now = time.monotonic()
            self.spend(now - clock)
            since_save_s, clock = since_save_s + now - clock, now
            if any(was <= at < self.progress() for at in self.config.align_at):
                clips = [align(clip, self.average) for clip in clips]
                self.shifts_s = {clip.name: clip.shift_s for clip in clips if clip.real}
            if since_save_s > self.config.save_minutes * 60:
                self.save()
                since_save_s, clock = 0.0, time.monotonic()
        self.save()


def to_device(batch: OnsetBatch, device: torch.device) -> OnsetBatch:
    """A batch on a device."""
    return OnsetBatch(*(value.to(device) for value in vars(batch).values()))


def align(clip: OnsetClip, network: OnsetNetwork) -> OnsetClip:
    """A real clip with its labels shifted, as a whole, to the network's predictions; a simulated one unchanged."""
    if not clip.real or not len(clip.hits_s):
        return clip
    logit = predict_frames(network, clip.times_s, clip.frames)[:, 0]
    seen = 1.0 / (1.0 + np.exp(-logit))
    merit = [float(np.interp(clip.hits_s + s, clip.times_s, seen).mean()) - 0.3 * abs(s) for s in SHIFTS_S]
    return shift_clip(clip, float(SHIFTS_S[int(np.argmax(merit))]))


def gather_clips(
    data: str | None, simulated: Sequence[str], work: Path, left_out: Sequence[str], ranks: Ranks | None = None
) -> tuple[list[OnsetClip], list[OnsetClip]]:
    """Real clips of days not left out, and simulated ones, prepared in ``work`` by the processes of a training.

    Each prepares its share of shards, the first all that lies in folders. BadInput where there are none, or no such
    day.
    """
    ranks = ranks or Ranks()
    shards = [] if data is None else list_shards(data)
    prepare_shards(shards, work, KIND, functools.partial(prepare_takes, work=work), ranks.index, ranks.count)
    ranks.wait()
    with ranks.first_goes_ahead():
        real: list[OnsetClip] = []
        if shards:
            real = [clip for names in read_prepared(shards, work, KIND) for clip in reopen_takes(names, work)]
        elif data is not None:
            real = list(load_takes(list_real_takes(Path(data)), work))
        made = [clip for folder in simulated for clip in load_takes(list_simulated_takes(Path(folder)), work)]
    unknown = sorted(set(left_out) - {clip.day for clip in real})
    if unknown:
        raise BadInput(f"no clip was recorded on {unknown[0]}; give days such as {real[0].day if real else 'none'}")
    real = [clip for clip in real if clip.day not in left_out]
    if not real and not made:
        raise BadInput("there is nothing to learn from; give clips with --data or simulated takes with --sim")
    return real, made


def main(args: list[str]) -> None:
    """The command ``train onsets``."""
    parser = argparse.ArgumentParser(prog="train onsets", description="Train the onset network on filmed takes.")
    data_help = "real clips: Greatest Hits, clips with greatest_hits_labels.csv, VGGSound; in a folder or tar files"
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help=data_help)
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="folders that `launch.py simulate` wrote")
    parser.add_argument("--clean", action="store_true", help="learn from simulated takes alone")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="DAY", help="recordings not to learn from")
    parser.add_argument("--out", default="checkpoints/onsets", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_onsets", help="small frames and resumable state")
    parser.add_argument("--frames", help="folder of small frames where it is another than --work")
    begin_help = "checkpoint folders whose weights, or the mean of them, to learn on from"
    parser.add_argument("--begin", nargs="*", default=[], metavar="CHECKPOINT", help=begin_help)
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes, help="training time in all")
    parser.add_argument("--steps", type=int, default=0, help="train for so many steps, whatever time they take")
    parser.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    threshold_help = "probability that becomes the default threshold"
    parser.add_argument("--calibrated-threshold", "--balanced", type=float, default=0.3, help=threshold_help)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    add_ranks_arguments(parser)
    add_plan_arguments(parser)
    options = parser.parse_args(args)
    if not 0.01 <= options.calibrated_threshold <= 0.99:
        threshold = options.calibrated_threshold
        raise BadInput(f"--calibrated-threshold {threshold} is out of range; give a probability from 0.01 to 0.99")
    device, note = choose_device(options.device)
    if options.plan:
        begin = functools.partial(Training, start_network([]), TrainingConfig(steps=1), device=device)
        print(plan_training(options, lambda work: begin(work=work).train_step).describe())
        return
    device = own_device(device)
    ranks = join_ranks(options.parts, device)
    work = Path(options.work)
    data = None if options.clean else options.data
    real, made = gather_clips(data, options.sim, Path(options.frames or work), options.leave_out, ranks)
    config = TrainingConfig(
        minutes=options.minutes,
        steps=options.steps,
        learning_rate=options.learning_rate,
        align_at=(0.0, 0.3, 0.6) if options.begin else TrainingConfig.align_at,
        seed=options.seed,
    )
    torch.manual_seed(config.seed)
    fresh = start_network([Path(folder) for folder in options.begin])
    training = Training(fresh.requires_grad_(True), config, work, device, ranks)
    training.resume()
    millions = count_parameters(training.network) / 1e6
    print(f"{millions:.2f} M parameters on {note}; {len(real)} real clips, {len(made)} simulated", file=sys.stderr)
    training.run([*real, *made], BatchConfig())
    if not ranks.is_first:
        return
    facts: dict[str, Any] = {**asdict(config), "device": note, "step": training.step, "clean": options.clean}
    facts |= {"parts": ranks.parts}
    facts |= {"began_with": [read_training(Path(folder)) for folder in options.begin]}
    facts |= {"real_clips": len(real), "simulated_takes": len(made), "left_out": sorted(options.leave_out)}
    facts |= {"real_minutes": minutes_of(real), "simulated_minutes": minutes_of(made)}
    facts |= {"shifts_s": {name: round(shift, 3) for name, shift in sorted(training.shifts_s.items())}}
    facts |= {"centred_by_frames": round(center(training.average, made), 3)}
    save_onset_network(Path(options.out), training.average.cpu(), options.calibrated_threshold, facts)
    print(f"wrote {options.out}", file=sys.stderr)


def start_network(folders: Sequence[Path]) -> OnsetNetwork:
    """A new network, that of a checkpoint, or the mean of several (Wortsman et al., ICML 2022, model soups)."""
    if not folders:
        return OnsetNetwork(OnsetNetworkConfig())
    networks = [load_onset_network(folder)[0] for folder in folders]
    values = [network.state_dict() for network in networks]
    try:
        mean = {name: sum(part[name].double() for part in values) / len(values) for name in values[0]}
        networks[0].load_state_dict(mean)
    except (KeyError, RuntimeError):
        raise BadInput("the checkpoints of --begin are of different sizes; give such as were trained alike") from None
    return networks[0]


def read_training(folder: Path) -> dict[str, Any]:
    """The training record of a checkpoint."""
    training: dict[str, Any] = json.loads((folder / CONFIG).read_bytes()).get("training", {})
    return training


def minutes_of(clips: Sequence[OnsetClip]) -> float:
    """Total duration of clips in minutes."""
    return round(sum(clip.duration_s for clip in clips) / 60, 1)
