"""``bench long``: the peak of memory with a long clip in 1080p, headless and in the editor."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from engine.cli.console import check_json_target, say, write_json
from engine.core.errors import BadInput, StruckError
from engine.core.paths import ROOT
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.benchmarks.clip import choose_sounds, place_ball
from engine.lab.benchmarks.machine import describe_machine, find_peak_mb
from engine.lab.benchmarks.tab import Tab, start_server
from engine.lab.data.clip_writer import write_clip
from engine.media.mux import TimedPackets, add_sound, create_video, mux_in_order
from engine.physics.model import Physics
from engine.physics.synthesis import synthesize

WIDTH, HEIGHT, FRAME_RATE = 1920, 1080, 25
LOOP_S = 20.0
"""So much is filmed, and repeated without being encoded anew."""

LOOP_HITS_S = (1.2, 5.1, 9.3, 13.0, 17.4)
BALL = 220
AIM_MB = 1500.0
LONGEST_WAIT_S = 4 * 3600.0


def run(args: list[str]) -> int:
    """The command ``bench long``; 1 where memory is over the aim. Raises BadInput and StruckError."""
    parser = argparse.ArgumentParser(prog="bench long", description="Peak of memory with a long clip.")
    parser.add_argument("--minutes", type=float, default=30.0, metavar="M")
    parser.add_argument("--only", choices=("render", "editor"), help="measure one of the two")
    parser.add_argument("--clip", type=Path, metavar="MP4", help="a clip to measure; made where it is not there")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    if not 0.3 <= options.minutes <= 180.0:
        raise BadInput(f"--minutes {options.minutes:g} is out of range; give 0.3 to 180")
    check_json_target(options.json)
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        clip = (options.clip or folder / "long.mp4").absolute()
        if not clip.is_file():
            say(f"making a clip of {options.minutes:g} minutes at {WIDTH} x {HEIGHT}")
            make_long_clip(clip, options.minutes)
        report: dict[str, Any] = {"machine": describe_machine(), "clip_mb": clip.stat().st_size / 2**20}
        if options.only != "editor":
            say("render: detection, analysis, sampling, WAV, MP4, stems")
            report["render"] = measure_render(clip, folder)
        if options.only != "render":
            say("editor: opening, detection, analysis, synthesis, WAV, MP4, stems")
            report["editor"] = measure_editor(clip, folder)
    if options.json != "-":
        sys.stdout.write(format_report(report))
    if options.json is not None:
        write_json(report, options.json, sys.stdout)
    peaks = [report[name]["peak_mb"] for name in ("render", "editor") if name in report]
    return int(any(peak is not None and peak > AIM_MB for peak in peaks))


# ---- the clip --------------------------------------------------------------------------------


def make_long_clip(path: Path, minutes: float) -> None:
    """A textured ball that falls and stops at each hit, with the sounds of presets, repeated every LOOP_S."""
    loops = max(1, round(60.0 * minutes / LOOP_S))
    with tempfile.TemporaryDirectory(prefix="struck-bench-") as folder:
        loop = Path(folder) / "loop.mp4"
        write_clip(loop, _draw_frames(), Fraction(FRAME_RATE), None, {"preset": "ultrafast", "crf": "26"})
        sound = make_loop_sound()
        with av.open(str(loop)) as source, create_video(path) as output:
            output_picture = output.add_stream_from_template(source.streams.video[0])
            sounds = add_sound(output, (sound for _ in range(loops)), 1, SAMPLE_RATE_HZ)
            mux_in_order(output, [repeat_picture(loop, output_picture, loops), sounds], lambda time_s: None)


def _draw_frames() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(30)
    grain = rng.integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    backdrops = [grain + rng.integers(0, 8, grain.shape, dtype=np.uint8) for _ in range(4)]  # a camera's own noise
    ball = rng.integers(120, 250, (BALL, BALL, 3), dtype=np.uint8)
    for number in range(round(LOOP_S * FRAME_RATE)):
        frame = backdrops[number % 4].copy()
        top, left = place_ball(number / FRAME_RATE, LOOP_HITS_S)
        frame[top : top + BALL, left : left + BALL] = ball
        yield frame


def make_loop_sound() -> np.ndarray:
    """The sound of one loop: presets struck at LOOP_HITS_S, mono float32."""
    track = np.zeros(round(LOOP_S * SAMPLE_RATE_HZ), np.float32)
    for time_s, sound in zip(LOOP_HITS_S, choose_sounds(), strict=True):
        strike = synthesize(Physics(sound.modes, sound.residual), seed=1)
        start = round(time_s * SAMPLE_RATE_HZ)
        strike = strike[: len(track) - start]
        track[start : start + len(strike)] += 0.3 * strike
    return track


def repeat_picture(loop: Path, stream: Any, loops: int) -> TimedPackets:
    """The packets of a loop of LOOP_S, so many times, for a stream made from it."""
    for turn in range(loops):
        with av.open(str(loop)) as source:
            picture = source.streams.video[0]
            tick = Fraction(picture.time_base or 1)
            for packet in source.demux(picture):
                if packet.pts is None or packet.dts is None:
                    continue
                packet.pts += round(turn * LOOP_S / tick)
                packet.dts += round(turn * LOOP_S / tick)
                packet.stream = stream
                yield float(packet.dts * tick), [packet]


# ---- what it takes ---------------------------------------------------------------------------


def measure_render(clip: Path, folder: Path) -> dict[str, Any]:
    """``render`` with every output, in a process of its own."""
    line = [sys.executable, "-m", "engine", "--device", "cpu", "render", str(clip), "--steps", "1"]
    line += ["--out", str(folder / "o.wav"), "--video", str(folder / "o.mp4"), "--stems", str(folder / "stems")]
    line += ["--markers", str(folder / "o.csv"), "--project", str(folder / "o.struck.json")]
    began_s = time.monotonic()
    with subprocess.Popen(line, cwd=ROOT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise StruckError(f"render ended with status {process.returncode}; look at its messages above")
    hits = sum(1 for line in (folder / "o.csv").read_text(encoding="utf-8").splitlines() if line) - 1
    peak_mb = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024.0)
    return {"peak_mb": peak_mb, "hits": hits, "took_s": time.monotonic() - began_s}


def measure_editor(clip: Path, folder: Path) -> dict[str, Any]:
    """Open a clip in the editor, hear it without the network, look at it and export it."""
    data, temporary = folder / "data", folder / "temporary"
    temporary.mkdir()
    began_s = time.monotonic()
    with start_server(data, temporary) as (pid, address):
        tab = Tab(address, LONGEST_WAIT_S)
        tab.wait(lambda: tab.project is not None, "opening the demo")
        tab.send({"type": "open", "path": str(clip)})
        tab.wait(lambda: tab.document["clip"]["name"] == clip.name, "opening the clip")
        tab.change(None, kind="set_render", checkpoint="")
        for start_s in np.arange(0.0, tab.document["clip"]["duration_s"], 300.0):
            tab.fetch(f"filmstrip/bench-edits?start_s={start_s}&end_s={start_s + 300.0}&count=60&height=60")
        tab.wait(lambda: any(sound["origin"] == "clip" for sound in tab.document["sounds"]), "analysis")
        tab.wait_for_hits()
        found = {"hits": len(tab.document["hits"]), "sounds": len(tab.document["sounds"])}
        tab.fetch("waveform/bench-edits")
        tab.fetch("curve/bench-edits")
        opened_mb = find_peak_mb(pid)
        tab.fetch("track/bench-edits")
        tab.ask("exported", type="export", what=["wav", "stems", "mp4", "markers", "project"])
        peak_mb = find_peak_mb(pid)
        tab.close()
    if tab.errors:
        raise StruckError(f"the editor said: {tab.errors[0]}")
    return {"opened_mb": opened_mb, "peak_mb": peak_mb, **found, "took_s": time.monotonic() - began_s}


def format_report(report: dict[str, Any]) -> str:
    """The figures as lines of text."""
    lines = [report["machine"], f"the clip has {report['clip_mb']:.0f} MiB"]
    for name in ("render", "editor"):
        if name in report:
            values = ", ".join(f"{key} {value:.0f}" for key, value in report[name].items() if value is not None)
            lines.append(f"{name}: {values}")
    return "\n".join(lines) + "\n"
