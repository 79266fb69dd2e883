"""``bench sampler``: what a hit costs on this machine, in time, memory and matrix products, against the paper's method.

All in one run: the sampler at several numbers of steps for one hit, 20 and 100, in float32 and bfloat16 on the CPU and,
where one works, on a GPU; the paper's DDPM of 1000 steps with the shipped weights, and at the paper's own width.
``--renders N`` measures instead whether memory grows over N renders.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.cli.console import check_json_target, default_ckpt_dir, make_progress, say, write_json
from engine.core.device import choose_device
from engine.core.errors import BadInput, StruckError
from engine.diffusion.captured import CapturedNetwork, Velocity
from engine.diffusion.sampler import Sampler, load_sampler
from engine.diffusion.unet import VelocityNetwork
from engine.lab.benchmarks.clip import choose_presets
from engine.lab.benchmarks.ddpm import Paper, measure_paper
from engine.lab.benchmarks.machine import (
    count_operations,
    describe_machine,
    find_load,
    measure,
    measure_best,
    measure_matrix_peak,
)
from engine.lab.benchmarks.memory import MOST_KB_PER_RENDER, measure_growth
from engine.physics.model import Modes, Residual

STEPS = (1, 2, 4, 8)
COUNTS = (20, 100)
LIMIT_S = 20.0
REPEATS = 3
NO_NETWORK = "no network"
"""The mode of rows that tell what all but the network takes, the CPU's work for each hit among it."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
AIM_HIT_S, AIM_20_HITS_S, AIM_RATIO = 0.4, 0.1, 200.0


@dataclass(frozen=True)
class Row:
    """Time and memory of ``hits`` hits; ``timed`` of them were run, the others extrapolated.

    ``share``: of the machine's matrix products in the same dtype, by what the network multiplies and adds.
    """

    device: str
    dtype: str
    mode: str
    hits: int
    timed: int
    steps: int
    wall_s: float
    cpu_s: float
    peak_mb: float | None
    share: float


@dataclass(frozen=True)
class Report:
    """All that a run found; ``peaks`` in floating point operations a second by device and dtype."""

    machine: str
    threads: int
    load_before: float | None
    load_after: float | None
    peaks: dict[str, float]
    rows: list[Row]
    paper: list[Paper]
    notes: list[str]


