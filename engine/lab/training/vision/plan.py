"""What training the vision network on a corpus would take: ``launch.py train vision --plan``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.lab.data.shards import open_sample
from engine.lab.data.vision.corpus import choose_real_hits, choose_simulated_hits, read_hits
from engine.lab.data.vision.hits import HitFrames, LabelledHit
from engine.lab.training.plan import Plan, check_plan, choose_tried, try_training

BeginTraining = Callable[[Path, HitFrames, HitFrames, np.ndarray], Callable[[], None]]


def plan_training(options: argparse.Namespace, begin_training: BeginTraining) -> Plan:
    """The plan of ``train vision`` with its options; ``begin_training(work, made, real, descriptors)`` gives a step.

    Hits of four takes of each kind are prepared. Raises BadInput.
    """
    check_plan(options)
    if options.clean:
        return _plan([], 1.0, options, begin_training)
    with open_sample(options.data) as (folder, larger):
        return _plan(choose_real_hits(folder), larger, options, begin_training)


def _plan(real: list[LabelledHit], larger: float, options: argparse.Namespace, begin_training: BeginTraining) -> Plan:
    made = [hit for hits in choose_simulated_hits(options.sim) for hit in hits]
    tried: list[tuple[HitFrames, np.ndarray]] = []

    def prepare(work: Path) -> float:
        tried.extend(read_hits([_choose(hits)], work) for hits in (made, real))
        return float(sum(len(frames.hits) for frames, _ in tried))

    def begin(work: Path) -> Callable[[], None]:
        (made_frames, made_sounds), (real_frames, real_sounds) = tried
        return begin_training(work, made_frames, real_frames, np.concatenate([made_sounds, real_sounds]))

    trial = try_training(prepare, begin)
    total = len(made) + round(len(real) * larger)
    plan = Plan("hits", total, float(total), trial, options.minutes * 60, options.steps or None)
    return replace(plan, parts=max(1, options.parts), processes=options.processes, price=options.price)


def _choose(hits: list[LabelledHit]) -> list[LabelledHit]:
    """The hits of a few clips that are spread over all."""
    clips = set(choose_tried(sorted({hit.clip for hit in hits})))
    return [hit for hit in hits if hit.clip in clips]
