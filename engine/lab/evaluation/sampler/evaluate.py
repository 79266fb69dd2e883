"""Measure the sampler beside real recordings, the bare prior and the paper's method: ``launch.py evaluate sampler``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.device import choose_device
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.lab.data.recordings import Recording, is_held_out, list_recordings
from engine.lab.evaluation.physics.evaluate import Run, count_cores, workers
from engine.lab.evaluation.sampler import tables
from engine.lab.evaluation.sampler.control import make_objects, measure_control, summarize_control, summarize_steps
from engine.lab.evaluation.sampler.figure import write_spectrograms
from engine.lab.evaluation.sampler.outside import measure_outside, summarize_outside
from engine.lab.evaluation.sampler.shape import measure_shapes, summarize_shapes
from engine.lab.evaluation.sampler.sounds import (
    NEAREST,
    PAPER,
    PAPER_AT_ONCE,
    PRIOR,
    REAL,
    Case,
    Measured,
    Row,
    Settings,
    describe_recording,
    find_nearest,
    find_partners,
    gather_cases,
    measure_case,
    measure_paper,
    name_steps,
    open_paper,
    open_sampler,
)
from engine.lab.evaluation.sampler.takes import compare_takes, group_takes, make_takes
from engine.lab.metrics.material_classifier import MaterialClassifier, classify, load_material_classifier

SHOWN = 6
OUTSIDE_SEED = 17
"""Seed of the objects of ``--outside``, which differ from those used for tuning."""


def main(args: list[str]) -> None:
    """The command ``evaluate sampler``."""
    options = _parse(args)
    started_s = time.monotonic()
    device, note = choose_device(options.device)
    settings = _choose_settings(options, device.type)
    sampler = open_sampler(settings)  # a checkpoint that does not fit is refused before anything else
    if options.outside:
        with workers(options.jobs or (count_cores() if device.type == "cpu" else 1)) as run:
            print_result(evaluate_outside(options.outside, settings, run), options.json, started_s)
        return
    if options.shape:
        with workers(options.jobs or (count_cores() if device.type == "cpu" else 1)) as run:
            cases = gather_cases(list_recordings(options.data), options.shape, run)
            rows = run(measure_shapes, [(case, settings) for case in cases], "shapes")
            print_result({"shapes": summarize_shapes(rows, settings), "each": rows}, options.json, started_s)
        return
    if settings.paper is not None:
        open_paper(settings)
    classifier = load_material_classifier(_find_classifier(options))
    recordings = list_recordings(options.data)
    jobs = options.jobs or (count_cores() if device.type == "cpu" else 1)
    with workers(jobs) as run:
        cases = gather_cases(recordings, options.limit, run)
        print(f"{len(cases)} held-out recordings, {note}, {jobs} processes", file=sys.stderr)
        result = {
            "recordings": len(cases),
            "device": note,
            "checkpoint": options.checkpoint,
            "digest": sampler.digest,
            "guidance": options.guidance,
            **evaluate(cases, recordings, classifier, settings, options, run),
        }
    print_result(result, options.json, started_s)


def print_result(result: dict[str, Any], json_path: str | None, started_s: float) -> None:
    """The report on standard error, the figures to a file or, for -, to standard output."""
    result["minutes"] = round((time.monotonic() - started_s) / 60, 1)
    print("\n".join(write_report(result)), file=sys.stderr)
    if json_path == "-":
        print(json.dumps(result))
    elif json_path:
        Path(json_path).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="evaluate sampler",
        description="Compare sampled sounds with held-out recordings, beside other recordings, prior and paper.",
    )
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--ckpt-dir", default="checkpoints")
    parser.add_argument("--checkpoint", default="sampler")
    parser.add_argument(
        "--material", help="the classifier's checkpoint; by default material in --ckpt-dir or checkpoints"
    )
    parser.add_argument("--steps", default="1,2,4,8")
    parser.add_argument("--control-steps", type=int, default=4, help="steps at which control is measured")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument(
        "--with-material",
        "--told",
        dest="with_material",
        action="store_true",
        help="also sample with the material as condition",
    )
    parser.add_argument("--limit", type=int, default=0, help="at most so many held-out recordings")
    parser.add_argument("--paper", type=int, default=60, metavar="N", help="recordings for the paper's method; 0: none")
    parser.add_argument("--paper-checkpoint", default="ddpm")
    parser.add_argument(
        "--control", type=int, default=40, metavar="N", help="recordings to measure control on; 0: none"
    )
    parser.add_argument("--objects", type=int, default=20, metavar="N", help="synthetic objects to measure control on")
    parser.add_argument(
        "--outside",
        type=int,
        nargs="?",
        const=60,
        metavar="N",
        help="measure only the control of N synthetic objects, by transform and band envelopes, not the analysis",
    )
    parser.add_argument(
        "--shape",
        type=int,
        nargs="?",
        const=60,
        metavar="N",
        help="measure only attack, brightness and fall beside N held-out recordings",
    )
    parser.add_argument("--takes", type=int, default=1, choices=(0, 1), help="whether to compare takes")
    parser.add_argument("--jobs", type=int, default=0, help="processes; by default one a core")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    parser.add_argument("--figure", help="write a PNG that shows some recordings next to what was made for them")
    return parser.parse_args(args)


def _choose_settings(options: argparse.Namespace, device: str) -> Settings:
    try:
        steps = tuple(sorted({int(text) for text in options.steps.split(",")}))
    except ValueError:
        raise BadInput(f"--steps {options.steps!r} is not a list of numbers; give it as 1,2,4,8") from None
    if steps[0] < 1 or options.control_steps < 1:
        raise BadInput("a sound takes at least 1 step; correct --steps and --control-steps")
    paper = Path(options.ckpt_dir) / options.paper_checkpoint if options.paper else None
    if paper is not None and not paper.is_dir():
        print(f"the paper's method is left out: {paper} is not there; `launch.py train ddpm` makes it", file=sys.stderr)
        paper = None
    return Settings(
        options.ckpt_dir,
        options.checkpoint,
        device,
        steps,
        options.guidance,
        options.control_steps,
        options.with_material,
        None if paper is None else str(paper),
    )


def _find_classifier(options: argparse.Namespace) -> Path:
    if options.material:
        return Path(options.material)
    own = Path(options.ckpt_dir) / "material"
    return own if own.is_dir() else CHECKPOINTS / "material"


def evaluate(
    cases: list[Case],
    recordings: Sequence[Recording],
    classifier: MaterialClassifier,
    settings: Settings,
    options: argparse.Namespace,
    run: Run,
) -> dict[str, Any]:
    """All figures of the sampler on these held-out recordings."""
    training = [recording for recording in recordings if not is_held_out(recording)]
    features, measured = _measure_all(cases, training, classifier, settings, run)
    scored, left_out = tables.choose_scored(cases, classifier)
    ours = [name_steps(n) for n in settings.steps]
    ours += [name_steps(settings.control_steps, material=True)] if settings.material else []
    whole = [one.whole for one in measured]
    table = tables.tabulate_systems(cases, whole, [REAL, PRIOR, NEAREST, *ours], classifier, features, scored)
    result: dict[str, Any] = {
        "references": [table[REAL], table[NEAREST]],
        "systems": [table[PRIOR], *(table[name] for name in ours)],
        "classes_left_out": left_out,
    }
    if settings.paper is not None:
        result["short"] = _compare_short(
            cases, measured, ours, classifier, features, scored, settings, options.paper, run
        )
    if options.control or options.objects:
        some = [cases[int(i)] for i in np.linspace(0, len(cases) - 1, min(options.control, len(cases)))]
        tasks = [(case.physics, case.seed, settings) for case in some]
        tasks += [(one, 3000 + k, settings) for k, one in enumerate(make_objects(options.objects))]
        rows = run(measure_control, tasks, "control")
        kinds = {"recordings": rows[: len(some)], "objects": rows[len(some) :]}
        result["control"] = {kind: summarize_control(some, settings) for kind, some in kinds.items() if some}
        result["steps"] = summarize_steps(rows)
    if options.takes:
        result["takes"] = _compare_takes([r for r in recordings if is_held_out(r)], classifier, settings, run)
    if options.figure:
        _draw(options.figure, cases, measured)
    return result


def evaluate_outside(objects: int, settings: Settings, run: Run) -> dict[str, Any]:
    """Control of synthetic objects by a measurement other than our own analysis."""
    tasks = [(one, 7000 + k, settings) for k, one in enumerate(make_objects(objects, OUTSIDE_SEED))]
    return {"outside": summarize_outside(run(measure_outside, tasks, "objects"))}


def _measure_all(
    cases: list[Case], training: Sequence[Recording], classifier: MaterialClassifier, settings: Settings, run: Run
) -> tuple[np.ndarray, list[Measured]]:
    """Features of the training recordings [M, 32], and the rows of all systems but the paper's for every case."""
    found = run(describe_recording, [(recording,) for recording in training], "training recordings") if training else []
    library = [(recording, one) for recording, one in zip(training, found, strict=True) if one is not None]
    if not library:
        raise BadInput("no training recording could be read; give a larger folder with --data")
    described = np.stack([description for _, (description, _) in library])
    features = classify(classifier, np.stack([spectrogram for _, (_, spectrogram) in library])).features
    shown = set(_shown(len(cases)))
    partners = [None if partner is None else cases[partner].hit for partner in find_partners(cases)]
    tasks = [
        (case, partner, library[find_nearest(case.physics, case.seed, described)][0], settings, index in shown)
        for index, (case, partner) in enumerate(zip(cases, partners, strict=True))
    ]
    return features, run(measure_case, tasks, "systems")


