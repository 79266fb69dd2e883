"""Measure sight on clips it has not seen, real and simulated: ``launch.py evaluate vision``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.bank.bank import BANK_PATH, Bank, load_bank, select_entries
from engine.core.checkpoint import CONFIG
from engine.core.errors import BadInput
from engine.lab.data.vision.hits import (
    HitFrames,
    join_hits,
    limit_hits_per_object,
    list_real_hits,
    list_simulated_hits,
    load_hit_frames,
    select_hits,
)
from engine.lab.data.vision.sounds import analyze_hit_sounds, describe_hit_sounds
from engine.lab.evaluation.vision.listen import classify_sampled_sounds
from engine.lab.evaluation.vision.scores import (
    EvaluatedHits,
    Reference,
    build_reference,
    choose_classes,
    generate,
    measure_localization,
    measure_retrieval,
    predict_frames,
    retrieve,
    score_materials,
    tabulate_distances,
    tabulate_materials,
    without_groups,
)
from engine.lab.evaluation.vision.tables import write_report
from engine.physics.model import MATERIALS, Physics
from engine.vision.calibration import expected_calibration_error, fit_temperature, to_probabilities
from engine.vision.predict import VisionModel, load_vision_model

SHIPPED_KINDS = ("recording", "preset")
"""Of the bank that ships, what is drawn on beside the hits that a network has learnt from."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some hits and their sounds."""

    seen: HitFrames
    physics: list[Physics | None]
    descriptors: np.ndarray

    def select(self, index: Sequence[int] | np.ndarray) -> Part:
        """These hits alone."""
        chosen = [int(k) for k in index]
        return Part(select_hits(self.seen, chosen), [self.physics[k] for k in chosen], self.descriptors[chosen])


@dataclass(frozen=True, eq=False)
class Answer:
    """What was measured of one network on some hits, row by row."""

    seen: EvaluatedHits
    scores: dict[str, np.ndarray]
    distances: dict[str, np.ndarray]
    chosen: dict[str, list[Physics]]


def read_part(hits: list[Any], work: Path) -> Part:
    """Hits with frames and sounds, from the work folder or made."""
    seen = load_hit_frames(hits, work)
    physics = analyze_hit_sounds(seen.hits, work)
    return Part(seen, physics, describe_hit_sounds(physics))


def read_takes(folders: Sequence[str], work: Path) -> Part:
    """Simulated hits of some folders."""
    parts = [read_part(list_simulated_hits(Path(folder)), work) for folder in folders]
    physics = [one for part in parts for one in part.physics]
    return Part(
        join_hits(*(part.seen for part in parts)), physics, np.concatenate([part.descriptors for part in parts])
    )


def thin(part: Part) -> Part:
    """One hit of each object."""
    kept = set(limit_hits_per_object(part.seen.hits, 1))
    return part.select([k for k, hit in enumerate(part.seen.hits) if hit in kept])


def measure(model: VisionModel, asked: Part, known: Reference) -> Answer:
    """What a network makes of hits, by every way."""
    seen = predict_frames(model, asked.seen, asked.descriptors, asked.physics)
    found = retrieve(model, seen, known)
    distances = measure_retrieval(seen, known, found)
    made = generate(model, seen)
    if made is not None:
        distances["generated"] = made
    chosen = {way: [known.bank.entries[k].physics for k in found[way][:, 0]] for way in ("offered", "nearest")}
    return Answer(seen, score_materials(model, seen, known), distances, chosen)


def tabulate(answers: Sequence[Answer]) -> dict[str, Any]:
    """All tables of some answers put together."""
    hits = [hit for answer in answers for hit in answer.seen.hits]
    classes, left_out = choose_classes(hits)
    scores = _join([answer.scores for answer in answers])
    distances = _join([answer.distances for answer in answers])
    return {
        "hits": len(hits),
        "clips": len({hit.clip for hit in hits}),
        "classes": classes,
        "left_out": left_out,
        "materials": tabulate_materials(scores, hits, classes),
        "distances_db": tabulate_distances(distances, hits),
    }


