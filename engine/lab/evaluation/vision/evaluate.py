"""Evaluate the vision network on held-out clips, real and simulated: ``launch.py evaluate vision``."""

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
from engine.core.files import write_file
from engine.lab.data.vision.hits import (
    PER_REAL_OBJECT,
    HitFrames,
    is_certain_of_day,
    join_hits,
    limit_hits_per_object,
    list_real_hits,
    list_simulated_hits,
    load_hit_frames,
    select_hits,
    was_recorded_on,
)
from engine.lab.data.vision.sounds import analyze_hit_sounds, describe_hit_sounds
from engine.lab.evaluation.vision.classify_sampled import classify_sampled_sounds
from engine.lab.evaluation.vision.materials import evaluate_materials, read_filmed_hits
from engine.lab.evaluation.vision.scores import (
    EvaluatedHits,
    Reference,
    build_reference,
    choose_classes,
    measure_generated,
    measure_localization,
    measure_retrieval,
    predict_frames,
    retrieve,
    score_materials,
    tabulate_distances,
    tabulate_materials,
    without_groups,
)
from engine.lab.evaluation.vision.tables import write_materials, write_report
from engine.lab.training.vision.picture_set import extract_picture_features
from engine.physics.model import MATERIALS, Physics
from engine.vision.calibration import expected_calibration_error, fit_temperature, to_probabilities
from engine.vision.predict import VisionModel, load_vision_model

SHIPPED_KINDS = ("recording", "preset")
"""Entries of the shipped bank used in retrieval, beside the sounds of a network's training hits."""


@dataclass(frozen=True, eq=False)
class HitSet:
    """Hits with frames, physics and acoustic descriptors [N, L] of their sounds."""

    frames: HitFrames
    physics: list[Physics | None]
    descriptors: np.ndarray

    def select(self, index: Sequence[int] | np.ndarray) -> HitSet:
        """The hits at these indices."""
        chosen = [int(k) for k in index]
        return HitSet(select_hits(self.frames, chosen), [self.physics[k] for k in chosen], self.descriptors[chosen])


@dataclass(frozen=True, eq=False)
class Result:
    """Measures of one network on some hits, by method."""

    hits: EvaluatedHits
    scores: dict[str, np.ndarray]  # of MATERIALS, [N, K]
    distances: dict[str, np.ndarray]  # of the retrieved physics in dB, [N]
    chosen: dict[str, list[Physics]]  # first retrieved physics of each hit


def read_hit_set(hits: list[Any], work: Path) -> HitSet:
    """Load frames and analyse sounds of hits, cached in the work folder."""
    frames = load_hit_frames(hits, work)
    physics = analyze_hit_sounds(frames.hits, work)
    return HitSet(frames, physics, describe_hit_sounds(physics))


def read_takes(folders: Sequence[str], work: Path) -> HitSet:
    """Simulated hits of several folders, one of each object."""
    parts = [read_hit_set(limit_hits_per_object(list_simulated_hits(Path(folder)), 1), work) for folder in folders]
    physics = [one for part in parts for one in part.physics]
    return HitSet(
        join_hits(*(part.frames for part in parts)), physics, np.concatenate([part.descriptors for part in parts])
    )


def measure(model: VisionModel, test: HitSet, reference: Reference, work: Path) -> Result:
    """Evaluate a network on hits, by all methods."""
    evaluated = predict_frames(model, test.frames, test.descriptors, test.physics, work)
    found = retrieve(model, evaluated, reference)
    distances = measure_retrieval(evaluated, reference, found)
    generated = measure_generated(model, evaluated)
    if generated is not None:
        distances["generated"] = generated
    chosen = {
        method: [reference.bank.entries[k].physics for k in found[method][:, 0]] for method in ("proposed", "nearest")
    }
    return Result(evaluated, score_materials(model, evaluated, reference), distances, chosen)


