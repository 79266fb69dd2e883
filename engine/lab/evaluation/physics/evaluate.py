"""Evaluate modal analysis on synthetic sounds of known modes and on recordings: ``launch.py evaluate physics``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.recordings import Recording, list_recordings, read_hit
from engine.lab.evaluation.physics.recordings import (
    MAX_DURATION_S,
    choose_evenly,
    measure_recording,
    tabulate_materials,
    tabulate_means,
    tabulate_pairs,
)
from engine.lab.evaluation.physics.ringing import (
    group_takes,
    list_kinds,
    measure_ringing,
    measure_takes,
    tabulate_ringing,
    tabulate_takes,
)
from engine.lab.evaluation.physics.speed import measure_speed
from engine.lab.evaluation.physics.stress import CASES, SOUNDS, measure_case, summarize_case
from engine.lab.evaluation.physics.synthetic import TARGETS, measure_sound, passes, summarize
from engine.lab.evaluation.physics.tables import format_tables

TIMED_HITS = 3
OBJECTS_A_KIND = 5
"""Objects whose takes are compared, for each recording of a kind; few of them ring."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Run = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]], str], list[Any]]


def main(args: list[str]) -> None:
    """The command ``evaluate physics``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="evaluate physics", description="Measure the analysis of hits.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--ckpt-dir", help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    parser.add_argument("--sounds", type=int, default=60, help="synthetic sounds at each SNR")
    parser.add_argument("--limit", type=int, default=350, help="at most so many recordings; 0 for all")
    parser.add_argument("--jobs", type=int, default=0, help="processes at once; 0, the default, for one a core")
    parser.add_argument("--speed-only", action="store_true", help="measure only the speed")
    parser.add_argument(
        "--real",
        type=int,
        nargs="?",
        const=60,
        metavar="N",
        help="measure only whether modes of recordings ring, on N of each kind; 0 for all",
    )
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    options = parser.parse_args(args)
    if options.sounds < 1 or options.limit < 0 or options.jobs < 0 or (options.real or 0) < 0:
        raise BadInput("--sounds is under 1, or --limit, --jobs or --real under 0; give counts")
    result: dict[str, Any] = {}
    if options.real is not None:
        with workers(options.jobs or count_cores()) as run:
            result = evaluate_ringing(options.data, options.real, run)
        print_result(result, options.json)
        return
    recordings = choose_evenly(list_recordings(options.data), options.limit)
    if not options.speed_only:
        with workers(options.jobs or count_cores()) as run:
            result = {
                "synthetic": evaluate_synthetic(options.sounds, run),
                "stress": evaluate_stress(min(options.sounds, SOUNDS), run),
                **evaluate_recordings(recordings, run),
            }
    result["speed"] = measure_speed(choose_timed(recordings))
    print_result(result, options.json)


def print_result(result: dict[str, Any], json_path: str | None) -> None:
    """The tables on standard error, the figures to a file or, for -, to standard output."""
    print(format_tables(result), file=sys.stderr)
    if json_path == "-":
        print(json.dumps(result))
    elif json_path:
        Path(json_path).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def evaluate_synthetic(sounds: int, run: Run) -> list[dict[str, Any]]:
    """Rows of the synthetic table, one for each SNR, on the same sounds."""
    table = []
    for target in TARGETS:
        tasks = [(number, target) for number in range(sounds)]
        results = run(measure_sound, tasks, f"sounds at {target.snr_db:g} dB")
        figures = summarize([match for match, _ in results])
        seconds = float(np.median([seconds for _, seconds in results]))
        table.append({"snr_db": target.snr_db, **figures, "passes": passes(figures, target), "seconds": seconds})
    return table


def evaluate_stress(sounds: int, run: Run) -> list[dict[str, Any]]:
    """Rows of the stress table, one for each case."""
    tasks = [(name, number) for name in CASES for number in range(sounds)]
    results = run(measure_case, tasks, "hard sounds")
    return [
        summarize_case(name, [result for task, result in zip(tasks, results, strict=True) if task[0] == name])
        for name in CASES
    ]


def evaluate_recordings(recordings: list[Recording], run: Run) -> dict[str, Any]:
    """Tables of the recordings and a row for each; those that cannot be analysed are printed and left out.

    Raises BadInput where none is left.
    """
    results = run(measure_recording, [(recording, number) for number, recording in enumerate(recordings)], "recordings")
    for result in results:
        if isinstance(result, str):
            print(f"left out: {result}", file=sys.stderr)
    rows = [result for result in results if isinstance(result, dict)]
    if not rows:
        raise BadInput("no recording could be analysed; give a larger folder with --data")
    return {
        "recordings": tabulate_materials(rows),
        "pairs": tabulate_pairs(rows),
        "means": tabulate_means(rows),
        "each": rows,
    }


def evaluate_ringing(data_dir: str, limit: int, run: Run) -> dict[str, Any]:
    """Whether modes of recordings ring, by kind of object, and whether repeated takes give the same modes.

    Raises BadInput where the folder holds no recordings of these kinds.
    """
    tasks = list_kinds(data_dir, limit)
    rows = [row for row in run(measure_ringing, tasks, "recordings") if row is not None]
    if not rows:
        raise BadInput(f"{data_dir} holds no recordings of tiles, glasses, bowls, tools or knocks; give another folder")
    takes = [
        row
        for row in run(measure_takes, list(group_takes(data_dir, OBJECTS_A_KIND * limit).items()), "objects")
        if row is not None
    ]
    return {"ringing": tabulate_ringing(rows), "takes": tabulate_takes(takes) if takes else [], "each": rows}


def choose_timed(recordings: list[Recording]) -> list[np.ndarray]:
    """A few hits of 1.4 s, the longest of evenly chosen recordings, padded with silence. Raises BadInput."""
    length = round(MAX_DURATION_S * SAMPLE_RATE_HZ)
    hits: list[np.ndarray] = []
    for recording in (recordings[int(i)] for i in np.linspace(0, len(recordings) - 1, 8 * TIMED_HITS)):
        hit = read_hit(recording)[:length]
        if float(np.abs(hit).max(initial=0.0)) >= 1e-4:
            hits.append(hit)
    hits = sorted(hits, key=len, reverse=True)[:TIMED_HITS]
    if not hits:
        raise BadInput("no recording could be timed; give a larger folder with --data")
    return [np.pad(hit, (0, length - len(hit))) for hit in hits]


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def workers(jobs: int) -> Iterator[Run]:
    """A function that maps work over argument tuples, in order, in ``jobs`` single-threaded processes.

    One job runs in this process. Progress is printed on standard error.
    """
    if jobs == 1:
        yield lambda work, tasks, name: _collect((work(*task) for task in tasks), len(tasks), name)
        return
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # read by a process's libraries as they load
    try:
        with ProcessPoolExecutor(jobs, get_context("spawn"), partial(torch.set_num_threads, 1)) as pool:
            yield lambda work, tasks, name: _collect(pool.map(work, *zip(*tasks, strict=True)), len(tasks), name)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _collect(results: Iterator[Any], count: int, name: str) -> list[Any]:
    done = []
    for result in results:
        done.append(result)
        if len(done) % 40 == 0 or len(done) == count:
            print(f"{name}: {len(done)} of {count}", file=sys.stderr)
    return done