def run(args: list[str]) -> int:
    """The command ``bench sampler``. Raises BadInput and, where memory grows, StruckError."""
    parser = argparse.ArgumentParser(prog="bench sampler", description="Measure the sampler on this machine.")
    parser.add_argument("--checkpoint", default="sampler", help="name of the sampler")
    parser.add_argument("--steps", default=",".join(map(str, STEPS)), help="numbers of steps, with commas between")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="S", help="seconds that one figure may take")
    parser.add_argument("--no-compiled", action="store_true", help="leave the compiled network out: it takes minutes")
    parser.add_argument("--no-paper", action="store_true", help="leave the paper's method out")
    parser.add_argument("--renders", type=int, metavar="N", help="look instead whether memory grows over N renders")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--ckpt-dir", default=None)
    parser.add_argument("--data-dir", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    steps = read_steps(options.steps)
    if options.limit <= 0 or (options.renders is not None and options.renders < 2):
        raise BadInput("--limit must be above 0 and --renders at least 2; give larger numbers")
    check_json_target(options.json)
    folder = Path(options.ckpt_dir) if options.ckpt_dir else default_ckpt_dir()
    if options.renders is not None:
        return run_renders(folder, options.checkpoint, options.device, options.renders, options.json)
    report = measure_all(
        folder, options.checkpoint, options.device, steps, options.limit, not options.no_paper, not options.no_compiled
    )
    if options.json != "-":
        sys.stdout.write(format_report(report))
    if options.json is not None:
        write_json({**json.loads(json.dumps(asdict(report))), "claims": make_claims(report)}, options.json, sys.stdout)
    return 0


def read_steps(text: str) -> tuple[int, ...]:
    """Numbers of steps between commas; BadInput for anything else."""
    try:
        steps = tuple(int(part) for part in text.split(","))
    except ValueError:
        steps = ()
    if not steps or min(steps) < 1 or max(steps) > 64:
        raise BadInput(f"--steps {text[:40]!r} is not understood; give numbers from 1 to 64, such as 1,2,4,8")
    return steps


def run_renders(folder: Path, checkpoint: str, device_name: str, renders: int, json_target: str | None) -> int:
    """Print what the process holds before and after many renders; StruckError if it grows."""
    device, label = choose_device(device_name)
    sampler = load_sampler(folder, checkpoint, device)
    report = make_progress("rendering")
    growth = measure_growth(sampler, renders, lambda done, total: report(done / total))
    if growth is None:
        say("this system does not tell how much memory a process holds, so nothing was measured")
        return 0
    if json_target != "-":
        sys.stdout.write(
            f"{growth.renders} renders on {label}: {growth.start_mb:.1f} MiB before, {growth.end_mb:.1f} MiB after, "
            f"{growth.slope_kb_per_render:+.2f} KiB a render\n"
        )
    if json_target is not None:
        write_json(asdict(growth), json_target, sys.stdout)
    if growth.grows:
        raise StruckError(
            f"memory grows by {growth.slope_kb_per_render:.1f} KiB a render, more than {MOST_KB_PER_RENDER:.0f}; "
            "please report it"
        )
    return 0


# --- measuring --------------------------------------------------------------------------------


def measure_all(
    folder: Path,
    checkpoint: str,
    device_name: str,
    steps: Sequence[int],
    limit_s: float,
    with_paper: bool,
    compiled: bool = True,
) -> Report:
    """Every figure, on the CPU and, where one works and none was named, on the GPU too."""
    chosen, label = choose_device(device_name)
    devices = [torch.device("cpu")] if chosen.type == "cpu" else [torch.device("cpu"), chosen]
    notes = [f"{label}: the GPU was not measured"] if chosen.type == "cpu" else [label]
    load_before = find_load()
    peaks: dict[str, float] = {}
    rows: list[Row] = []
    paper: list[Paper] = []
    for device in devices:
        sampler = load_sampler(folder, checkpoint, device)
        fast = sampler.bfloat16
        for name, dtype in sorted(DTYPES.items()):  # bfloat16 first, since weights may be kept in it
            if device.type != "cpu" and dtype != torch.bfloat16:
                continue
            peaks[f"{device.type} {name}"] = measure_matrix_peak(device, dtype)
            sampler.bfloat16 = dtype == torch.bfloat16
            if not sampler.bfloat16:
                sampler.network.float()
            peak = peaks[f"{device.type} {name}"]
            sampler.velocity = sampler.network
            rows += measure_rows(sampler, name, "eager", steps, peak, limit_s)
            if sampler.bfloat16 == fast or device.type != "cpu":
                sampler.velocity = stand_still
                rows += measure_rows(sampler, name, NO_NETWORK, steps[-1:], math.inf, limit_s)
                sampler.velocity = sampler.network
            if sampler.bfloat16 and device.type == "cpu" and not fast:
                notes.append("this CPU has no instructions for bfloat16, so Struck uses float32 here")
        if device.type == "cuda":
            modes = {mode: make for mode, make in FASTER.items() if compiled or mode != "compiled"}
            rows += measure_faster(sampler, steps, peak, limit_s, notes, modes)
        if with_paper:
            paper += measure_paper(folder, device, notes)
    return Report(describe_machine(), torch.get_num_threads(), load_before, find_load(), peaks, rows, paper, notes)


def measure_rows(
    sampler: Sampler, dtype: str, mode: str, steps: Sequence[int], peak: float, limit_s: float
) -> list[Row]:
    """One hit that rings longer than the window, then batches of the bench's five sounds in turn."""
    kinds = choose_physics()
    operations = {id(physics): count_hit_operations(sampler, physics) for physics in kinds}
    rows: list[Row] = []
    for number in steps:
        say(f"{sampler.device.type}, {dtype}, {mode}, {number} steps")
        per_hit_s = 0.0
        for count in (1, *COUNTS):
            hits = [kinds[0]] if count == 1 else [kinds[k % len(kinds)] for k in range(count)]
            timed = count
            if count > 1 and per_hit_s * count > limit_s:
                timed = max(len(kinds), int(limit_s / per_hit_s) // len(kinds) * len(kinds))
            timed = min(timed, count)

            def work(hits: Sequence[tuple[Modes, Residual]] = hits[:timed], number: int = number) -> None:
                sampler.sample(hits, range(len(hits)), steps=number)

            work_once = measure(work, sampler.device) if count == 1 else None  # warms up; compilers take long here
            taken = measure_best(work, sampler.device, REPEATS if count == 1 else 1)
            per_hit_s = taken.wall_s / timed if count > 1 else (work_once or taken).wall_s
            rows.append(
                Row(
                    sampler.device.type,
                    dtype,
                    mode,
                    count,
                    timed,
                    number,
                    taken.wall_s * count / timed,
                    taken.cpu_s * count / timed,
                    taken.peak_mb,
                    number * sum(operations[id(physics)] for physics in hits[:timed]) / taken.wall_s / peak,
                )
            )
    return rows


def stand_still(noisy: torch.Tensor, *_: torch.Tensor | None) -> torch.Tensor:
    """In the network's place, at no cost: a velocity of nothing, which leaves the prior as it is."""
    return torch.zeros_like(noisy)


def compile_network(network: VelocityNetwork) -> Velocity:
    """The network compiled by PyTorch, anew for each shape."""
    compiled: Velocity = torch.compile(network, dynamic=False)
    return compiled


FASTER: dict[str, Callable[[VelocityNetwork], Velocity]] = {"graph": CapturedNetwork, "compiled": compile_network}
"""Ways to evaluate the network on a GPU beside the plain one; Struck uses the first."""


def measure_faster(
    sampler: Sampler,
    steps: Sequence[int],
    peak: float,
    limit_s: float,
    notes: list[str],
    modes: Mapping[str, Callable[[VelocityNetwork], Velocity]],
) -> list[Row]:
    """The same with the network made faster in each of some modes; where that fails, a note says so."""
    rows: list[Row] = []
    for mode, make in modes.items():
        try:
            sampler.velocity = make(sampler.network)
            rows += measure_rows(sampler, "bfloat16", mode, steps, peak, limit_s)
        except Exception as error:  # compilers and drivers raise anything at all
            notes.append(f"{mode}: not measured, since it failed ({type(error).__name__})")
        finally:
            sampler.velocity = sampler.network
    return rows


def choose_physics() -> list[tuple[Modes, Residual]]:
    """The bench's five sounds, the first made to ring four times as long: past the sampler's window of 1.37 s."""
    kinds = [(preset.modes, preset.residual) for preset in choose_presets()]
    modes, residual = kinds[0]
    return [(replace(modes, decay_per_s=tuple(d / 4.0 for d in modes.decay_per_s)), residual), *kinds[1:]]


def count_hit_operations(sampler: Sampler, physics: tuple[Modes, Residual]) -> float:
    """What the network multiplies and adds for one step of one hit, two operations a pair."""
    from engine.diffusion.prior import build_condition, count_frames

    frames = count_frames(*physics)
    condition = build_condition([physics], frames, "cpu")
    with torch.device("meta"):
        network = VelocityNetwork(sampler.network.config)
    features = condition.features.to("meta")
    with torch.no_grad():
        return count_operations(lambda: network(features[:, :2], torch.zeros(1, device="meta"), features))


# --- report -----------------------------------------------------------------------------------


def make_claims(report: Report) -> list[dict[str, Any]]:
    """Targets, measured figures, and whether the targets are met; None where not measured."""
    claims: list[dict[str, Any]] = []
    sampled = [row for row in report.rows if row.mode != NO_NETWORK]
    own = [row for row in sampled if row.device == "cpu" and row.hits == 1]
    for number in sorted({row.steps for row in own}):
        best = min((row for row in own if row.steps == number), key=lambda row: row.wall_s)
        what = f"one hit of 1.37 s and its tail, {number} steps, CPU, {best.dtype}, {report.threads} threads"
        claims.append(_claim(what, best.wall_s, "s", AIM_HIT_S, best.wall_s <= AIM_HIT_S))
    gpu = [row for row in sampled if row.device == "cuda" and row.hits == 20]
    for number in sorted({row.steps for row in gpu}):
        best = min((row for row in gpu if row.steps == number), key=lambda row: row.wall_s)
        what = f"20 hits, {number} steps, GPU, {best.mode}"
        claims.append(_claim(what, best.wall_s, "s", AIM_20_HITS_S, best.wall_s <= AIM_20_HITS_S))
    if not gpu:
        claims.append(_claim("20 hits on a GPU: not measured, none here", None, "s", AIM_20_HITS_S, None))
    for paper in report.paper:
        for number in sorted({row.steps for row in sampled}):
            rows = [r for r in sampled if r.device == paper.device and r.hits == 20 and r.steps == number]
            if rows:
                # On a shared CPU elapsed time is unreliable; CPU time is compared.
                on_cpu = paper.device == "cpu"
                own_s = min((row.cpu_s if on_cpu else row.wall_s) / row.hits for row in rows)
                ratio = (paper.per_hit_cpu_s if on_cpu else paper.per_hit_s) / own_s
                what = f"times the speed a hit, 20 hits in {number} steps, of {paper.what}, {paper.at_once} at once"
                what += ", by processor seconds" if on_cpu else ", GPU"
                aim = AIM_RATIO if paper.full else None
                claims.append(_claim(what, ratio, "x", aim, ratio >= aim if aim else None))
    return claims


def _claim(what: str, value: float | None, unit: str, aim: float | None, reached: bool | None) -> dict[str, Any]:
    return {"what": what, "value": value, "unit": unit, "aim": aim, "reached": reached}


def format_report(report: Report) -> str:
    """The figures as tables in Markdown."""
    lines = [
        f"{report.machine}, {report.threads} threads; {_say_load(report)}",
        "",
        "| aim | measured | goal | reached |",
        "|---|---|---|---|",
    ]
    for claim in make_claims(report):
        value = "" if claim["value"] is None else f"{claim['value']:.3g} {claim['unit']}"
        goal = "" if claim["aim"] is None else f"{claim['aim']:g} {claim['unit']}"
        reached = "" if claim["reached"] is None else "yes" if claim["reached"] else "no"
        lines.append(f"| {claim['what']} | {value} | {goal} | {reached} |")
    lines += ["", "| device | numbers | mode | hits | steps | s | processor s | MiB at most | of matrix peak |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for r in report.rows:
        hits = str(r.hits) if r.timed == r.hits else f"{r.hits} ({r.timed} timed)"
        memory = "" if r.peak_mb is None else f"{r.peak_mb:.0f}"
        lines.append(
            f"| {r.device} | {r.dtype} | {r.mode} | {hits} | {r.steps} | {r.wall_s:.3f} | {r.cpu_s:.3f} | {memory} "
            f"| {100 * r.share:.1f} % |"
        )
    if report.paper:
        lines += ["", "| the paper's method | device | numbers | sounds at once | steps timed | s a step "]
        lines[-1] += "| Griffin-Lim s | s a hit | processor s |"
        lines.append("|---|---|---|---|---|---|---|---|---|")
        lines += [
            f"| {p.what} | {p.device} | {p.dtype} | {p.at_once} | {p.steps_timed} of 1000 | {p.step_s:.3f} "
            f"| {p.griffin_lim_s:.2f} | {p.per_hit_s:.1f} | {p.per_hit_cpu_s:.1f} |"
            for p in report.paper
        ]
    lines.append("")
    lines += [f"- matrix products, {name}: {peak / 1e9:.0f} GFLOP/s" for name, peak in report.peaks.items()]
    lines += [f"- {note}" for note in report.notes]
    return "\n".join(lines) + "\n"


def _say_load(report: Report) -> str:
    if report.load_before is None or report.load_after is None:
        return "how busy it was is not known"
    return f"load average {report.load_before:.1f} before and {report.load_after:.1f} after"