def tabulate(results: Sequence[Result]) -> dict[str, Any]:
    """All tables over the hits of several results."""
    hits = [hit for outcome in results for hit in outcome.hits.hits]
    classes, left_out = choose_classes(hits)
    scores = _join([outcome.scores for outcome in results])
    distances = _join([outcome.distances for outcome in results])
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


def calibrate(results: Sequence[Result]) -> dict[str, float]:
    """Temperature fitted to all hits; expected calibration error before and after two-fold cross-fitting by clip."""
    logits = np.concatenate([outcome.scores["vision"] for outcome in results])
    hits = [hit for outcome in results for hit in outcome.hits.hits]
    truth = np.asarray([MATERIALS.index(hit.material) for hit in hits])
    clips = sorted({hit.clip for hit in hits})
    half = np.asarray([clips.index(hit.clip) % 2 for hit in hits])
    confidence = {"before": np.zeros(len(hits)), "after": np.zeros(len(hits))}
    for side in (0, 1):
        own = half == side
        temperature = fit_temperature(logits[~own], truth[~own])
        confidence["before"][own] = to_probabilities(logits[own]).max(axis=1)
        confidence["after"][own] = to_probabilities(logits[own], temperature).max(axis=1)
    right = (logits.argmax(axis=1) == truth).astype(float)
    return {
        "temperature": fit_temperature(logits, truth),
        "accuracy_of_all_materials": float(right.mean()),
        "error_before": expected_calibration_error(confidence["before"], right),
        "error_after": expected_calibration_error(confidence["after"], right),
    }


def evaluate_folds(folds: Sequence[Path], real: HitSet, made: HitSet, bank: Bank | None, work: Path) -> list[Result]:
    """Evaluate each fold's network on the days it was not trained on. Raises BadInput where it has no hits."""
    results = []
    for folder in folds:
        left_out = read_left_out(folder)
        hits = real.frames.hits
        own = [was_recorded_on(hit, left_out) for hit in hits]
        test = real.select([k for k, hit in enumerate(hits) if own[k] and is_certain_of_day(hit)])
        if not test.frames.hits:
            raise BadInput(f"{folder} left out {', '.join(left_out)}, of which --data has no hits; give other --folds")
        train = real.select([k for k in range(len(hits)) if not own[k]])
        model = load_vision_model(folder)
        pool = None if bank is None else without_groups(bank, left_out)
        joined = join_hits(made.frames, train.frames)
        reference = build_reference(model, joined, [*made.physics, *train.physics], pool, work)
        results.append(measure(model, test, reference, work))
        print(f"{folder.name}: {len(test.frames.hits)} hits of {', '.join(left_out)}", file=sys.stderr, flush=True)
    return results


def read_left_out(folder: Path) -> list[str]:
    """The days that a checkpoint was not trained on; BadInput where it lists none."""
    try:
        found = [str(day) for day in json.loads((folder / CONFIG).read_bytes())["training"]["left_out"]]
    except (OSError, ValueError, KeyError, TypeError):
        found = []
    if not found:
        raise BadInput(f"{folder} lists no days that were left out; train it with --leave-out")
    return found


