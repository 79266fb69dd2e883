"""Edit-to-ear times: from a clip to hits, first render, a changed sound, a moved hit, and the memory of it all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.cli.console import say
from engine.cli.render import load_sampler_or_say
from engine.document.project import Hit, Project
from engine.lab.benchmarks.clip import DURATION_S, HITS, LONG, SHORT, choose_sounds
from engine.lab.benchmarks.machine import find_peak_memory_mb

REPEATS = 7


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


def measure(
    clip: Path, times_s: Sequence[float], wanted: Sequence[str], device: str, ckpt_dir: str | None
) -> list[Figure]:
    """The requested figures, in the order of a user's workflow."""
    figures: list[Figure] = []
    if "ingest" in wanted or "memory" in wanted:
        figures += measure_ingest(clip)
    if set(wanted) - {"ingest"}:
        figures += measure_rendering(clip, times_s, device, ckpt_dir)
    peak_mb = find_peak_memory_mb(torch.device("cpu"))
    if peak_mb is not None:
        figures.append(Figure("memory", "peak memory of this process", peak_mb / 1024, "GB", 2.0))
    return [figure for figure in figures if figure.name.split(",")[0] in wanted]


def measure_ingest(clip: Path) -> list[Figure]:
    """From a 720p clip to picture strip, hits and modes."""
    from engine.media.frames import make_filmstrip
    from engine.pipeline.events import ClipOpened, OnsetsFound
    from engine.pipeline.process import Document, ProcessSettings, process_clip

    document = Document()
    started_s = time.perf_counter()
    for event in process_clip(clip, ProcessSettings(), document.current):
        document.apply(event)
        match event:
            case ClipOpened():
                make_filmstrip(clip, [DURATION_S * (k + 0.5) / 24 for k in range(24)], 56)
                opened_s = time.perf_counter()
            case OnsetsFound():
                detected_s = time.perf_counter()
    project = document.current()
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
    from engine.pipeline.render import render_hits
    from engine.pipeline.track import place_hits

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
    from engine.document.seeds import derive_seed
    from engine.pipeline.open_clip import open_clip

    sounds = choose_sounds()
    hits = []
    shared = [sound.id for sound in sounds if sound.id not in (SHORT, LONG)]
    for number, time_s in enumerate(times_s):
        sound_id = {0: LONG, 1: SHORT}.get(number, shared[number % len(shared)])
        hits.append(Hit(f"h{number + 1}", time_s, sound_id, derive_seed(0, f"h{number + 1}"), touched=True))
    return replace(open_clip(clip).project, sounds=tuple(sounds), hits=tuple(hits))


def format_table(machine: str, figures: Sequence[Figure]) -> str:
    """The figures as lines of text."""
    lines: list[Any] = [machine, f"{'figure':<20} {'value':>12} {'goal':>10} {'of goal':>8}  what"]
    for f in figures:
        goal = f"{f.goal:g} {f.unit}" if f.goal else ""
        share = f"{f.share:.2f}" if f.share is not None else ""
        lines.append(f"{f.name:<20} {f.value:>9.2f} {f.unit:<2} {goal:>10} {share:>8}  {f.what}")
    return "\n".join(lines) + "\n"
