"""Train the sampler on recordings: ``launch.py train sampler``."""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from engine.corpus.pairs import Batch, build_pairs, draw_batches, make_batch, open_pairs
from engine.corpus.recordings import list_recordings
from engine.device import choose_device
from engine.diffusion.checkpoint import save_checkpoint
from engine.diffusion.denoiser import mix
from engine.diffusion.network import NetworkConfig, VelocityNetwork, count_parameters
from engine.diffusion.sampler import prefers_bfloat16


@dataclass(frozen=True)
class TrainingConfig:
    """How the sampler is trained; the learning rate falls by a cosine over the ``minutes``."""

    minutes: float = 60.0
    learning_rate: float = 6e-4
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    condition_dropout: float = 0.1
    ema_decay: float = 0.999
    save_minutes: float = 3.0
    seed: int = 0


def velocity_loss(
    network: VelocityNetwork, batch: Batch, generator: torch.Generator, dropout: float, bfloat16: bool
) -> torch.Tensor:
    """Weighted mean square error of the velocity at random angles."""
    size, device = batch.deviation.shape[0], batch.deviation.device
    angle = (torch.rand(size, generator=generator) * (0.5 * math.pi)).to(device)
    noise = torch.randn(batch.deviation.shape, generator=generator).to(device) * batch.features[:, 2:3] * 0.5**0.5
    noisy, velocity = mix(noise, batch.deviation, angle)
    told = (torch.rand(size, generator=generator) >= dropout).float().to(device)[:, None, None, None]
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        found = network(noisy, angle, batch.features * told)
    return ((found - velocity).square() * batch.weight).sum() / (2.0 * batch.weight.sum()).clamp_min(1.0)


def train(pairs_dir: Path, out: Path, work: Path, network_config: NetworkConfig, config: TrainingConfig, device: torch.device, facts: dict[str, str]) -> None:
    """Train until ``config.minutes`` of training time are spent, resuming from ``work`` where it left off."""
    torch.manual_seed(config.seed)
    pairs = open_pairs(pairs_dir)
    network = VelocityNetwork(network_config).to(device=device, memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98))
    step, spent_s = 0, 0.0
    state_path = work / "state.pt"
    if state_path.is_file():
        state = torch.load(state_path, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent_s = int(state["step"]), float(state["spent_s"])
        print(f"resuming at step {step}, {spent_s / 60:.1f} minutes in", file=sys.stderr)
    generator = torch.Generator().manual_seed(config.seed + step)
    batches = draw_batches(pairs, device, config.seed + step)
    bfloat16 = prefers_bfloat16(device)
    print(f"{count_parameters(network) / 1e6:.2f} M parameters on {device}, bfloat16 {bfloat16}", file=sys.stderr)

    def save(final: bool) -> None:
        held_out = evaluate_loss(average, pairs_dir, device, bfloat16)
        line = {"step": step, "minutes": round(spent_s / 60, 2), "loss": round(running, 5), "held_out": held_out}
        with open(work / "log.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), file=sys.stderr, flush=True)
        state = {"network": network.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent_s": spent_s}
        torch.save(state, work / "state.part")
        (work / "state.part").replace(state_path)
        save_checkpoint(out, average, {**asdict(config), **facts, "step": step, "minutes_spent": round(spent_s / 60, 1), "held_out": held_out, "complete": final})

    work.mkdir(parents=True, exist_ok=True)
    running, last_save, clock = 1.0, spent_s, time.monotonic()
    while spent_s < config.minutes * 60:
        progress = spent_s / (config.minutes * 60)
        rate = config.learning_rate * min(1.0, (step + 1) / config.warmup_steps) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = velocity_loss(network, next(batches), generator, config.condition_dropout, bfloat16)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        keep = min(config.ema_decay, (step + 1) / (step + 10))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1.0 - keep)
        running = 0.99 * running + 0.01 * float(loss.detach())
        now = time.monotonic()
        spent_s, clock = spent_s + now - clock, now
        if spent_s - last_save > config.save_minutes * 60:
            save(False)
            last_save, clock = spent_s, time.monotonic()
    save(True)


@torch.no_grad()
def evaluate_loss(network: VelocityNetwork, pairs_dir: Path, device: torch.device, bfloat16: bool, most: int = 48) -> dict[str, float]:
    """Held-out loss on fixed noise, and that of the bare prior (velocity 0), their ratio the part unexplained."""
    generator = torch.Generator().manual_seed(1)
    losses, bare = [], []
    for pairs in open_pairs(pairs_dir).values():
        for row in np.flatnonzero(pairs.held_out)[:: max(1, int(pairs.held_out.sum()) // most)]:
            batch = make_batch(pairs, np.asarray([row]), device, None)
            state = generator.get_state()
            losses.append(float(velocity_loss(network, batch, generator, 0.0, bfloat16)))
            generator.set_state(state)
            bare.append(float(velocity_loss(_still, batch, generator, 0.0, False)))  # type: ignore[arg-type]
    return {"loss": round(float(np.mean(losses)), 5), "bare": round(float(np.mean(bare)), 5)} if losses else {}


def _still(noisy: torch.Tensor, angle: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(noisy)


def main(args: list[str]) -> None:
    """The command ``train sampler``."""
    parser = argparse.ArgumentParser(prog="train sampler", description="Train the sampler on recordings of struck things.")
    parser.add_argument("--data", default="../shared/data", help="folder of recordings (a MANIFEST.csv gives tiers and licences)")
    parser.add_argument("--out", default="checkpoints/sampler", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_sampler", help="pairs and resumable state")
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes)
    parser.add_argument("--channels", default=",".join(map(str, NetworkConfig.channels)))
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
    network_config = NetworkConfig(channels=tuple(int(c) for c in options.channels.split(",")))
    facts = {"recordings": str(len(recordings)), "device": note}
    train(work / "pairs", Path(options.out), work, network_config, config, device, facts)
