"""Speed and memory of onset detection in a long video: ``bench onsets``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from engine.cli.console import check_json_target, default_ckpt_dir, make_progress, say, write_json
from engine.core.errors import BadInput
from engine.lab.benchmarks.clip import HEIGHT, WIDTH, make_clip
from engine.lab.benchmarks.machine import find_peak_memory_mb, find_resident_mb, reset_peak_memory
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.onsets.frames import choose_rows
from engine.onsets.track import OnsetTrack
from engine.onsets.watch import detect_with_network, load_onset_network

AIM_TIMES = 4.0
"""Target speed at 720p, in multiples of real time."""


@dataclass(frozen=True)
class Watched:
    """A picture of ``minutes``: seconds by the clock and of all processors, memory before and the most (MiB)."""

    minutes: float
    wall_s: float
    cpu_s: float
    before_mb: float | None
    peak_mb: float | None

    @property
    def times_real_time(self) -> float:
        """Speed in multiples of real time."""
        return 60.0 * self.minutes / self.wall_s


def repeat_frames(clip: Path, rows: int, duration_s: float) -> Iterator[tuple[float, np.ndarray]]:
    """The frames of a clip decoded again and again, each time later by its length, until ``duration_s``."""
    length_s = probe(clip).duration_s
    start_s = 0.0
    while start_s < duration_s:
        for time_s, frame in iter_frames(clip, rows):
            if start_s + time_s < duration_s:
                yield start_s + time_s, frame
        start_s += length_s


def watch_long(clip: Path, minutes: float, checkpoint: Path) -> tuple[Watched, OnsetTrack]:
    """Watch a clip over and over for so long, decoding included."""
    info = probe(clip)
    network, threshold = load_onset_network(checkpoint)
    report = make_progress("watching")
    duration_s = 60.0 * minutes

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        rows = choose_rows(info.width, info.height, network.config.pixels)
        for time_s, frame in repeat_frames(clip, rows, duration_s):
            report(time_s / duration_s)
            yield time_s, frame

    cpu = torch.device("cpu")
    reset_peak_memory(cpu)
    before_mb, wall_s, cpu_s = find_resident_mb(), time.perf_counter(), time.process_time()
    track = detect_with_network(network, threshold, frames(), info.frame_rate, duration_s)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return Watched(minutes, wall_s, cpu_s, before_mb, find_peak_memory_mb(cpu)), track


def format_report(machine: str, clip: str, watched: Watched) -> str:
    """What was measured as lines of text."""
    held = "not told by this system"
    if watched.peak_mb is not None:
        held = f"{watched.peak_mb:.0f} MiB at most"
        if watched.before_mb is not None:
            held += f", {watched.before_mb:.0f} MiB before"
    return (
        f"{machine}\n{watched.minutes:g} minutes of {clip}, decoding included: {watched.wall_s:.1f} s, "
        f"{watched.times_real_time:.1f} times real time (aim {AIM_TIMES:g}); {watched.cpu_s:.1f} s of all processors; "
        f"memory {held}\n"
    )


def run(args: list[str], machine: str) -> int:
    """The command ``bench onsets``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="bench onsets", description="Watch a long picture for hits.")
    parser.add_argument("clip", nargs="?", metavar="CLIP", help="a clip to repeat; one of 720p is made when left out")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the picture is")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    parser.add_argument("--ckpt-dir", default=None)
    parser.add_argument("--device", help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    if not 0.05 <= options.minutes <= 600.0:
        raise BadInput(f"--minutes {options.minutes:g} is out of range; give 0.05 to 600")
    check_json_target(options.json)
    checkpoint = Path(options.ckpt_dir or default_ckpt_dir()) / "onsets"
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as folder:
        clip = Path(options.clip) if options.clip else Path(folder) / "bench.mp4"
        if not options.clip:
            say(f"making a clip of {WIDTH} x {HEIGHT}")
            make_clip(clip)
        info = probe(clip)
        watched, track = watch_long(clip, options.minutes, checkpoint)
    what = f"{info.width} x {info.height} at {float(info.frame_rate):.2f} frames a second"
    say(f"{len(track.candidates)} candidates")
    if options.json != "-":
        sys.stdout.write(format_report(machine, what, watched))
    if options.json is not None:
        write_json(json.loads(json.dumps({"machine": machine, **asdict(watched)})), options.json, sys.stdout)
    return 0