def _compare_short(
    cases: list[Case],
    measured: Sequence[Measured],
    ours: list[str],
    classifier: MaterialClassifier,
    features: np.ndarray,
    scored: Sequence[str],
    settings: Settings,
    count: int,
    run: Run,
) -> dict[str, Any]:
    """Every system on the 0.25 s that the paper's method generates, on some of the recordings."""
    chosen = [int(i) for i in np.linspace(0, len(cases) - 1, min(count, len(cases)))]
    some = [cases[i] for i in chosen]
    batches = [(some[i : i + PAPER_AT_ONCE], settings) for i in range(0, len(some), PAPER_AT_ONCE)]
    papers = [row for rows in run(measure_paper, batches, "the paper's method, fours") for row in rows]
    rows: list[dict[str, Row]] = [{**measured[i].short, PAPER: row} for i, row in zip(chosen, papers, strict=True)]
    systems = [REAL, PAPER, PRIOR, NEAREST, *ours]
    table = tables.tabulate_systems(some, rows, systems, classifier, features, scored)
    gap = tables.tabulate_gap(table)
    return {"recordings": len(some), "digest": open_paper(settings).digest, "systems": list(table.values()), "gap": gap}


def _compare_takes(
    held_out: Sequence[Recording], classifier: MaterialClassifier, settings: Settings, run: Run
) -> list[dict[str, Any]]:
    """Takes of all objects with repeated hits; none where there are fewer than two."""
    objects = group_takes(held_out)
    tasks = [(some, 5000 + 10 * k, settings) for k, some in enumerate(objects.values())]
    made = [one for one in run(make_takes, tasks, "takes") if one is not None] if tasks else []
    if len(made) < 2:
        return []
    return run(
        compare_takes, [(system, [one[system] for one in made], classifier) for system in made[0]], "systems' takes"
    )


