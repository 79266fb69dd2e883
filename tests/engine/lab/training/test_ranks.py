"""Processes that share a training learn what one process learns, of the same parts of the same batches."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.bank.descriptor import DESCRIPTOR_SIZE
from engine.core.errors import BadInput
from engine.diffusion.conditioning import CONTEXT_DIM, DETAIL_DIM
from engine.diffusion.spectrogram import BINS
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.clean_processes import make_context
from engine.lab.data.onsets.batches import BatchConfig
from engine.lab.data.onsets.clips import OnsetClip
from engine.lab.data.sampler.examples import Batch
from engine.lab.data.vision.hits import HitFrames
from engine.lab.training.onsets import train as onsets
from engine.lab.training.ranks import Ranks, join_ranks
from engine.lab.training.sampler import train as sampler
from engine.lab.training.trainer import Trainer
from engine.lab.training.vision import train as vision
from engine.onsets.network import OnsetNetwork
from engine.vision.network import VisionNetwork
from tests.engine.onsets.test_network import SMALL as SMALL_ONSETS
from tests.engine.onsets.test_network import make_squares as make_clip
from tests.frames import SMALL as SMALL_VISION
from tests.frames import make_squares

PARTS, STEPS = 4, 2
CPU = torch.device("cpu")


def give_batch(step: int, part: int) -> Batch:
    """A batch of noise, which depends on step and part alone."""
    generator = torch.Generator().manual_seed(100 * step + part)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    frames = 16
    noise = torch.complex(draw(2, BINS, frames), draw(2, BINS, frames))
    features = torch.cat((draw(2, 2, BINS, frames), torch.rand(2, 2, BINS, frames, generator=generator)), dim=1)
    weight = torch.ones(2, 1, BINS, frames)
    return Batch(draw(2, 2, BINS, frames), features, weight, draw(2, CONTEXT_DIM), noise, torch.zeros(2, DETAIL_DIM))


class Stopped(Exception):
    pass


def run_until(training: Trainer[Any], run: Callable[[], object], step: int) -> None:
    """Run a training, as if it were stopped after a step."""
    spend = training.spend

    def stop(seconds: float) -> None:
        spend(seconds)
        if training.step >= step:
            raise Stopped

    training.resume()
    training.spend = stop  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        run()


def train_all(work: Path, ranks: Ranks, until: int = STEPS) -> dict[str, torch.nn.Module]:
    """The three trainings at a very small size, each gone on with from its state in ``work``, where there is one."""
    torch.manual_seed(0)
    config = sampler.TrainingConfig(steps=9, warmup_steps=1, adversarial_start=0.0, level_steps=(1,))
    training = sampler.Training(VelocityNetwork(NetworkConfig(channels=(8,))), config, work / "sampler", CPU, ranks)
    run_until(training, lambda: list(training.run(give_batch)), until)
    training.save({}, {})
    torch.manual_seed(0)
    watched = onsets.TrainingConfig(steps=9, warmup_steps=1, align_at=())
    watching = onsets.Training(OnsetNetwork(SMALL_ONSETS), watched, work / "onsets", CPU, ranks)
    clips: list[OnsetClip] = [make_clip(seed) for seed in range(2)]
    run_until(watching, lambda: watching.run(clips, BatchConfig(frames=32, size=1)), until)
    watching.save()
    torch.manual_seed(0)
    seen = vision.TrainingConfig(steps=9, batch=2, locator_share=0.1, warmup_steps=1)
    seeing = vision.Training(VisionNetwork(SMALL_VISION), seen, work / "vision", CPU, ranks)
    descriptors = np.random.default_rng(0).normal(-30.0, 10.0, (6, DESCRIPTOR_SIZE)).astype(np.float32)
    run_until(seeing, lambda: seeing.run(make_squares(6, 0), HitFrames((), (), ()), descriptors), until)
    seeing.save()
    networks = (training.network, training.discriminator, watching.network, seeing.network)
    return dict(zip(("sampler", "discriminator", "onsets", "vision"), networks, strict=True))


def run_rank(index: int, count: int, port: int, work: Path) -> None:
    os.environ |= {"RANK": str(index), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    ranks = join_ranks(PARTS, CPU)
    learnt = train_all(work, ranks)
    torch.save({name: network.state_dict() for name, network in learnt.items()}, work / f"learnt_{index}.pt")
    torch.distributed.destroy_process_group()


def run_ranks(count: int, work: Path) -> list[dict[str, dict[str, torch.Tensor]]]:
    """What each of ``count`` processes has learnt in the end."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    context = make_context()
    work.mkdir(exist_ok=True)
    processes = [context.Process(target=run_rank, args=(k, count, port, work)) for k in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=300)
        alive = process.is_alive()
        process.kill()
        assert not alive and process.exitcode == 0
    return [torch.load(work / f"learnt_{index}.pt") for index in range(count)]


def flatten(values: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([value.float().flatten() for value in values.values()])


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
@pytest.mark.slow
def test_two_and_four_processes_learn_what_one_learns(tmp_path: Path) -> None:
    """Up to the order of sums; so does a run that one process began and four go on with."""
    torch.set_num_threads(1)
    begun = train_all(tmp_path / "begun", Ranks(parts=PARTS), 1)
    alone = train_all(tmp_path / "one", Ranks(parts=PARTS))
    runs = run_ranks(2, tmp_path / "two") + run_ranks(4, tmp_path / "begun")
    for name, network in alone.items():
        wanted = flatten(network.state_dict())
        moved = float((wanted - flatten(begun[name].state_dict())).norm())
        assert moved > 0.0
        for learnt in runs:
            assert float((flatten(learnt[name]) - wanted).norm()) < 0.01 * moved, name


def test_parts_are_shared_out_whole_and_once() -> None:
    for count in (1, 2, 3, 4):
        shares = [list(Ranks(index, count, PARTS).own_parts) for index in range(count)]
        assert sorted(part for share in shares for part in share) == list(range(PARTS))


def test_more_processes_than_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(BadInput, match="--parts 2 cannot be shared out among 4 processes"):
        join_ranks(2, CPU)