def _join(tables: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def calibrate(answers: Sequence[Answer]) -> dict[str, float]:
    """The temperature of all answers, and calibration with that of the other half of the clips, before and after."""
    logits = np.concatenate([answer.scores["sight"] for answer in answers])
    hits = [hit for answer in answers for hit in answer.seen.hits]
    truth = np.asarray([MATERIALS.index(hit.material) for hit in hits])
    clips = sorted({hit.clip for hit in hits})
    half = np.asarray([clips.index(hit.clip) % 2 for hit in hits])
    sure = {"before": np.zeros(len(hits)), "after": np.zeros(len(hits))}
    for side in (0, 1):
        own = half == side
        temperature = fit_temperature(logits[~own], truth[~own])
        sure["before"][own] = to_probabilities(logits[own]).max(axis=1)
        sure["after"][own] = to_probabilities(logits[own], temperature).max(axis=1)
    right = (logits.argmax(axis=1) == truth).astype(float)
    return {
        "temperature": fit_temperature(logits, truth),
        "accuracy_of_all_materials": float(right.mean()),
        "error_before": expected_calibration_error(sure["before"], right),
        "error_after": expected_calibration_error(sure["after"], right),
    }


def evaluate_folds(folds: Sequence[Path], real: Part, made: Part, bank: Bank | None) -> list[Answer]:
    """Each fold's network on the days that it has not learnt from."""
    answers = []
    for folder in folds:
        left_out = read_left_out(folder)
        days = [hit.group for hit in real.seen.hits]
        asked = real.select([k for k, day in enumerate(days) if day in left_out])
        learnt = real.select([k for k, day in enumerate(days) if day not in left_out])
        model = load_vision_model(folder)
        pool = None if bank is None else without_groups(bank, left_out)
        joined = join_hits(made.seen, learnt.seen)
        known = build_reference(model, joined, [*made.physics, *learnt.physics], pool)
        answers.append(measure(model, asked, known))
        print(f"{folder.name}: {len(asked.seen.hits)} hits of {', '.join(left_out)}", file=sys.stderr, flush=True)
    return answers


def read_left_out(folder: Path) -> list[str]:
    """The days that a checkpoint has not learnt from; BadInput where it says none."""
    try:
        found = [str(day) for day in json.loads((folder / CONFIG).read_bytes())["training"]["left_out"]]
    except (OSError, ValueError, KeyError, TypeError):
        found = []
    if not found:
        raise BadInput(f"{folder} does not say which days were left out; train it with --leave-out")
    return found


def main(args: list[str]) -> None:
    """The command ``evaluate vision``."""
    options = _parse(args)
    started_s = time.monotonic()
    work = Path(options.work)
    folders = sorted(path.parent for path in Path(options.folds).glob(f"*/{CONFIG}")) if options.folds else []
    bank = _open_bank(Path(options.bank) if options.bank else BANK_PATH)
    made = thin(read_takes(options.learnt, work))
    real = read_part(list_real_hits(Path(options.data)), work)
    result: dict[str, Any] = {"bank": 0 if bank is None else len(bank), "learnt": len(made.physics)}
    clean = load_vision_model(Path(options.clean))
    known = build_reference(clean, made.seen, made.physics, bank)
    if options.sim:
        asked = read_takes(options.sim, work)
        answer = measure(clean, asked, known)
        result["simulation"] = tabulate([answer]) | {"places": measure_localization(answer.seen)}
        result["calibration_simulation"] = calibrate([answer])
        if options.listen:
            pairs = [(answer.seen, answer.chosen)]
            result["listening_simulation"] = classify_sampled_sounds(pairs, options.listen, Path(options.ckpt_dir))
        print(f"{len(asked.seen.hits)} simulated hits", file=sys.stderr, flush=True)
    result["real_from_simulation"] = tabulate([measure(clean, real, known)])
    if folders:
        answers = evaluate_folds(folders, real, made, bank)
        result["real"] = tabulate(answers)
        result["calibration"] = calibrate(answers)
        if options.listen:
            pairs = [(answer.seen, answer.chosen) for answer in answers]
            result["listening"] = classify_sampled_sounds(pairs, options.listen, Path(options.ckpt_dir))
        if options.calibrate:
            write_temperature(Path(options.calibrate), result["calibration"]["temperature"])
    result["minutes"] = round((time.monotonic() - started_s) / 60, 1)
    print("\n".join(write_report(result)), file=sys.stderr)
    if options.json == "-":
        print(json.dumps(result))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _open_bank(folder: Path) -> Bank | None:
    if not folder.is_dir():
        return None
    bank = load_bank(folder)
    return select_entries(bank, [k for k, entry in enumerate(bank.entries) if entry.kind in SHIPPED_KINDS])


def write_temperature(folder: Path, temperature: float) -> None:
    """Put the temperature of held-out hits into a checkpoint that has learnt from all."""
    path = folder / CONFIG
    config = json.loads(path.read_bytes())
    path.write_text(json.dumps({**config, "temperature": temperature}, indent=1) + "\n", encoding="utf-8")


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="evaluate vision",
        description="Measure what sight tells of clips it has not seen, beside chance and the paper's way.",
    )
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder of labelled clips")
    parser.add_argument("--folds", metavar="DIR", help="folder of networks, each trained with other days left out")
    parser.add_argument("--clean", required=True, metavar="CHECKPOINT", help="network of simulated takes alone")
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="simulated takes that none has seen")
    parser.add_argument("--learnt", nargs="+", required=True, metavar="DIR", help="simulated takes learnt from")
    parser.add_argument("--bank", metavar="DIR", help="the bank drawn on beside them; by default the one that ships")
    parser.add_argument("--listen", type=int, default=0, metavar="N", help="sample sounds for so many hits and listen")
    parser.add_argument("--ckpt-dir", default="checkpoints")
    parser.add_argument("--calibrate", metavar="CHECKPOINT", help="write the temperature found into this one")
    parser.add_argument("--work", default=".struck/train_sight", help="frames and sounds of hits")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    return parser.parse_args(args)
