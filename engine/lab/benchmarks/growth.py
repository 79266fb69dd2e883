"""``bench growth``: time, memory and cost over the number of clips, hits, users and workers, and a model on paper."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.cli.console import check_json_target, say, whole_number, write_json
from engine.cli.manifest import Manifest
from engine.core.errors import BadInput, StruckError
from engine.core.files import read_bounded
from engine.core.paths import CHECKPOINTS, ROOT
from engine.core.words import counted
from engine.farm.cluster import import_ray, keep_private, start_cluster
from engine.lab.benchmarks import sampler_service
from engine.lab.benchmarks.clip import HEIGHT, HITS, S_A_HIT, WIDTH, make_clip, repeat_clip
from engine.lab.benchmarks.growth_lines import Line, fit_line
from engine.lab.benchmarks.growth_model import Assumed, Measured, Model, make_model, measure_command, read_measured
from engine.lab.benchmarks.machine import describe_machine, find_load, find_processor_s

MOST_CLIPS, MOST_HITS, MOST_USERS, MOST_WORKERS = 1000, 10_000, 500, 64
HITS_A_REPEAT = 10
STEPS, FEWER_STEPS = 4, 1
"""Of the sampler; what the others take is told by the difference."""
MOST_FEWER = 20
"""Clips of the batch of fewer steps, where one of at most as many was measured."""

T = TypeVar("T")
_LOOK_S = 0.5
_MOST_REPORT_BYTES = 64 << 20


@dataclass(frozen=True)
class Run:
    """A batch: its clips, hits found in all, seconds by the clock, processor seconds and the most memory (MiB) of all
    its processes together, None where the system does not tell; no workers is a run without the farm."""

    workers: int
    clips: int
    hits: int
    steps: int
    took_s: float
    processor_s: float | None
    peak_mb: float | None

    def describe(self) -> str:
        """Time and memory in words."""
        used = "" if self.processor_s is None else f", {self.processor_s:.1f} s of processors"
        where = counted(self.workers, "worker") if self.workers else "no farm"
        peak = "" if self.peak_mb is None else f", {self.peak_mb:.0f} MiB"
        return f"{where}, {counted(self.clips, 'clip')}, {counted(self.hits, 'hit')}: {self.took_s:.1f} s{used}{peak}"


def run(args: list[str]) -> int:
    """The command ``bench growth``. Raises BadInput and StruckError."""
    options = _parse(args)
    check_json_target(options.json)
    assumed = Assumed(options.a_day, options.utilisation, options.price)
    if options.model is not None:
        again = make_model(read_measured(_read_report(options.model), options.model), assumed)
        sys.stdout.write(again.describe() + "\n")
        return 0
    if options.clips and any(options.workers):
        keep_private()
        import_ray()
    report: dict[str, Any] = {"machine": describe_machine(), "load": find_load(), "runs": [], "users": []}

    def note(own: Run | sampler_service.ServiceFigures) -> None:
        """Write what is known so far: a later run may fail, or take too long."""
        report["runs" if isinstance(own, Run) else "users"].append(asdict(own))
        if options.json not in (None, "-"):
            write_json(report, options.json, sys.stdout)

    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        runs = list(_noting(note, measure_clips(folder, options))) if options.clips and options.workers else []
        over_hits = list(_noting(note, measure_hits(folder, options.hits, options.steps)))
        measured = measure_for_model(folder, runs) if runs and options.steps > FEWER_STEPS else None
    users = list(_noting(note, measure_users(options))) if options.users else []
    usual = [run for run in runs if run.steps == options.steps]
    lines = [line for line in fit_all(usual, over_hits, users, options.price) if line is not None]
    model = None if measured is None else make_model(measured, assumed)
    report |= {"lines": [line.to_json() for line in lines], "model": None if model is None else model.to_json()}
    report["load_after"] = find_load()
    if options.json != "-":
        sys.stdout.write(format_report(report["machine"], [*runs, *over_hits], users, lines, model))
    if options.json is not None:
        write_json(report, options.json, sys.stdout)
    return 0


def _noting(note: Callable[[T], None], figures: Iterable[T]) -> Iterator[T]:
    for own in figures:
        note(own)
        yield own


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench growth", description="Time, memory and cost over what grows.")

    def add(name: str, least: int, most: int, default: list[int], help_text: str) -> None:
        kind = whole_number(least, most)
        parser.add_argument(name, type=kind, nargs="*", default=default, metavar="N", help=help_text)

    add("--clips", 1, MOST_CLIPS, [1, 2, 4], "clips of a batch; none leaves these and workers out")
    add("--workers", 0, MOST_WORKERS, [0, 1, 2], "processes of the farm; 0 is without it")
    add("--hits", HITS_A_REPEAT, MOST_HITS, [10, 40, 160], "hits of a clip, in tens; none leaves them out")
    add("--users", 1, MOST_USERS, [1, 10, 50], "editors of a shared sampler; none leaves them out")
    length = f"hits of each of the clips, {S_A_HIT:g} s each"
    parser.add_argument("--hits-a-clip", type=whole_number(2, HITS), default=HITS, metavar="N", help=length)
    steps = "steps of the sampler for clips and hits; 0 is without it; with 0 and 1 there is no model"
    parser.add_argument("--steps", type=whole_number(0, 64), default=STEPS, metavar="N", help=steps)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a run of the shared sampler")
    parser.add_argument("--pause", type=float, default=10.0, help="mean pause of an editor between edits, s")
    parser.add_argument("--price", type=float, default=0.1, help="of an hour of a machine like this one")
    parser.add_argument("--a-day", type=whole_number(1, 10**9), default=1_000_000, help="clips a day of the model")
    parser.add_argument("--utilisation", type=float, default=0.7, help="share of a day that the model's cores work")
    model_help = "the model again, from what --json wrote, and nothing else"
    parser.add_argument("--model", metavar="F", help=model_help)
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    options.hits = [round(count / HITS_A_REPEAT) * HITS_A_REPEAT for count in options.hits]
    for name, least, most in (("price", 0.0, 1e6), ("utilisation", 0.01, 1.0), ("seconds", 1.0, 3600.0)):
        if not least <= getattr(options, name) <= most:
            raise BadInput(f"--{name} {getattr(options, name):g} is out of range; give one from {least:g} to {most:g}")
    return options


def _read_report(path: str) -> Any:
    try:
        return json.loads(read_bounded(Path(path), _MOST_REPORT_BYTES, "report"))
    except ValueError:
        raise BadInput(f"{path} is no JSON; write it with bench growth --json") from None


def measure_clips(folder: Path, options: argparse.Namespace) -> Iterator[Run]:
    """Batches of all numbers of clips and workers, and one of fewer steps of the sampler."""
    hits = options.hits_a_clip
    say(f"making a clip of {hits * S_A_HIT:.0f} s at {WIDTH} x {HEIGHT} with {hits} hits")
    make_clip(folder / "clip.mp4", hits)
    for workers in options.workers:
        for count in options.clips:
            yield measure_batch(folder, folder / "clip.mp4", count, workers, options.steps)
    if options.steps > FEWER_STEPS:
        count = max((count for count in options.clips if count <= MOST_FEWER), default=min(options.clips))
        yield measure_batch(folder, folder / "clip.mp4", count, max(options.workers), FEWER_STEPS)


def measure_hits(folder: Path, counts: Sequence[int], steps: int) -> Iterator[Run]:
    """One clip of so many hits after another, without the farm: ten hits, repeated."""
    if counts:
        make_clip(folder / "ten.mp4", HITS_A_REPEAT)
    for count in counts:
        repeat_clip(folder / "ten.mp4", folder / "long.mp4", count // HITS_A_REPEAT)
        yield measure_batch(folder, folder / "long.mp4", 1, 0, steps)


def measure_users(options: argparse.Namespace) -> Iterator[sampler_service.ServiceFigures]:
    """Latency and fairness of a shared sampler on this machine for simulated editors."""
    session = argparse.Namespace(seconds=options.seconds, pause=options.pause, steps=STEPS, greedy=False)
    with sampler_service.serve(CHECKPOINTS, "auto") as (url, sampler, name):
        for count in options.users:
            yield sampler_service.measure(url, sampler, name, count, session)


def measure_batch(folder: Path, clip: Path, count: int, workers: int, steps: int) -> Run:
    """Render copies of a clip, each of another content, in a process of their own. Raises StruckError."""
    source, out = folder / "clips", folder / "out"
    for old in (source, out):
        shutil.rmtree(old, ignore_errors=True)
    source.mkdir()
    for number in range(count):
        copy_clip(clip, source / f"{number:04d}.mp4", number)
    line = [sys.executable, "-m", "engine", "--device", "cpu", "render", str(source), "--out-dir", str(out)]
    line += ["--steps", str(steps)] if steps else ["--ckpt-dir", str(leave_sampler_out(folder / "checkpoints"))]
    began_s, peak_mb = time.monotonic(), 0.0
    processor_s: dict[int, float] = {}
    with open_farm(workers) as farm, subprocess.Popen([*line, *farm], cwd=ROOT) as process:
        while process.poll() is None:
            family = find_family(os.getpid()) - {os.getpid()}
            peak_mb = max(peak_mb, sum(_read_share_mb(member) or 0.0 for member in family))
            processor_s |= {member: used for member in family if (used := find_processor_s(member)) is not None}
            time.sleep(_LOOK_S)
    if process.returncode:
        raise StruckError(f"render ended with status {process.returncode}; look at its messages above")
    took_s = time.monotonic() - began_s
    hits = sum(outcome.hits for outcome in Manifest(out).done.values())
    made = Run(workers, count, hits, steps, took_s, sum(processor_s.values()) or None, peak_mb or None)
    say(made.describe())
    return made


def leave_sampler_out(folder: Path) -> Path:
    """A folder of all checkpoints but the sampler: hits are then the prior of their physics alone."""
    folder.mkdir(exist_ok=True)
    for checkpoint in CHECKPOINTS.iterdir():
        if checkpoint.name != "sampler" and not (folder / checkpoint.name).exists():
            (folder / checkpoint.name).symlink_to(checkpoint)
    return folder


@contextlib.contextmanager
def open_farm(workers: int) -> Iterator[list[str]]:
    """Options of ``render`` for a farm of so many processes on this machine, whatever the number of its cores."""
    if workers <= (os.cpu_count() or 1):
        yield ["--farm", "local", "--jobs", str(workers)] if workers else []
        return
    with start_cluster(workers) as address:  # ``local`` starts no more than cores
        yield ["--farm", address, "--jobs", str(workers)]


def copy_clip(clip: Path, copy: Path, number: int) -> None:
    """The same clip under another digest: an MP4 may end with a box that means nothing (ISO/IEC 14496-12, ``free``)."""
    copy.write_bytes(clip.read_bytes() + (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big"))


def find_family(pid: int) -> set[int]:
    """A process and all that it started and that run; itself alone where the system does not tell."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        parents[int(entry.name)] = int(fields[1])
    family, found = {pid}, {pid}
    while found:
        found = {child for child, parent in parents.items() if parent in found}
        family |= found
    return family


