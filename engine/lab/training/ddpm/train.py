"""Train the DDPM baseline on the recordings that the sampler is trained on: ``launch.py train ddpm``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.checkpoint import count_parameters
from engine.core.device import choose_device, prefers_bfloat16
from engine.core.errors import BadInput
from engine.lab.baselines.ddpm.sampler import Schedule, add_noise, load_ddpm, make_schedule, save_ddpm, weigh_clean
from engine.lab.baselines.ddpm.unet import GROUPS, DdpmConfig, DdpmNetwork, stack_features
from engine.lab.data.recordings import is_held_out, list_recordings
from engine.lab.training.ddpm.card import measure_sounds, write_card
from engine.lab.training.ddpm.clips import Clips, prepare_clips
from engine.lab.training.trainer import Trainer


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of training: as published, but for a limited time, over which the learning rate falls, and in batches of
    half the size, since so little time allows few steps."""

    minutes: float = 40.0
    steps: int = 0  # instead of ``minutes`` where it is not 0
    batch: int = 8
    learning_rate: float = 5e-4
    final_rate: float = 0.02
    weight_decay: float = 1e-4
    max_gradient_norm: float = 1.0
    save_minutes: float = 4.0
    seed: int = 0


class Training(Trainer[DdpmNetwork]):
    """Training of the baseline; ``cpu_s`` is processor time. As published, the weights are not averaged."""

    def __init__(self, network: DdpmConfig, config: TrainingConfig, work: Path, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        fresh = DdpmNetwork(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(fresh, work, device, config.learning_rate, config.weight_decay, 0.999, averaged=False)
        self.config, self.schedule, self.bfloat16 = config, make_schedule(), prefers_bfloat16(device)
        self.cpu_s, self.loss = 0.0, 0.8

    def restore(self, state: dict[str, Any]) -> None:
        """Load a saved state."""
        super().restore(state)
        self.cpu_s = float(state["worked_s"])

    def save(self, held_out: dict[str, float]) -> None:
        """Write the state and a line of the log."""
        self.save_state({"loss": round(self.loss, 5)} | held_out, worked_s=self.cpu_s)

    def progress(self) -> float:
        """Share of the steps, or else of the time, that is done."""
        return self.step / self.config.steps if self.config.steps else self.spent_s / (self.config.minutes * 60)

    def train_step(self, clips: Clips, rows: np.ndarray, generator: torch.Generator) -> None:
        """One step; the learning rate falls exponentially over the training."""
        config = self.config
        rate = config.learning_rate * config.final_rate ** min(1.0, self.progress())
        loss = noise_loss(self.network, self.schedule, clips, rows, generator, self.bfloat16)
        self.optimize(loss, rate, max_norm=config.max_gradient_norm)
        self.loss = 0.98 * self.loss + 0.02 * float(loss.detach())

    def run(self, clips: Clips) -> Iterator[bool]:
        """Train for the configured steps or minutes; yields False whenever it is time to save, True at the end."""
        seed = self.config.seed + self.step
        generator, rows = torch.Generator().manual_seed(seed), draw_rows(clips, self.config.batch, seed)
        since_save_s = 0.0
        while self.progress() < 1.0:
            clock, cpu_clock = time.monotonic(), time.process_time()
            self.train_step(clips, next(rows), generator)
            taken_s = time.monotonic() - clock
            self.spent_s, since_save_s = self.spent_s + taken_s, since_save_s + taken_s
            self.cpu_s += time.process_time() - cpu_clock
            if since_save_s > self.config.save_minutes * 60:
                yield False
                since_save_s = 0.0
        yield True


def draw_rows(clips: Clips, batch: int, seed: int) -> Iterator[np.ndarray]:
    """Batches of row indices of the training clips, reshuffled every epoch. Raises BadInput where there are none."""
    rng, training = np.random.default_rng(seed), np.flatnonzero(~clips.held_out)
    if not training.size:
        raise BadInput("every recording of the corpus is held out; give more recordings with --data")
    while True:
        order = rng.permutation(np.tile(training, -(-batch // training.size)))
        for start in range(0, len(order) - batch + 1, batch):
            yield order[start : start + batch]


def noise_loss(
    network: DdpmNetwork,
    schedule: Schedule,
    clips: Clips,
    rows: np.ndarray,
    generator: torch.Generator,
    bfloat16: bool,
) -> torch.Tensor:
    """Mean absolute error of the noise predicted in clips at random steps, or of the velocity where the clean
    spectrograms are predicted; a scalar."""
    device = next(network.parameters()).device
    clean = torch.from_numpy(clips.spectrograms[rows]).to(device).float()[:, None]
    step = torch.randint(len(schedule.alpha_bar), (len(rows),), generator=generator)
    noise = torch.randn(clean.shape, generator=generator).to(device)
    noisy = add_noise(schedule, clean, noise, step)
    features = tuple(values.to(device) for values in stack_features(clips.physics.take(rows)))
    drawing = network.draw(clips.physics.take(rows))
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        latent = network.encode(features)
        predicted = network(noisy, step.to(device), latent, None if drawing is None else drawing.to(device))
    if network.config.clean:
        return ((predicted.float() - clean).abs() * weigh_clean(schedule, clean, step)).mean()
    return (predicted.float() - noise).abs().mean()


@torch.no_grad()
def evaluate_loss(training: Training, clips: Clips, max_clips: int = 64) -> dict[str, float]:
    """Loss on held-out clips at fixed steps and noise, conditioned on their own and on another clip's physics."""
    rows = np.flatnonzero(clips.held_out)
    rows = rows[:: max(1, rows.size // max_clips)]
    if not rows.size:
        return {}
    other = np.roll(rows, rows.size // 2)
    training.network.eval()
    losses = {}
    for name, physics_rows in (("held_out", rows), ("held_out_other_physics", other)):
        held_out = Clips(clips.spectrograms[rows], clips.physics.take(physics_rows), clips.held_out[rows])
        generator = torch.Generator().manual_seed(training.config.seed)
        parts = [
            float(noise_loss(training.network, training.schedule, held_out, batch, generator, training.bfloat16))
            * batch.size
            for batch in np.array_split(np.arange(rows.size), -(-rows.size // 16))
        ]
        losses[name] = round(sum(parts) / rows.size, 5)
    training.network.train()
    return losses


def read_base(text: str) -> int:
    """The U-Net's base width, a multiple of the number of groups of its norms."""
    if not text.isdigit() or int(text) < GROUPS or int(text) % GROUPS:
        raise argparse.ArgumentTypeError("give a multiple of 8")
    return int(text)


def read_numbers(text: str) -> tuple[int, ...]:
    """Positive whole numbers from a comma-separated list."""
    parts = text.split(",")
    if not all(part.isdigit() and 0 < int(part) <= 64 for part in parts):
        raise argparse.ArgumentTypeError("give whole numbers such as 1,2,4")
    return tuple(int(part) for part in parts)


def read_patch(text: str) -> tuple[int, int]:
    """Bins and frames of a patch."""
    numbers = read_numbers(text)
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError("give two numbers such as 2,4")
    return numbers[0], numbers[1]


def main(args: list[str]) -> None:
    """The command ``train ddpm``."""
    parser = argparse.ArgumentParser(
        prog="train ddpm", description="Train the DDPM baseline that the sampler is compared with."
    )
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder of recordings")
    parser.add_argument("--out", default="checkpoints/ddpm", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_ddpm", help="clips and resumable state")
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes, help="training time in all")
    parser.add_argument("--steps", type=int, default=0, help="train for so many steps, whatever time they take")
    parser.add_argument("--base", type=read_base, default=16, help="base width (the paper's: 64)")
    parser.add_argument("--multipliers", type=read_numbers, default=(1, 2, 4), help="of each level (1,2,4,8)")
    parser.add_argument("--patch", type=read_patch, default=(4, 4), help="bins and frames of a patch (1,1)")
    parser.add_argument("--drawn", action="store_true", help="the physics is drawn for the network as well")
    parser.add_argument("--clean", action="store_true", help="the network predicts the sound instead of the noise")
    parser.add_argument("--sounds", type=int, default=8, help="held-out sounds to sample and measure at the end")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips-only", action="store_true", help="prepare the clips and stop")
    options = parser.parse_args(args)
    device, note = choose_device(options.device)
    print(f"device: {note}", file=sys.stderr)
    work, out, recordings = Path(options.work), Path(options.out), list_recordings(options.data)
    clips = prepare_clips(recordings, work / "clips.npz")
    if options.clips_only:
        return
    config = TrainingConfig(minutes=options.minutes, steps=options.steps, seed=options.seed)
    network = DdpmConfig(options.base, options.multipliers, options.patch, options.drawn, options.clean)
    training = Training(network, config, work, device)
    training.resume()
    millions = count_parameters(training.network) / 1e6
    print(f"{millions:.2f} M parameters on {device}, bfloat16 {training.bfloat16}", file=sys.stderr)
    facts: dict[str, Any] = {**asdict(config), "device": note, "recordings": int((~clips.held_out).sum())}
    facts |= {"held_out_recordings": int(clips.held_out.sum()), "parameters": count_parameters(training.network)}
    trained_on = [recording for recording in recordings if not is_held_out(recording)]
    for complete in training.run(clips):
        held_out = evaluate_loss(training, clips)
        training.save(held_out)
        facts |= {"step": training.step, "minutes_spent": round(training.spent_s / 60, 1), "complete": complete}
        facts |= {"processor_minutes": round(training.cpu_s / 60, 1), **held_out}
        save_ddpm(out, training.network, facts)
        if complete and options.sounds > 0:
            facts |= measure_sounds(load_ddpm(out, device), clips, options.sounds)
            save_ddpm(out, training.network, facts)
        write_card(out, network, facts, trained_on, " ".join(["python3 launch.py train ddpm", *args]))
