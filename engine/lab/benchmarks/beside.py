"""``bench beside``: what hits take to be sampled while other programs compute, by how PyTorch's threads wait.

Threads that share a piece of work wait for each other many times in it. Where they wait busily, each keeps a core from
the others; asleep, they are woken. The other programs compute with one thread each, or are Struck as well and sample
hits, as a second window, a batch or a training does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.cli.console import check_json_target, default_ckpt_dir, say, whole_number, write_json
from engine.core.device import choose_device
from engine.core.errors import StruckError
from engine.core.paths import ROOT
from engine.core.words import counted
from engine.diffusion.sampler import load_sampler
from engine.lab.benchmarks.clip import choose_presets
from engine.lab.benchmarks.lifeline import end_with_parent, open_lifeline
from engine.lab.benchmarks.machine import describe_machine

HITS, REPEATS = 4, 5
LIMIT_S = 120.0
"""No new repeat is begun after so long; a run that takes ten times as long is given up."""
WAITING = {"busily": "", "asleep": "PASSIVE"}
"""How threads wait, and the ``OMP_WAIT_POLICY`` that has them do so; an empty one is PyTorch's own way."""
COMPUTE = (
    sys.executable, "-c",
    "from engine.lab.benchmarks.lifeline import end_with_parent; end_with_parent()\nwhile True: pass",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Seconds that ``hits`` hits took, by the clock and of the processors, in the median and at most."""

    waiting: str
    programs: int
    hits: int
    repeats: int
    wall_s: float
    longest_s: float
    cpu_s: float


def run(args: list[str]) -> int:
    """The command ``bench beside``. Raises StruckError where a measurement fails."""
    parser = argparse.ArgumentParser(prog="bench beside", description="Sample hits while other programs compute.")
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--programs", type=whole_number(1, 64), default=cores, metavar="N", help="that compute; by default one a core"
    )
    parser.add_argument("--struck", action="store_true", help="the other programs sample hits as well")
    parser.add_argument("--hits", type=whole_number(1, 100), default=HITS, metavar="N")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    parser.add_argument("--ckpt-dir", default=None)
    parser.add_argument("--time-here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--endlessly", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    folder = Path(options.ckpt_dir) if options.ckpt_dir else default_ckpt_dir()
    if options.time_here or options.endlessly:
        end_with_parent()
        sys.stdout.write(json.dumps(time_hits(folder, options.hits, options.endlessly)))
        return 0
    check_json_target(options.json)
    machine = describe_machine()
    say(machine)
    rows = []
    for programs in (0, options.programs):
        for waiting in WAITING:
            environment = make_environment(waiting)
            work = make_line(folder, options.hits, "--endlessly") if options.struck else COMPUTE
            with compute_beside(programs, work, environment):
                rows.append(measure(folder, options.hits, waiting, programs))
            say(f"threads that wait {waiting}, beside {counted(programs, 'program')}: {rows[-1].wall_s:.2f} s")
    if options.json != "-":
        sys.stdout.write(format_table(machine, rows))
    if options.json is not None:
        write_json({"machine": machine, "rows": [asdict(row) for row in rows]}, options.json, sys.stdout)
    return 0


def make_environment(waiting: str) -> dict[str, str]:
    """The environment of processes whose threads wait in one of the ways of WAITING."""
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    return environment | {"OMP_WAIT_POLICY": WAITING[waiting]}


def make_line(folder: Path, hits: int, how: str) -> list[str]:
    """The command line of this benchmark in a process of its own."""
    line = [sys.executable, "-m", "engine", "bench", "beside", how, "--hits", str(hits)]
    return [*line, "--ckpt-dir", str(folder.resolve())]


@contextmanager
def compute_beside(programs: int, line: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    """So many programs that compute until the end, of this process too. Raises StruckError where one ended before."""
    pipe, none = subprocess.PIPE, subprocess.DEVNULL  # the pipe is their lifeline
    started = [
        subprocess.Popen(line, cwd=ROOT, env=environment, stdin=pipe, stdout=none, stderr=none) for _ in range(programs)
    ]
    try:
        yield
        if any(program.poll() is not None for program in started):
            raise StruckError("a program that was to compute beside ended by itself; free some memory, or give fewer")
    finally:
        for program in started:
            program.kill()
            program.communicate()  # closes the pipe, too


def measure(folder: Path, hits: int, waiting: str, programs: int) -> Row:
    """Sample hits in a process whose threads wait in one of the ways of WAITING. Raises StruckError."""
    try:
        with open_lifeline() as lifeline:
            done = subprocess.run(
                make_line(folder, hits, "--time-here"),
                cwd=ROOT,
                env=make_environment(waiting),
                stdin=lifeline,
                capture_output=True,
                text=True,
                timeout=10.0 * LIMIT_S,
                check=True,
            )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()[-1:] or [str(error)]
        raise StruckError(f"hits could not be sampled in a process of their own: {said[0]}") from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise StruckError(f"hits could not be sampled in a process of their own: {error}") from error
    timed = json.loads(done.stdout)
    wall_s, cpu_s = zip(*timed, strict=True)
    return Row(waiting, programs, hits, len(timed), statistics.median(wall_s), max(wall_s), statistics.median(cpu_s))


def time_hits(folder: Path, count: int, endlessly: bool = False) -> list[tuple[float, float]]:
    """Seconds by the clock and of the processors that different hits take together, of several runs after a first."""
    sampler = load_sampler(folder, "sampler", choose_device("cpu")[0])
    presets = choose_presets()
    hits = [(preset.modes, preset.residual) for preset in (presets[k % len(presets)] for k in range(count))]
    seeds = list(range(count))
    sampler.sample(hits, seeds)
    while endlessly:
        sampler.sample(hits, seeds)
    timed: list[tuple[float, float]] = []
    begun_s = time.perf_counter()
    while len(timed) < REPEATS and (not timed or time.perf_counter() - begun_s < LIMIT_S):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        sampler.sample(hits, seeds)
        timed.append((time.perf_counter() - wall_s, time.process_time() - cpu_s))
    return timed


def format_table(machine: str, rows: Sequence[Row]) -> str:
    """The rows as a table, with the ratio of the two ways of waiting."""
    lines = [f"{machine}\n", "| programs beside | threads wait | hits | median | longest | processors | ratio |"]
    lines.append("|---" * 7 + "|")
    for row in rows:
        other = next(r for r in rows if r.programs == row.programs and r.waiting == "asleep")
        lines.append(
            f"| {row.programs} | {row.waiting} | {row.hits} | {row.wall_s:.2f} s | {row.longest_s:.2f} s | "
            f"{row.cpu_s:.2f} s | {row.wall_s / other.wall_s:.2f} |"
        )
    return "\n".join(lines) + "\n"
