"""What training the sampler on a corpus would take: ``launch.py train sampler --plan``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from engine.lab.data.recordings import Recording, is_held_out, list_recordings
from engine.lab.data.sampler.examples import Batch
from engine.lab.data.sampler.hits import build_hits, open_hits
from engine.lab.data.sampler.ordered import OrderedExamples
from engine.lab.data.sampler.pool import PoolConfig
from engine.lab.data.shards import open_sample
from engine.lab.training.plan import Plan, check_plan, choose_tried, try_training

TrainStep = Callable[[Callable[[int, int], Batch]], None]


def plan_training(
    options: argparse.Namespace, device: torch.device, begin_training: Callable[[Path], TrainStep]
) -> Plan:
    """The plan of ``train sampler`` with its options; ``begin_training(work)`` gives a step. Raises BadInput.

    Recordings are analysed by one process for the trial and by ``--workers`` for the plan. A step is measured on one
    batch, so it is that of a run whose makers of examples keep up.
    """
    check_plan(options)
    with open_sample(str(options.data)) as (folder, larger):
        return _plan(list_recordings(folder), larger, options, device, begin_training)


def _plan(
    recordings: list[Recording],
    larger: float,
    options: argparse.Namespace,
    device: torch.device,
    begin_training: Callable[[Path], TrainStep],
) -> Plan:
    """The plan for a corpus that is ``larger`` than its ``recordings``."""
    tried = choose_tried([recording for recording in recordings if not is_held_out(recording)])

    def prepare(work: Path) -> float:
        build_hits(tried, [], work / "hits", 1)
        return float(len(open_hits(work / "hits")))

    def begin(work: Path) -> Callable[[], None]:
        few = PoolConfig(size=4, enough=4, batch_frames=options.batch_frames)
        with OrderedExamples(work / "hits", few, options.seed, [0], 0, device) as examples:
            batch = examples.batch(0, 0)
        train_step = begin_training(work)
        return lambda: train_step(lambda step, part: batch)

    trial = try_training(prepare, begin)
    total = round(len(recordings) * larger)
    return Plan(
        "recordings",
        total,
        float(total),
        trial,
        options.minutes * 60,
        options.steps,
        max(1, options.parts),
        options.processes,
        options.workers,
        options.price,
    )