def _shown(count: int) -> list[int]:
    return [int(i) for i in np.linspace(0, count - 1, min(SHOWN, count))]


def _draw(path: str, cases: Sequence[Case], measured: Sequence[Measured]) -> None:
    shown = _shown(len(cases))
    columns: dict[str, list[np.ndarray]] = {"recording": [cases[i].hit for i in shown]}
    columns |= {tables.name_system(name): [measured[i].sounds[name] for i in shown] for name in measured[0].sounds}
    write_spectrograms(path, [cases[i].recording.path.stem for i in shown], columns)


def write_report(result: dict[str, Any]) -> list[str]:
    """All tables as Markdown."""
    if "shapes" in result:
        return [*tables.write_shapes(result["shapes"]), "", f"{result['minutes']} minutes"]
    if "outside" in result:
        return [*tables.write_outside(result["outside"]), "", f"{result['minutes']} minutes"]
    rows = [*result["references"], *result["systems"]]
    lines = [f"{result['recordings']} recordings, whole", "", *tables.write_systems(rows), ""]
    lines += [*tables.write_classes(rows, result["classes_left_out"]), ""]
    if "short" in result:
        short = result["short"]
        lines += [f"{short['recordings']} recordings, 0.25 s", "", *tables.write_systems(short["systems"]), ""]
        lines += [*tables.write_gap(short["gap"]), ""]
    for kind, control in result.get("control", {}).items():
        lines += [
            f"Control, {control['objects']} {kind}, {control['steps']} steps",
            "",
            *tables.write_control(control),
            "",
        ]
    if "steps" in result:
        lines += [*tables.write_steps(result["steps"]), ""]
    if result.get("takes"):
        lines += [*tables.write_takes(result["takes"]), ""]
    return [*lines, f"{result['minutes']} minutes"]
