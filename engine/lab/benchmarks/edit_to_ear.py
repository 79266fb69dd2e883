"""``bench``: the edit-to-ear figures on this machine, all in one run, on a clip made on the fly."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli.console import check_json_target, say, write_json
from engine.cli.render import load_sampler_or_say
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Hit, Project, Sound
from engine.physics.model import Physics

DURATION_S = 10.0
HITS = 20
FRAME_RATE = 25
WIDTH, HEIGHT = 1280, 720
REPEATS = 7
LONG, SHORT = "glass", "wood"
MATERIALS = (LONG, SHORT, "ceramic", "drywall", "cloth")


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its goal, both in ``unit``."""

    name: str
    what: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def share(self) -> float | None:
        """The value as a share of its goal; under 1 is reached."""
        return self.value / self.goal if self.goal else None


NAMES = ("ingest", "render", "change", "move", "memory")
SAMPLER, ONSETS = "sampler", "onsets"


def main(args: list[str]) -> int:
    """The command ``bench [NAME] [--json F]``; ``sampler`` and ``onsets`` have options of their own. BadInput."""
    if args[:1] == [SAMPLER]:
        from engine.lab.benchmarks.sampler import run

        return run(args[1:])
    if args[:1] == [ONSETS]:
        from engine.lab.benchmarks import onsets as bench_onsets

        return bench_onsets.run(args[1:], describe_machine())
    parser = argparse.ArgumentParser(prog="bench", description="Measure Struck on this machine.")
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help=f"one of {', '.join(NAMES)}, all when left out; or {SAMPLER}, {ONSETS}"
    )
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--ckpt-dir", default=None)
    parser.add_argument("--data-dir", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    if options.name is not None and options.name not in NAMES:
        raise BadInput(
            f"bench {options.name[:60]!r} is not known; choose one of {', '.join((*NAMES, SAMPLER, ONSETS))}"
        )
    check_json_target(options.json)
    wanted = NAMES if options.name is None else (options.name,)
    machine = describe_machine()
    say(f"{machine}; making a clip of {DURATION_S:.0f} s at {WIDTH} x {HEIGHT} with {HITS} hits")
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as folder:
        clip = Path(folder) / "bench.mp4"
        times_s = make_clip(clip)
        figures = measure(clip, times_s, wanted, options.device, options.ckpt_dir)
    report = {"machine": machine, "matrix_product_s": time_matrix_product(), "figures": [asdict(f) for f in figures]}
    if options.json != "-":
        sys.stdout.write(format_table(machine, figures))
    if options.json is not None:
        write_json(json.loads(json.dumps(report)), options.json, sys.stdout)
    return 0


def measure(
    clip: Path, times_s: Sequence[float], wanted: Sequence[str], device: str, ckpt_dir: str | None
) -> list[Figure]:
    """The wanted figures, in the order in which a person meets them."""
    figures: list[Figure] = []
    if "ingest" in wanted or "memory" in wanted:
        figures += measure_ingest(clip)
    if set(wanted) - {"ingest"}:
        figures += measure_rendering(clip, times_s, device, ckpt_dir)
    peak_mb = find_peak_memory_mb()
    if peak_mb is not None:
        figures.append(Figure("memory", "peak memory of this process", peak_mb / 1024, "GB", 2.0))
    return [figure for figure in figures if figure.name.split(",")[0] in wanted]


def measure_ingest(clip: Path) -> list[Figure]:
    """From a 720p clip to picture strip, hits and modes."""
    from engine.media.frames import make_filmstrip
    from engine.pipeline.analyze_audio import analyze_clip_hits
    from engine.pipeline.detect_onsets import detect, hits_from_track, open_clip

    started_s = time.perf_counter()
    project = open_clip(clip)
    make_filmstrip(clip, [DURATION_S * (k + 0.5) / 24 for k in range(24)], 56)
    opened_s = time.perf_counter()
    track = detect(project.clip, "both")
    detected_s = time.perf_counter()
    project = hits_from_track(project, track).apply(project)
    project = analyze_clip_hits(project).apply(project)
    done_s = time.perf_counter()
    say(f"{len(project.hits)} hits and {len(project.sounds)} sounds found")
    return [
        Figure("ingest", "10 s 720p clip to hits and modes", done_s - started_s, "s", 5.0),
        Figure("ingest, opening", "of that: reading the clip, filmstrip", opened_s - started_s, "s"),
        Figure("ingest, detection", "of that: picture and sound", detected_s - opened_s, "s"),
        Figure("ingest, physics", "of that: modes and residuals", done_s - detected_s, "s"),
    ]


def measure_rendering(clip: Path, times_s: Sequence[float], device: str, ckpt_dir: str | None) -> list[Figure]:
    """First render, a changed sound and a moved hit, with everything else cached."""
    from engine.core.cache import Cache
    from engine.document.edits.hits import move_hits
    from engine.document.edits.sounds import set_modes
    from engine.pipeline.render import place_hits, render_hits

    project = make_project(clip, times_s)
    loading_s = time.perf_counter()
    sampler = load_sampler_or_say(project.render.checkpoint, ckpt_dir, device)
    loading_s = time.perf_counter() - loading_s
    cache = Cache(None)

    def hear(changed: Project) -> None:
        place_hits(changed, render_hits(changed, sampler, cache))

    first_s = _time(lambda: hear(project))
    bare_s = _time(lambda: place_hits(project, render_hits(project, None, Cache(None))))
    changes: dict[str, list[float]] = {SHORT: [], LONG: []}
    moves: list[float] = []
    for turn in range(REPEATS):
        for sound_id, taken in changes.items():
            frequency = project.sound(sound_id).modes.frequency_hz[0] * (1.0 + 0.01 * (turn + 1))
            project = set_modes(sound_id, [0], frequency_hz=[frequency]).apply(project)
            taken.append(_time(lambda changed=project: hear(changed)))  # type: ignore[misc]
        project = move_hits([project.hits[3].id], 0.0137).apply(project)
        moves.append(_time(lambda changed=project: hear(changed)))  # type: ignore[misc]
    short_ms, long_ms = (1000 * statistics.median(changes[sound_id]) for sound_id in (SHORT, LONG))
    how = "sampled" if sampler is not None else "modes and residual, no checkpoint"
    return [
        Figure("render", f"first render of {HITS} hits ({how})", first_s, "s", 8.0),
        Figure("render, loading", "before that: loading the sampler", loading_s, "s"),
        Figure("render, ratio", "first render as a multiple of modes and residual alone", first_s / bare_s, "x"),
        Figure("change", f"change a {project.sound(SHORT).name}, hear its hit ({how})", short_ms, "ms", 600.0),
        Figure("change, longest", f"the same for a {project.sound(LONG).name}", long_ms, "ms"),
        Figure("move", "move a hit, hear the track", 1000 * statistics.median(moves), "ms", 150.0),
    ]


def _time(work: Callable[[], object]) -> float:
    gc.collect()
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def make_project(clip: Path, times_s: Sequence[float]) -> Project:
    """The clip with a hit at each time, five sounds among them, SHORT and LONG for one hit each."""
    from engine.document.edits.values import derive_seed
    from engine.pipeline.detect_onsets import open_clip

    sounds = choose_sounds()
    hits = []
    shared = [sound.id for sound in sounds if sound.id not in (SHORT, LONG)]
    for number, time_s in enumerate(times_s):
        sound_id = {0: LONG, 1: SHORT}.get(number, shared[number % len(shared)])
        hits.append(Hit(f"h{number + 1}", time_s, sound_id, derive_seed(0, f"h{number + 1}"), touched=True))
    return replace(open_clip(clip), sounds=tuple(sounds), hits=tuple(hits))


def choose_sounds() -> list[Sound]:
    """Presets of five materials, from one that rings long to one that hardly rings."""
    from engine.physics.presets import load_presets
    from engine.pipeline.sound_sources import sound_from_preset

    first = {preset.material: preset for preset in reversed(load_presets())}
    return [sound_from_preset(first[material], material) for material in MATERIALS]


def make_clip(path: Path) -> list[float]:
    """Film a textured ball that falls and stops at each hit, with the sounds of presets; returns the hits' times."""
    import av
    from av.audio.frame import AudioFrame
    from av.video.frame import VideoFrame

    rng = np.random.default_rng(20)
    times_s = [0.3 + 0.48 * k + float(rng.uniform(0.0, 0.1)) for k in range(HITS)]
    grain = rng.integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    backdrops = [grain + rng.integers(0, 8, grain.shape, dtype=np.uint8) for _ in range(4)]  # a camera's own noise
    ball = rng.integers(120, 250, (160, 160, 3), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FRAME_RATE, options={"preset": "ultrafast", "crf": "26"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = output.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        for number in range(round(DURATION_S * FRAME_RATE)):
            picture = backdrops[number % 4].copy()
            top, left = place_ball(number / FRAME_RATE, times_s)
            picture[top : top + 160, left : left + 160] = ball
            frame = VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        sound = AudioFrame.from_ndarray(make_sound(times_s)[None], format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE_HZ, 0, Fraction(1, SAMPLE_RATE_HZ)
        output.mux([*audio.encode(sound), *audio.encode(None)])
    return times_s


def place_ball(time_s: float, times_s: Sequence[float]) -> tuple[int, int]:
    """Top left corner of the ball: down fast into each hit, up slowly after it."""
    until_s = min((t - time_s for t in times_s if t >= time_s), default=1.0)
    since_s = min((time_s - t for t in times_s if t < time_s), default=1.0)
    lift = min(1.0, max(0.0, until_s) / 0.12) if until_s < 0.12 else min(1.0, since_s / 0.3)
    return round(500 - 300 * lift), round(WIDTH * (0.1 + 0.06 * time_s))


def make_sound(times_s: Sequence[float]) -> np.ndarray:
    """The clip's own sound: presets struck at the hits, mono float32."""
    from engine.physics.analysis.analyze import synthesize

    track = np.zeros(round(DURATION_S * SAMPLE_RATE_HZ), np.float32)
    strikes = [synthesize(Physics(s.modes, s.residual), seed=k) for k, s in enumerate(choose_sounds())]
    for number, time_s in enumerate(times_s):
        start = round(time_s * SAMPLE_RATE_HZ)
        strike = strikes[number % len(strikes)][: len(track) - start]
        track[start : start + len(strike)] += 0.3 * strike
    return track


def describe_machine() -> str:
    """The machine's name, processor and cores."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{platform.node()}: {model}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def time_matrix_product() -> float:
    """Seconds that a product of two 1024 x 1024 matrices takes: to compare figures between machines."""
    a = np.random.default_rng(1).standard_normal((1024, 1024)).astype(np.float32)
    return min(_time(lambda: a @ a) for _ in range(5))


def find_peak_memory_mb() -> float | None:
    """Most memory this process held, in MiB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024) if sys.platform == "darwin" else peak / 1024


def format_table(machine: str, figures: Sequence[Figure]) -> str:
    """The figures as lines of text."""
    lines: list[Any] = [machine, f"{'figure':<20} {'value':>12} {'goal':>10} {'of goal':>8}  what"]
    for f in figures:
        goal = f"{f.goal:g} {f.unit}" if f.goal else ""
        share = f"{f.share:.2f}" if f.share is not None else ""
        lines.append(f"{f.name:<20} {f.value:>9.2f} {f.unit:<2} {goal:>10} {share:>8}  {f.what}")
    return "\n".join(lines) + "\n"