def _read_share_mb(pid: int) -> float | None:
    """A process's memory, MiB, what it shares divided among those that do; None where it is not told."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) / 1024.0 for line in lines if line.startswith("Pss:")), None)


def fit_all(
    runs: Sequence[Run], over_hits: Sequence[Run], users: Sequence[sampler_service.ServiceFigures], price: float
) -> list[Line | None]:
    """Every figure as a line over what grows; the cost is that of this machine for the time by the clock."""
    lines: list[Line | None] = []
    for workers in dict.fromkeys(run.workers for run in runs):
        own = [run for run in runs if run.workers == workers]
        where = counted(workers, "worker") if workers else "no farm"
        lines += _fit_runs(own, "clips", [run.clips for run in own], where, price)
    farmed = [run for run in runs if run.workers and run.clips == max(run.clips for run in runs)]
    rates = [run.clips / run.took_s for run in farmed]
    where = counted(farmed[0].clips, "clip") if farmed else ""
    lines.append(fit_line("speed", "clips a second", "workers", where, [run.workers for run in farmed], rates))
    lines += _fit_runs(over_hits, "hits", [run.hits for run in over_hits], "one clip, no farm", price)
    counts = [own.users for own in users]
    for what, unit, figures in (
        ("median latency", "s", [own.median_s for own in users]),
        ("95 % latency", "s", [own.p95_s for own in users]),
        ("sampled", "hits a second", [own.hits_per_s for own in users]),
    ):
        lines.append(fit_line(what, unit, "users", "shared sampler", counts, figures))
    return lines


def _fit_runs(own: Sequence[Run], over: str, numbers: Sequence[int], where: str, price: float) -> list[Line | None]:
    costs = [run.took_s * price / 3600.0 for run in own]
    return [
        fit_line("time", "s", over, where, numbers, [run.took_s for run in own]),
        fit_line("processor time", "s", over, where, numbers, [run.processor_s for run in own]),
        fit_line("memory", "MiB", over, where, numbers, [run.peak_mb for run in own]),
        fit_line("cost", f"at {price:g} an hour", over, where, numbers, costs),
    ]


def measure_for_model(folder: Path, runs: Sequence[Run]) -> Measured | None:
    """What the model stands on: of the batches with most workers, and of the last, which had fewer steps.

    None where the system does not tell processor time.
    """
    fewer = runs[-1]
    same = [run for run in runs[:-1] if run.workers == fewer.workers]
    line = fit_line("", "", "", "", [run.clips for run in same], [run.processor_s for run in same])
    twin = next(run for run in same if run.clips == fewer.clips)
    if line is None or twin.processor_s is None or fewer.processor_s is None:
        return None
    saved_s = max(0.0, twin.processor_s - fewer.processor_s) / twin.clips
    written = sum(path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file())
    source = folder / "clips" / "0000.mp4"
    (folder / "noted").mkdir()
    digest_s, noting_s = measure_command(source, folder / "noted")
    return Measured(
        clip_s=line.slope,
        sampling_s=min(line.slope, saved_s * twin.steps / (twin.steps - fewer.steps)),
        hits=twin.hits / twin.clips,
        read_bytes=2.0 * source.stat().st_size,  # by the command to digest it, by a worker to render it
        written_bytes=written / fewer.clips,
        digest_s=digest_s,
        noting_s=noting_s,
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def format_report(
    machine: str,
    runs: Sequence[Run],
    users: Sequence[sampler_service.ServiceFigures],
    lines: Sequence[Line],
    model: Model | None,
) -> str:
    """The figures as lines of text."""
    text = [machine, *(own.describe() for own in runs), *(own.describe() for own in users)]
    text += [line.describe() for line in lines]
    return "\n".join([*text, *([] if model is None else [model.describe()])]) + "\n"
