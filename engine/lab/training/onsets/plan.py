"""What training the onset network on a corpus would take: ``launch.py train onsets --plan``."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.lab.data.onsets.batches import BatchConfig, OnsetBatch, draw_batch
from engine.lab.data.onsets.clips import FilmedTake, OnsetClip, list_real_takes, list_simulated_takes, load_takes
from engine.lab.data.shards import open_sample
from engine.lab.training.plan import Plan, check_plan, choose_tried, try_training
from engine.media.probe import probe

TrainStep = Callable[[Callable[[np.random.Generator], OnsetBatch]], None]


def plan_training(options: argparse.Namespace, begin_training: Callable[[Path], TrainStep]) -> Plan:
    """The plan of ``train onsets`` with its options; ``begin_training(work)`` gives a step. Raises BadInput."""
    check_plan(options)
    if options.clean:
        return _plan([], 1.0, options, begin_training)
    with open_sample(options.data) as (folder, larger):
        return _plan(list_real_takes(folder), larger, options, begin_training)


def _plan(
    real: list[FilmedTake], larger: float, options: argparse.Namespace, begin_training: Callable[[Path], TrainStep]
) -> Plan:
    """The plan for a corpus that is ``larger`` than its ``real`` takes."""
    takes = [*real]
    takes += [take for folder in options.sim for take in list_simulated_takes(Path(folder))]
    total_s = sum(probe(take.picture).duration_s * (larger if take.real else 1.0) for take in takes)
    tried = choose_tried(takes)
    clips: list[OnsetClip] = []

    def prepare(work: Path) -> float:
        clips.extend(load_takes(tried, work))
        return sum(clip.duration_s for clip in clips)

    def begin(work: Path) -> Callable[[], None]:
        return functools.partial(begin_training(work), functools.partial(draw_batch, clips, BatchConfig()))

    trial = try_training(prepare, begin)
    return Plan(
        "s",
        len(takes) - len(real) + round(len(real) * larger),
        total_s,
        trial,
        options.minutes * 60,
        options.steps or None,
        max(1, options.parts),
        options.processes,
        price=options.price,
    )
