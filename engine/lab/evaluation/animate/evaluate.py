"""Measure animated stills on takes and film never learnt from: ``launch.py evaluate animate``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.animate.compose import compose_frames
from engine.animate.generate import generate_motion
from engine.animate.motion import GRID, RATE_HZ, TRACK, Motion
from engine.animate.network import MotionNetwork, load_motion_network
from engine.animate.striker import LOOKS
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.lab.data.animate.pack import read_pack
from engine.lab.evaluation.animate.judges import Judge, Judgement, list_windows, open_judge, rel_sync
from engine.lab.evaluation.animate.scenes import LENGTH_S, Scene, list_film, list_takes
from engine.lab.metrics.distribution import frechet_distance, standardize

TRUE, BLIND, STATIC = "true picture", "blind twin (the same networks without the sound)", "static picture"
HELD = "blind twin, contacts and rocking held"
USUAL = 1.5
"""Guidance at which nothing is held too, to tell what is held from what is learnt."""
COMPONENTS = 16
RESAMPLES = 1000
FILM = "greatest_hits_stable_v2a"


def main(args: list[str]) -> None:
    """The command ``evaluate animate``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="evaluate animate", description="Measure animated stills.")
    parser.add_argument("--network", type=Path, default=CHECKPOINTS / "animate", help="checkpoint to measure")
    parser.add_argument("--pack", type=Path, help="pack of simulated takes of a seed that it did not learn from")
    parser.add_argument("--data", "--data-dir", dest="data", type=Path, help="recordings, for film")
    parser.add_argument("--takes", type=int, default=16, metavar="N", help="scenes of each kind, at most")
    parser.add_argument("--guidance", type=float, nargs="*", default=[1.0, 1.5, 3.0], metavar="G")
    parser.add_argument("--json", metavar="F", help="write the figures to a file")
    parser.add_argument("--ckpt-dir", type=Path, default=CHECKPOINTS, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    if options.pack is None and options.data is None:
        raise BadInput("evaluate animate needs takes; give --pack, --data or both")
    network = load_motion_network(options.network)
    judge = open_judge(options.ckpt_dir / "onsets", options.ckpt_dir / "sync")
    kinds: dict[str, list[Scene]] = {}
    if options.pack is not None:
        kinds["simulated takes"] = list_takes(read_pack(options.pack))
    if options.data is not None:
        paths = sorted((options.data / "video" / FILM).glob("*.mp4"))
        if not paths:
            raise BadInput(f"{options.data} holds no clips in video/{FILM}; give another folder or leave --data out")
        kinds["film"] = list_film(paths)
    figures = {}
    for name, listed in kinds.items():
        scenes = [scene for scene in listed if list_windows(scene.blows)][: options.takes]
        if len(scenes) < 2:
            raise BadInput(f"there are too few {name} with blows: {len(scenes)}; give more")
        figures[name] = measure(scenes, network, options.guidance, judge)
        print_figures(name, len(scenes), figures[name])
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measure(
    scenes: Sequence[Scene], network: MotionNetwork, guidances: Sequence[float], judge: Judge
) -> dict[str, dict[str, Any]]:
    """Figures of every way to make the scenes' pictures."""
    judged: dict[str, list[Judgement]] = {}
    for number, scene in enumerate(scenes):
        for name, frames in _list_pictures(scene, network, guidances, number).items():
            judged.setdefault(name, []).append(judge.judge(frames, scene.blows, scene.still.pixels))
        print(f"{scene.name}: {number + 1}/{len(scenes)}", file=sys.stderr, flush=True)
    filmed = [scene.motion is None for scene in scenes]
    references = [row.best if film else row.evidence for row, film in zip(judged[TRUE], filmed, strict=True)]
    return {name: sum_up(rows, judged[TRUE], references) for name, rows in judged.items()}


def _list_pictures(
    scene: Scene, network: MotionNetwork, guidances: Sequence[float], seed: int
) -> dict[str, list[tuple[float, np.ndarray]]]:
    """The scene's picture by every way: true, generated with and without its sound, and static."""
    frames = int(LENGTH_S * RATE_HZ)

    def generate(guidance: float, constrained: bool | None = None) -> Motion:
        heard = scene.blows, scene.sound
        return generate_motion(
            network, scene.small, scene.place, *heard, frames, seed, guidance, constrained=constrained
        )

    pictures = {TRUE: list(scene.frames) if scene.motion is None else _show(scene, scene.motion)}
    for guidance in guidances:
        pictures[f"guidance {guidance:g}"] = _show(scene, generate(guidance))
        if guidance == USUAL:
            pictures[f"guidance {guidance:g}, nothing held"] = _show(scene, generate(guidance, constrained=False))
    pictures[HELD] = _show(scene, generate(0.0, constrained=True))
    pictures[BLIND] = _show(scene, generate(0.0))
    still = Motion(np.zeros((frames, len(TRACK))), np.zeros((frames, 2, *GRID), np.float32))
    pictures[STATIC] = _show(scene, still, striker=False)
    return pictures


def _show(scene: Scene, motion: Motion, striker: bool = True) -> list[tuple[float, np.ndarray]]:
    frames = compose_frames(scene.still, scene.canvas, scene.pixel, motion, LOOKS["stick" if striker else "none"])
    return [(number / RATE_HZ, frame) for number, frame in enumerate(frames)]


def sum_up(rows: Sequence[Judgement], true: Sequence[Judgement], references: Sequence[np.ndarray]) -> dict[str, Any]:
    """Figures of a way: distance of its motion from the true one's, evidence that it is in step, RelSync against the
    ``references``, AlignSync, and the blows that are seen.

    AlignSync is RelSync times the likeness to the still, which stands for the paper's likeness to the sound.
    """
    real = np.concatenate([row.motion for row in true])
    made = np.concatenate([row.motion for row in rows])
    most = min(COMPONENTS, len(real) // 2)
    rel = [rel_sync(row.evidence, reference) for row, reference in zip(rows, references, strict=True)]
    align = [value * row.likeness for value, row in zip(rel, rows, strict=True)]
    precision = [row.precision for row in rows if np.isfinite(row.precision)]
    return {
        "distance": frechet_distance(standardize(real, real, most), standardize(made, real, most)),
        "evidence": _interval([row.evidence for row in rows]),
        "rel_sync": _interval(rel),
        "align_sync": _interval(align),
        "seen": float(np.mean([row.recall for row in rows])),
        "right": float(np.mean(precision)) if precision else None,
    }


def _interval(values: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Mean over windows and its 95 % interval, scenes drawn with replacement."""
    sums, counts = np.array([v.sum() for v in values]), np.array([len(v) for v in values])
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / np.maximum(counts[drawn].sum(axis=1), 1), (2.5, 97.5))
    return float(sums.sum() / counts.sum()), float(low), float(high)


def print_figures(name: str, count: int, figures: dict[str, dict[str, Any]]) -> None:
    """Print a table."""
    print(f"\n## {count} {name}\n")
    print("| picture | Fréchet distance | evidence | RelSync | AlignSync | blows seen | of what is seen, blows |")
    print("|---|---|---|---|---|---|---|")
    for way, row in figures.items():
        rel, align = (f"{m:.3f} ({low:.2f}–{high:.2f})" for m, low, high in (row["rel_sync"], row["align_sync"]))
        right = "–" if row["right"] is None else f"{row['right']:.2f}"
        evidence = "{:.2f} ({:.1f}–{:.1f})".format(*row["evidence"])
        print(f"| {way} | {row['distance']:.2f} | {evidence} | {rel} | {align} | {row['seen']:.2f} | {right} |")
