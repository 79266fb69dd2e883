"""Evaluate generated physics beside retrieved ones on held-out groups: ``launch.py evaluate generator``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.bank.attributes import attributes_of
from engine.bank.bank import BANK_PATH, Bank, join_banks, load_bank
from engine.bank.descriptor import describe_physics, descriptor_distance_db
from engine.bank.generate import Generator, encode_condition, load_generator, sample_vectors
from engine.bank.physics_vector import decode_physics, encode_physics
from engine.bank.rank import score_entries
from engine.bank.recombine import normalize_peak
from engine.core.errors import BadInput
from engine.lab.data.generator_examples import split_bank
from engine.lab.metrics.material_classifier import (
    CLASSES,
    MaterialClassifier,
    classify,
    load_material_classifier,
    log_mel_spectrogram,
)
from engine.physics.model import Physics
from engine.physics.synthesis import synthesize

DRAWS = 5
RESAMPLES = 500
SYSTEMS = ("random", "material", "nearest", "generated", "with pitch and ring", "coded")


@dataclass(frozen=True, eq=False)
class Case:
    """Results for one held-out entry, by system."""

    group: str
    distances: dict[str, np.ndarray]  # of its draws to the true sound in dB, [DRAWS]
    between: dict[str, float]  # mean distance between its draws in dB


def main(args: Sequence[str]) -> None:
    """The command ``evaluate generator``: figures to standard error, and as JSON with --json."""
    parser = argparse.ArgumentParser(prog="evaluate generator", description="Evaluate generated physics.")
    parser.add_argument("--bank", type=Path, action="append", help="folder of a bank; may be given again")
    parser.add_argument("--ckpt-dir", type=Path, default=Path("checkpoints"))
    parser.add_argument("--checkpoint", default="generator")
    parser.add_argument("--limit", type=int, default=0, help="at most so many held-out entries")
    parser.add_argument("--guidance", type=float, help="instead of the checkpoint's own")
    parser.add_argument("--noise-scale", "--boldness", type=float, help="instead of the checkpoint's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--heard", type=int, default=120, help="entries whose sounds the material classifier classifies"
    )
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    parser.add_argument("--device", default="cpu", help="always the processor")
    parser.add_argument("--data-dir", help="not used")
    options = parser.parse_args(list(args))
    model = load_generator(options.ckpt_dir / options.checkpoint)
    bank = join_banks(*(load_bank(folder) for folder in options.bank or [BANK_PATH]))
    training, held = split_bank(bank)
    rng = np.random.default_rng(options.seed)
    chosen = rng.permutation(len(held))[: options.limit or None]
    if not len(chosen):
        raise BadInput("the bank has no entry of a held-out group; give one with more recordings")
    cases, drawn = measure_cases(model, training, held, chosen, (options.guidance, options.noise_scale), options.seed)
    result: dict[str, Any] = {"entries": len(cases), "groups": len({case.group for case in cases}), "draws": DRAWS}
    result["distance_db"] = {name: summarize(cases, name, options.seed) for name in SYSTEMS}
    result["between_db"] = {name: round(float(np.mean([c.between[name] for c in cases])), 2) for name in SYSTEMS[:-1]}
    classifier = load_material_classifier(options.ckpt_dir / "material")
    result["material_accuracy"] = measure_accuracy(classifier, held, chosen[: options.heard], drawn, options.seed)
    print("\n".join(write_report(result)), file=sys.stderr)
    if options.json == "-":
        print(json.dumps(result))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


Drawn = dict[str, list[list[Physics]]]
"""Physics drawn by each system for each case, at most DRAWS each."""


def measure_cases(
    model: Generator,
    training: Bank,
    held: Bank,
    chosen: np.ndarray,
    sampling: tuple[float | None, float | None],
    seed: int,
) -> tuple[list[Case], Drawn]:
    """Distances of every system's draws for the chosen held-out entries; ``sampling`` is guidance and noise scale.

    random: any entries; material: random entries of the true material; nearest: entries that fit its attributes best,
    without pitch and ring; generated: from the same attributes; with pitch and ring: from these too, measured in the
    true sound; coded: the true sound as vector and back, a lower bound of generated ones.
    """
    cases: list[Case] = []
    drawn: Drawn = {name: [] for name in SYSTEMS}
    materials = np.array([entry.material for entry in training.entries])
    for number, k in enumerate(chosen.tolist()):
        entry, rng = held.entries[k], np.random.default_rng([seed, number])
        own = np.flatnonzero(materials == entry.material)
        own = own if own.size else np.arange(len(training))
        blind = attributes_of(entry, measured=False)
        best = np.argsort(-score_entries(training, blind), kind="stable")
        picked: dict[str, Sequence[int] | np.ndarray] = {
            "random": rng.choice(len(training), DRAWS, replace=False),
            "material": rng.choice(own, DRAWS, replace=own.size < DRAWS),
            "nearest": _one_a_group(training, best, DRAWS),
        }
        made = {name: [training.entries[int(i)].physics for i in rows] for name, rows in picked.items()}
        seeds = [1000 * number + i + seed for i in range(DRAWS)]
        for name, attributes in (("generated", blind), ("with pitch and ring", attributes_of(entry))):
            conditions = np.tile(encode_condition(attributes), (DRAWS, 1))
            made[name] = [decode_physics(v) for v in sample_vectors(model, conditions, seeds, *sampling)]
        made["coded"] = [decode_physics(encode_physics(entry.physics))]
        descriptors = {name: np.stack([describe_physics(p) for p in physics]) for name, physics in made.items()}
        distances = {name: descriptor_distance_db(rows, held.descriptors[k]) for name, rows in descriptors.items()}
        cases.append(Case(entry.group, distances, {name: _spread(rows) for name, rows in descriptors.items()}))
        for name in SYSTEMS:
            drawn[name].append(made[name])
    return cases, drawn


def summarize(cases: Sequence[Case], name: str, seed: int) -> dict[str, Any]:
    """Mean distance of one draw, and of the best of DRAWS, each with a 95 % bootstrap interval over groups."""
    one = [float(case.distances[name].mean()) for case in cases]
    best = [float(case.distances[name].min()) for case in cases]
    return {"one": _interval(cases, one, seed), "best": _interval(cases, best, seed)}


def measure_accuracy(
    classifier: MaterialClassifier, held: Bank, chosen: np.ndarray, drawn: Drawn, seed: int
) -> dict[str, Any]:
    """Accuracy of the material classifier on the sounds of each system, over its classes."""
    class_of: dict[str, str] = {material: name for name, materials in CLASSES.items() for material in materials}
    class_of |= {"rock": "stone", "skin": "skin", "floor": "floor", "ground": "loose ground"}
    materials = [class_of.get(held.entries[int(k)].material, "") for k in chosen]
    rows = [row for row, name in enumerate(materials) if name in classifier.classes]
    truth = np.array([classifier.classes.index(materials[row]) for row in rows])
    systems = {"true": [[held.entries[int(k)].physics] for k in chosen], **drawn}
    accuracy: dict[str, Any] = {"entries": len(rows), "most_frequent": _most_percent(truth)}
    for name, physics in systems.items():
        sounds = [synthesize(normalize_peak(physics[row][0]), 1.0, seed + row) for row in rows]
        spectrograms = np.stack([log_mel_spectrogram(sound) for sound in sounds])
        predicted = classify(classifier, spectrograms).posterior.argmax(axis=1)
        classes = [float(np.mean(predicted[truth == c] == c)) for c in np.unique(truth)]
        accuracy[name] = {
            "accuracy_percent": round(100.0 * float(np.mean(predicted == truth)), 1),
            "balanced_accuracy_percent": round(100.0 * float(np.mean(classes)), 1),
        }
    return accuracy


def write_report(result: dict[str, Any]) -> list[str]:
    """The figures as lines of text."""
    lines = [f"{result['entries']} held-out entries of {result['groups']} groups; distance to the true sound in dB"]
    for name in SYSTEMS:
        row = result["distance_db"][name]
        one, best = (f"{v[0]:.2f} ({v[1]:.2f} to {v[2]:.2f})" for v in (row["one"], row["best"]))
        between = result["between_db"].get(name)
        spread = "" if between is None else f", {between:.2f} between draws"
        lines.append(f"{name}: one draw {one}, best of {result['draws']} {best}{spread}")
    accuracy = result["material_accuracy"]
    lines.append(
        f"material of {accuracy['entries']} sounds, by classifier; most frequent class {accuracy['most_frequent']} %"
    )
    lines += [
        f"  {name}: accuracy {row['accuracy_percent']} %, balanced {row['balanced_accuracy_percent']} %"
        for name, row in accuracy.items()
        if isinstance(row, dict)
    ]
    return lines


def _one_a_group(bank: Bank, order: np.ndarray, count: int) -> list[int]:
    taken: set[str] = set()
    chosen: list[int] = []
    for k in order.tolist():
        if bank.entries[k].group not in taken:
            taken.add(bank.entries[k].group)
            chosen.append(k)
        if len(chosen) == count:
            break
    return chosen


def _spread(descriptors: np.ndarray) -> float:
    """Mean distance between two draws, in dB."""
    if len(descriptors) < 2:
        return 0.0
    a, b = np.triu_indices(len(descriptors), 1)
    return float(descriptor_distance_db(descriptors[a], descriptors[b]).mean())


def _interval(cases: Sequence[Case], values: Sequence[float], seed: int) -> list[float]:
    """Mean over entries, with its 95 % bootstrap interval over groups."""
    groups: dict[str, list[float]] = {}
    for case, value in zip(cases, values, strict=True):
        groups.setdefault(case.group, []).append(float(value))
    sums = np.array([[sum(rows), len(rows)] for rows in groups.values()])
    picks = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    drawn = sums[picks].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], (2.5, 97.5))
    return [round(float(v), 3) for v in (np.mean(values), low, high)]


def _most_percent(truth: np.ndarray) -> float:
    return round(100.0 * float(np.bincount(truth).max() / truth.size), 1) if truth.size else 0.0
