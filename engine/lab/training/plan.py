"""What a training would take, told before it begins: corpus, preparation, memory, steps, hours and cost.

A few takes are prepared and a few steps are made on this machine; the rest is proportion.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine.core.errors import BadInput

TRIED_TAKES = 4
WARM_STEPS, TRIED_STEPS = 1, 4

T = TypeVar("T")


@dataclass(frozen=True)
class Trial:
    """Measured on a few takes: ``tried`` units of the corpus were prepared in so long to so many bytes, and a step of
    one part took ``step_s``."""

    tried: float
    prepared_s: float
    kept_bytes: int
    step_s: float


@dataclass(frozen=True)
class Plan:
    """A training of ``total`` units (seconds of film, or recordings) in ``takes`` takes.

    ``parts`` batches make a step, which ``processes`` share; ``makers`` prepare the corpus; ``price`` is that of an
    hour of one process.
    """

    unit: str
    takes: int
    total: float
    trial: Trial
    budget_s: float
    steps: int | None = None
    parts: int = 1
    processes: int = 1
    makers: int = 1
    price: float = 0.0

    @property
    def preparation_s(self) -> float:
        """Time to prepare the whole corpus."""
        return self.total * self.trial.prepared_s / self.trial.tried / self.makers

    @property
    def kept_bytes(self) -> float:
        """Size of the prepared corpus on the disk."""
        return self.total * self.trial.kept_bytes / self.trial.tried

    @property
    def step_s(self) -> float:
        """Time of a step, of the process with the most parts, without what messages between processes take."""
        return self.trial.step_s * math.ceil(self.parts / self.processes)

    @property
    def training_s(self) -> float:
        """Time of training after the preparation."""
        return self.budget_s if self.steps is None else self.steps * self.step_s

    @property
    def cost(self) -> float:
        """Price of all processes: one while the corpus is prepared, all while they train."""
        return self.price * (self.preparation_s + self.processes * self.training_s) / 3600

    def describe(self) -> str:
        """The plan in words, a line a figure."""
        hours = f" of {self.total / 3600:.2f} h" if self.unit == "s" else ""
        number = self.steps if self.steps is not None else int(self.budget_s / self.step_s)
        shared = f" of {self.parts} parts on {self.processes} processes" if self.parts > 1 else ""
        lines = [
            f"corpus       {self.takes} {'takes' if self.unit == 's' else self.unit}{hours}",
            f"preparation  {tell_time(self.preparation_s)}, {self.kept_bytes / 1e9:.2f} GB in --work",
            f"training     {number} steps{shared}, {self.step_s:.3f} s each: {tell_time(self.training_s)}",
            f"in all       {tell_time(self.preparation_s + self.training_s)}",
        ]
        if self.price:
            lines.append(f"cost         {self.cost:.2f} at {self.price:g} an hour and process")
        return "\n".join(lines)


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a training that tell what it would take."""
    parser.add_argument("--plan", action="store_true", help="try a few takes and steps, tell time and cost, and stop")
    parser.add_argument("--processes", type=int, default=1, help="with --plan: processes that share the parts")
    parser.add_argument("--price", type=float, default=0.0, help="with --plan: price of an hour of one process")


def check_plan(options: argparse.Namespace) -> None:
    """BadInput where processes and parts do not fit, or the price is none."""
    parts = max(1, options.parts)
    if not 1 <= options.processes <= parts:
        raise BadInput(f"--processes {options.processes} cannot share --parts {parts}; give from 1 to {parts}")
    if not 0.0 <= options.price < 1e6:
        raise BadInput(f"--price {options.price:g} is no price of an hour; give one from 0 to a million")


def choose_tried(takes: Sequence[T], count: int = TRIED_TAKES) -> list[T]:
    """So many takes, evenly spread over all."""
    if len(takes) <= count:
        return list(takes)
    return [takes[(2 * k + 1) * len(takes) // (2 * count)] for k in range(count)]


def try_training(prepare: Callable[[Path], float], begin: Callable[[Path], Callable[[], None]]) -> Trial:
    """Measure a training in a folder that is removed afterwards.

    ``prepare(work)`` prepares some takes and returns how many units they were; ``begin(work)`` returns what makes a
    step.
    """
    with tempfile.TemporaryDirectory(prefix="struck-plan-") as folder:
        work = Path(folder)
        clock = time.perf_counter()
        tried = prepare(work)
        prepared_s = time.perf_counter() - clock
        if not tried:
            raise BadInput("none of the takes that were tried can be learnt from; look at the folder given by --data")
        kept = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
        step = begin(work)
        durations = []
        for _ in range(WARM_STEPS + TRIED_STEPS):
            clock = time.perf_counter()
            step()
            durations.append(time.perf_counter() - clock)
    tried_s = durations[WARM_STEPS:]
    return Trial(tried, prepared_s, kept, sum(tried_s) / len(tried_s))


def tell_time(seconds: float) -> str:
    """A duration in the unit that suits it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
