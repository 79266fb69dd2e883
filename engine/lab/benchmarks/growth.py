"""``bench growth``: time and memory of ``render --farm local`` over the number of clips and of workers."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli.console import check_json_target, say, whole_number, write_json
from engine.core.errors import StruckError
from engine.core.paths import ROOT
from engine.core.words import counted
from engine.farm.cluster import import_ray
from engine.lab.benchmarks.clip import DURATION_S, HEIGHT, HITS, WIDTH, make_clip
from engine.lab.benchmarks.machine import describe_machine, find_load, find_processor_s

MOST_CLIPS, MOST_WORKERS = 1000, 64
_LOOK_S = 0.5


@dataclass(frozen=True)
class Run:
    """A batch: seconds by the clock, processor seconds and the most memory (MiB) of all its processes together, None
    where the system does not tell; no workers is a run without the farm."""

    workers: int
    clips: int
    took_s: float
    processor_s: float | None
    peak_mb: float | None


@dataclass(frozen=True)
class Line:
    """Seconds as a straight line over clips, by least squares, and how far a run lies from it at most."""

    what: str
    workers: int
    start_s: float
    per_clip_s: float
    deviation_s: float


def run(args: list[str]) -> int:
    """The command ``bench growth``. Raises BadInput and StruckError."""
    parser = argparse.ArgumentParser(prog="bench growth", description="Time and memory over clips and workers.")
    clips, workers = whole_number(1, MOST_CLIPS), whole_number(0, MOST_WORKERS)
    parser.add_argument("--clips", type=clips, nargs="+", default=[1, 2, 4], metavar="N", help="clips of a batch")
    parser.add_argument("--workers", type=workers, nargs="+", default=[0, 1, 2], metavar="N", help="0: no farm")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    check_json_target(options.json)
    if any(options.workers):
        import_ray()
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        say(f"making a clip of {DURATION_S:.0f} s at {WIDTH} x {HEIGHT} with {HITS} hits")
        make_clip(folder / "clip.mp4")
        runs = []
        for workers_now in options.workers:
            for count in options.clips:
                runs.append(measure_batch(folder, count, workers_now))
                say(f"workers {workers_now}, clips {count}: {describe_run(runs[-1])}")
    lines = [line for count in dict.fromkeys(options.workers) for line in fit_lines(runs, count)]
    report: dict[str, Any] = {"machine": describe_machine(), "load": find_load()}
    report |= {"runs": [asdict(own) for own in runs], "lines": [asdict(line) for line in lines]}
    if options.json != "-":
        sys.stdout.write(format_report(report["machine"], runs, lines))
    if options.json is not None:
        write_json(report, options.json, sys.stdout)
    return 0


def measure_batch(folder: Path, count: int, workers: int) -> Run:
    """Render copies of the folder's clip, each of another content, in a process of their own. Raises StruckError."""
    source, out = folder / "clips", folder / "out"
    for old in (source, out):
        shutil.rmtree(old, ignore_errors=True)
    source.mkdir()
    for number in range(count):
        copy_clip(folder / "clip.mp4", source / f"{number:04d}.mp4", number)
    line = [sys.executable, "-m", "engine", "--device", "cpu", "render", str(source), "--out-dir", str(out)]
    line += ["--farm", "local", "--jobs", str(workers)] if workers else []
    began_s, peak_mb = time.monotonic(), 0.0
    processor_s: dict[int, float] = {}
    with subprocess.Popen(line, cwd=ROOT) as process:
        while process.poll() is None:
            family = find_family(process.pid)
            peak_mb = max(peak_mb, sum(_read_share_mb(member) or 0.0 for member in family))
            processor_s |= {member: used for member in family if (used := find_processor_s(member)) is not None}
            time.sleep(_LOOK_S)
    if process.returncode:
        raise StruckError(f"render ended with status {process.returncode}; look at its messages above")
    took_s = time.monotonic() - began_s
    return Run(workers, count, took_s, sum(processor_s.values()) or None, peak_mb or None)


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


def fit_lines(runs: Sequence[Run], workers: int) -> Iterator[Line]:
    """Time by the clock and processor time of a number of workers, as lines."""
    own = [run for run in runs if run.workers == workers]
    clips = [run.clips for run in own]
    yield fit_line("time", workers, clips, [run.took_s for run in own])
    used_s = [run.processor_s for run in own if run.processor_s is not None]
    if len(used_s) == len(clips):
        yield fit_line("processor time", workers, clips, used_s)


def fit_line(what: str, workers: int, counts: Sequence[int], taken_s: Sequence[float]) -> Line:
    """Seconds over clips; with one number of clips all of it counts as per clip."""
    clips, seconds = np.array(counts, float), np.array(taken_s)
    if len(set(clips)) < 2:
        slope, start = float(np.mean(seconds / clips)), 0.0
    else:
        slope, start = (float(value) for value in np.polyfit(clips, seconds, 1))
    return Line(what, workers, start, slope, float(np.abs(start + slope * clips - seconds).max()))


def describe_run(own: Run) -> str:
    """Time and memory of a batch, in words."""
    used = "" if own.processor_s is None else f", {own.processor_s:.1f} s of processors"
    return f"{own.took_s:.1f} s{used}" + ("" if own.peak_mb is None else f", {own.peak_mb:.0f} MiB")


def format_report(machine: Any, runs: Sequence[Run], lines: Sequence[Line]) -> str:
    """The figures as lines of text."""
    text = [str(machine), "workers  clips"]
    for own in runs:
        text.append(f"{own.workers or 'no farm':>7}  {own.clips:5d}  {describe_run(own)}")
    for line in lines:
        name = counted(line.workers, "worker") if line.workers else "no farm"
        law = f"{line.start_s:.1f} s + {line.per_clip_s:.2f} s a clip, within {line.deviation_s:.1f} s"
        text.append(f"{name}, {line.what}: {law}")
    return "\n".join(text) + "\n"