def main(args: list[str]) -> None:
    """The command ``evaluate vision``."""
    options = _parse(args)
    started_s = time.monotonic()
    work = Path(options.work)
    folders = sorted(path.parent for path in Path(options.folds).glob(f"*/{CONFIG}")) if options.folds else []
    bank = _open_bank(Path(options.bank) if options.bank else BANK_PATH)
    hits = limit_hits_per_object(list_real_hits(Path(options.data)), PER_REAL_OBJECT)
    if options.materials:
        _measure_materials(Path(options.materials), hits, options, work)
        return
    made = read_takes(options.learnt, work)
    real = read_hit_set(hits, work)
    result: dict[str, Any] = {"bank": 0 if bank is None else len(bank), "learnt": len(made.physics)}
    if options.clean:
        clean = load_vision_model(Path(options.clean))
        reference = build_reference(clean, made.frames, made.physics, bank, work)
        if options.sim:
            test = read_takes(options.sim, work)
            outcome = measure(clean, test, reference, work)
            result["simulation"] = tabulate([outcome]) | {"places": measure_localization(outcome.hits)}
            result["calibration_simulation"] = calibrate([outcome])
            if options.listen:
                pairs = [(outcome.hits, outcome.chosen)]
                result["listening_simulation"] = classify_sampled_sounds(pairs, options.listen, Path(options.ckpt_dir))
            print(f"{len(test.frames.hits)} simulated hits", file=sys.stderr, flush=True)
        result["real_from_simulation"] = tabulate([measure(clean, real, reference, work)])
    if folders:
        results = evaluate_folds(folders, real, made, bank, work)
        result["real"] = tabulate(results)
        result["calibration"] = calibrate(results)
        if options.listen:
            pairs = [(outcome.hits, outcome.chosen) for outcome in results]
            result["listening"] = classify_sampled_sounds(pairs, options.listen, Path(options.ckpt_dir))
        if options.calibrate:
            write_temperature(Path(options.calibrate), result["calibration"]["temperature"])
    result["minutes"] = round((time.monotonic() - started_s) / 60, 1)
    print("\n".join(write_report(result)), file=sys.stderr)
    _write_json(result, options.json)


def _write_json(result: dict[str, Any], target: str | None) -> None:
    """Write the figures to a file, or to standard output where it is -."""
    if target == "-":
        print(json.dumps(result))
    elif target:
        Path(target).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _measure_materials(folder: Path, hits: list[Any], options: argparse.Namespace, work: Path) -> None:
    """Measure the material head of a checkpoint, refitted for each fold without its days."""
    model = load_vision_model(folder)
    if not model.network.config.linear_material:
        raise BadInput(f"{folder} has no linear material head; measure its folds with --folds instead")
    film = read_filmed_hits(model, load_hit_frames(hits, work), work)
    result = evaluate_materials(film, extract_picture_features(model, Path(options.data), work))
    print("\n".join(write_materials(result)), file=sys.stderr)
    if options.calibrate:
        write_temperature(Path(options.calibrate), result["calibration"]["temperature"])
    _write_json(result, options.json)


def _open_bank(folder: Path) -> Bank | None:
    if not folder.is_dir():
        return None
    bank = load_bank(folder)
    return select_entries(bank, [k for k, entry in enumerate(bank.entries) if entry.kind in SHIPPED_KINDS])


def write_temperature(folder: Path, temperature: float) -> None:
    """Set the temperature in a checkpoint's config.json."""
    path = folder / CONFIG
    config = json.loads(path.read_bytes())
    write_file(path, (json.dumps({**config, "temperature": temperature}, indent=1) + "\n").encode())


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="evaluate vision",
        description="Evaluate the vision network on held-out clips, beside chance and the method of Su et al.",
    )
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder of labelled clips")
    parser.add_argument("--folds", metavar="DIR", help="folder of networks, each trained without some days")
    parser.add_argument("--clean", metavar="CHECKPOINT", help="network trained without real clips")
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="held-out simulated takes")
    parser.add_argument("--learnt", nargs="*", default=[], metavar="DIR", help="simulated takes trained on")
    parser.add_argument(
        "--materials", metavar="CHECKPOINT", help="measure this one's materials alone, refitted without each day"
    )
    parser.add_argument(
        "--bank", metavar="DIR", help="bank to retrieve from beside their sounds; by default the one that ships"
    )
    parser.add_argument(
        "--listen", type=int, default=0, metavar="N", help="sample sounds for so many hits and classify their material"
    )
    parser.add_argument("--ckpt-dir", default="checkpoints")
    parser.add_argument("--calibrate", metavar="CHECKPOINT", help="write the fitted temperature into this one")
    parser.add_argument("--work", default=".struck/train_vision", help="frames and sounds of hits")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    return parser.parse_args(args)
