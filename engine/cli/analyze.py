"""``analyze``: estimate modes and residual of one recorded hit."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from engine.cli.console import check_json_target, say, whole_number, write_json
from engine.core.files import check_ending, check_target
from engine.core.names import to_text
from engine.core.units import decay_to_t60_s
from engine.core.words import counted
from engine.physics.model import Physics, physics_to_json

_MOST_MODES = 1024
_FIGURES = (".html", ".png", ".pdf", ".svg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", metavar="HIT_AUDIO", help="a recording of one hit, or a clip with sound")
    parser.add_argument("--max-modes", type=whole_number(1, _MOST_MODES), default=64, metavar="N")
    parser.add_argument("--json", metavar="F", help="write the physics as JSON to a file, or - for standard output")
    parser.add_argument("--figure", metavar="FILE", help="show modes and fit as .html, .png, .pdf or .svg")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Analyse a recording and print its modes, or write JSON. Raises BadInput."""
    check_json_target(options.json)
    if options.figure is not None:
        ending = check_ending(check_target(options.figure), _FIGURES, "--figure")
    from engine.media.recording import read_first_hit
    from engine.physics.analysis.analyze import analyze_hit

    samples, sample_rate_hz, start_s = read_first_hit(options.recording)
    physics, fit = analyze_hit(samples, sample_rate_hz, options.max_modes)
    say(f"{counted(len(physics.modes), 'mode')}, onset at {start_s + physics.onset_s:.4f} s, fit {fit:.2f}")
    if options.figure is not None:
        _write_figure(options.figure, ending, physics, samples, to_text(Path(options.recording).name))
        say(f"wrote {options.figure}")
    physics = replace(physics, onset_s=start_s + physics.onset_s)
    if options.json is None:
        stdout.write(_describe(physics))
    else:
        write_json(physics_to_json(physics), options.json, stdout)


def _write_figure(path: str, ending: str, physics: Physics, samples: np.ndarray, title: str) -> None:
    from engine.cli.figures.measures import compare_with_model

    comparison = compare_with_model(physics, samples)
    if ending == ".html":
        from engine.cli.figures.page import write_page

        write_page(path, comparison, title)
    else:
        from engine.cli.figures.image import write_image

        write_image(path, ending[1:], comparison, title)


def _describe(physics: Physics) -> str:
    modes = physics.modes
    lines = ["frequency_hz   power_db    t60_s"]
    for k in range(len(modes)):
        t60_s = decay_to_t60_s(modes.decay_per_s[k])
        lines.append(f"{modes.frequency_hz[k]:12.2f} {modes.power_db[k]:10.2f} {t60_s:8.3f}")
    return "\n".join(lines) + "\n"
