"""``bench sampler-service``: latency and fairness of a shared sampler for many simulated editors."""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli.console import check_json_target, say, whole_number, write_json
from engine.core.paths import CHECKPOINTS
from engine.core.words import counted
from engine.lab.benchmarks.machine import describe_machine, find_load
from engine.physics.model import Context, Modes, Residual

TOKEN = "a token of this benchmark"
GREEDY_HITS = 32
NOISE = Residual((100.0, 1000.0, 8000.0), (-36.0, -40.0), (50.0, 80.0), None)


@dataclass(frozen=True)
class ServiceFigures:
    """Seconds from an edit to its sound, of ``edits`` in all, and how evenly the editors were served.

    ``fairness`` is Jain's index of the edits that each editor got done, 1 where all are equal. ``greedy_hits`` were
    sampled meanwhile for one more user, who always has 32 waiting. ``hits_per_s`` counts all.
    """

    users: int
    took_s: float
    edits: int
    median_s: float
    p95_s: float
    fairness: float
    greedy_hits: int
    hits_per_s: float
    fallbacks: int

    def describe(self) -> str:
        """The figures in words."""
        greedy = f", {self.greedy_hits} hits of a greedy one" if self.greedy_hits else ""
        return (
            f"{counted(self.users, 'editor')}: {self.edits} edits in {self.took_s:.0f} s{greedy}; "
            f"median {self.median_s:.2f} s, 95 % {self.p95_s:.2f} s, fairness {self.fairness:.3f}, "
            f"{self.hits_per_s:.2f} hits/s, {self.fallbacks} fell back"
        )


def run(args: list[str]) -> int:
    """The command ``bench sampler-service``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="bench sampler-service", description="Latency of a shared sampler.")
    users_help = "simulated editors, each with an edit of one hit now and then"
    parser.add_argument("--users", type=whole_number(1, 500), nargs="+", default=[1, 50], metavar="N", help=users_help)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a run")
    parser.add_argument("--pause", type=float, default=10.0, help="mean pause of an editor between edits, s")
    parser.add_argument("--steps", type=whole_number(1, 64), default=4, help="steps of the sampler")
    parser.add_argument("--greedy", action="store_true", help="with one more user who always has 32 hits waiting")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--ckpt-dir", default=None)
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    check_json_target(options.json)
    with serve(Path(options.ckpt_dir or CHECKPOINTS), options.device) as (url, sampler, name):
        found = [measure(url, sampler, name, users, options) for users in options.users]
    report = {"machine": describe_machine(), "load": find_load(), "runs": [asdict(own) for own in found]}
    if options.json != "-":
        sys.stdout.write(str(report["machine"]) + "\n" + "".join(f"{own.describe()}\n" for own in found))
    if options.json is not None:
        write_json(report, options.json, sys.stdout)
    return 0


@contextmanager
def serve(folder: Path, device_name: str) -> Iterator[tuple[str, Any, str]]:
    """A service on a free port of this machine: its address, its sampler and the checkpoint's name."""
    import uvicorn

    from engine.cli.serve_sampler import SamplerFinder
    from engine.core.checkpoint import list_checkpoints
    from engine.diffusion.checkpoint import SAMPLER
    from engine.farm.fair_batcher import FairBatcher
    from engine.farm.sampler_service import make_app

    find = SamplerFinder(folder, device_name)
    name = list_checkpoints(folder, SAMPLER)[0]
    sampler = find(name)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen(128)
        app = make_app(FairBatcher(find), find, TOKEN)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{held.getsockname()[1]}", sampler, name
        server.should_exit = True
        thread.join()


def measure(url: str, sampler: Any, name: str, users: int, options: argparse.Namespace) -> ServiceFigures:
    """Let ``users`` editors edit for some seconds."""
    from engine.pipeline.shared_sampler import SharedSampler

    say(f"{users} editors, {options.seconds:.0f} s")
    end_s = time.monotonic() + options.seconds
    taken_s: list[list[float]] = [[] for _ in range(users)]
    fallbacks, greedy = [0] * users, [0]

    def edit(number: int) -> None:
        random = np.random.default_rng(number)
        shared = SharedSampler(sampler, name, url, TOKEN, f"editor {number}")
        time.sleep(float(random.uniform(0.0, options.pause)))
        while time.monotonic() < end_s:
            began_s = time.monotonic()
            shared.sample([_draw_physics(random)], [int(random.integers(2**31))], options.steps, 1.0, None, [Context()])
            taken_s[number].append(time.monotonic() - began_s)
            fallbacks[number] += bool(shared.trouble)
            time.sleep(float(random.exponential(options.pause)))

    def take_all() -> None:
        random = np.random.default_rng(users)
        shared = SharedSampler(sampler, name, url, TOKEN, "greedy")
        while time.monotonic() < end_s:
            many = [_draw_physics(random) for _ in range(GREEDY_HITS)]
            shared.sample(many, list(range(GREEDY_HITS)), options.steps, 1.0)
            greedy[0] += GREEDY_HITS

    jobs = [threading.Thread(target=edit, args=(number,)) for number in range(users)]
    jobs += [threading.Thread(target=take_all)] if options.greedy else []
    began_s = time.monotonic()
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    took_s = time.monotonic() - began_s
    return summarize(users, took_s, taken_s, sum(fallbacks), greedy[0])


def summarize(
    users: int, took_s: float, taken_s: Sequence[Sequence[float]], fallbacks: int, greedy: int
) -> ServiceFigures:
    """Figures of a run from the seconds that each editor's edits took."""
    every = np.concatenate([np.asarray(own, float) for own in taken_s])
    counts = np.asarray([len(own) for own in taken_s], float)
    fairness = float(counts.sum() ** 2 / (len(counts) * np.square(counts).sum())) if counts.any() else 0.0
    median_s, p95_s = np.percentile(every, (50, 95)) if len(every) else (0.0, 0.0)
    rate = (len(every) + greedy) / took_s
    return ServiceFigures(users, took_s, len(every), float(median_s), float(p95_s), fairness, greedy, rate, fallbacks)


def _draw_physics(random: np.random.Generator) -> tuple[Modes, Residual]:
    """A small object of eight modes that sounds for about half a second."""
    frequency = np.sort(random.uniform(200.0, 6000.0, 8))
    decay, level = random.uniform(15.0, 60.0, 8), random.uniform(-30.0, -12.0, 8)
    return Modes(tuple(frequency), tuple(level), tuple(decay), (0.0,) * 8), NOISE
