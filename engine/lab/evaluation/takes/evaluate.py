"""Whether seeds differ as real takes do, by level of detail and variation: ``launch.py evaluate takes``.

For objects that were struck at least three times, the distances between seeds of one take's physics are divided by
those between the takes. The ratio is 1 where seeds differ as takes do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.bank.bank import load_bank
from engine.bank.complete import Donor, complete_physics
from engine.cli.console import check_json_target, say, whole_number, write_json
from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ, seconds_to_samples
from engine.diffusion.conditioning import name_material
from engine.diffusion.sampler import Sampler
from engine.lab.data.recordings import Recording, is_held_out, list_recordings, read_hit
from engine.lab.data.sampler.detail import LEVELS, Typical, measure_typical, reduce_physics
from engine.lab.data.sampler.hits import AnalysedHit
from engine.lab.evaluation.sampler_options import add_sampler_options, open_sampler
from engine.lab.evaluation.takes.measures import MEASURES, compare_all
from engine.lab.listening.sounds import leave_out_groups, list_measured
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.detail import Detail
from engine.physics.model import Physics
from engine.physics.synthesis import synthesize
from engine.physics.variation import vary_physics
from engine.pipeline.complete_sound import list_donors

NEVER_LEARNT = ("kitchen20",)
"""Folders that no training uses, whatever their groups."""

FOLDERS = ("berklee_olpc", "body_percussion", "kenney_impact", "openclonk", *NEVER_LEARNT)
"""Folders whose groups are repeated strikes of one object; a drum kit's takes, unnamed, are not."""

TIERS = ("A", "A-", "B", "C")
FEWEST_TAKES, MOST_TAKES, SEEDS, LONGEST_S = 3, 4, 4, 0.6
DRAWS = 1000


@dataclass(frozen=True)
class TakesObject:
    """An object's takes from their onsets on, and the physics of the first."""

    name: str
    takes: tuple[np.ndarray, ...]
    hit: AnalysedHit


def list_objects(
    recordings: Sequence[Recording], training: bool, folders: Sequence[str] = FOLDERS
) -> list[list[Recording]]:
    """Repeated strikes by object in some of the folders: held-out ones, or those of the training data."""
    groups: dict[str, list[Recording]] = {}
    for recording in recordings:
        folder = recording.path.parent.name
        held_out = is_held_out(recording) or folder in NEVER_LEARNT
        if folder in folders and held_out != training:
            groups.setdefault(recording.group, []).append(recording)
    return [takes for takes in groups.values() if len(takes) >= FEWEST_TAKES]


def read_object(takes: Sequence[Recording], rng: np.random.Generator) -> TakesObject | None:
    """At most MOST_TAKES takes of an object, drawn at random; None where too few can be read or analysed."""
    sounds: list[np.ndarray] = []
    hit = None
    for place in rng.permutation(len(takes)):
        take = takes[int(place)]
        try:
            sound = read_hit(take)
            if len(sound) < seconds_to_samples(0.05, SAMPLE_RATE_HZ) or float(np.abs(sound).max()) < 1e-4:
                continue
            if hit is None:
                physics, _ = analyze_hit(sound, SAMPLE_RATE_HZ, onset_s=0.0)
                own = (take.fmax_hz, take.material, take.group, True)
                hit = AnalysedHit(sound, physics.modes, physics.residual, *own)
        except StruckError:
            continue
        sounds.append(np.asarray(sound[: seconds_to_samples(LONGEST_S, SAMPLE_RATE_HZ)], np.float32))
        if len(sounds) == MOST_TAKES:
            break
    if hit is None or len(sounds) < FEWEST_TAKES:
        return None
    length = min(map(len, sounds))
    return TakesObject(takes[0].group, tuple(sound[:length] for sound in sounds), hit)


def make_seeds(
    one: TakesObject,
    level: str,
    variation: float,
    sampler: Sampler | None,
    steps: int,
    typical: Typical,
    donors: Sequence[Donor],
    first_seed: int,
) -> list[np.ndarray]:
    """Takes generated from an object's physics at a level: one completion, SEEDS seeds; the prior without a sampler.

    Each object needs a ``first_seed`` of its own: with the same few seeds for all, the ratios would be those of a few
    draws of level and decay, however many objects there are.
    """
    modes, residual, detail = reduce_physics(one.hit, level, typical)
    if not detail.is_full:
        modes, residual = complete_physics(modes, residual, detail, name_material(one.hit.material), donors, 0)
    length = len(one.takes[0])
    seeds = range(first_seed, first_seed + SEEDS)
    physics = [vary_physics(modes, residual, variation, seed) for seed in seeds]
    if sampler is None:
        pairs = zip(seeds, physics, strict=True)
        return [synthesize(Physics(*varied), length / SAMPLE_RATE_HZ, seed) for seed, varied in pairs]
    details = [Detail(variation=variation)] * SEEDS
    made = sampler.sample(physics, seeds, steps, details=details)
    return [np.pad(sound[:length], (0, max(0, length - len(sound)))) for sound in made]


def compare_means(made: np.ndarray, real: np.ndarray, rng: np.random.Generator) -> list[dict[str, Any]]:
    """For each measure the mean distance of made and real takes and their ratio with its 95 % interval over objects.

    ``made`` and ``real`` are [objects, measures].
    """
    draws = rng.integers(len(real), size=(DRAWS, len(real)))
    rows = []
    for k, name in enumerate(MEASURES):
        ratios = made[draws, k].mean(axis=1) / np.maximum(real[draws, k].mean(axis=1), 1e-9)
        low, high = np.quantile(ratios, (0.025, 0.975))
        own, other = float(made[:, k].mean()), float(real[:, k].mean())
        values = {"made": own, "real": other, "ratio": own / max(other, 1e-9), "low": float(low), "high": float(high)}
        rows.append({"measure": name, **{key: round(value, 3) for key, value in values.items()}})
    return rows


def write_table(results: Sequence[dict[str, Any]], objects: int) -> str:
    """The results as a table."""
    lines = [
        f"{objects} objects; distances between seeds over those between real takes, 95 % intervals over objects",
        "",
        f"| detail | variation | {' | '.join(MEASURES)} |",
        "|---" * (2 + len(MEASURES)) + "|",
    ]
    for result in results:
        cells = [f"{row['ratio']:.2f} ({row['low']:.2f}–{row['high']:.2f})" for row in result["measures"]]
        lines.append(f"| {result['level']} | {100 * result['variation']:.0f} % | {' | '.join(cells)} |")
    if results:
        real = [f"{row['real']:.3g}" for row in results[0]["measures"]]
        lines.append(f"| real takes: distance | | {' | '.join(real)} |")
    return "\n".join(lines) + "\n"


def main(args: list[str]) -> None:
    """The command ``evaluate takes``."""
    parser = argparse.ArgumentParser(prog="evaluate takes", description="Compare seeds with real takes of one object.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--training", action="store_true", help="objects that the law of variation was fitted to")
    parser.add_argument("--folders", nargs="+", default=list(FOLDERS), choices=list(FOLDERS), metavar="FOLDER")
    parser.add_argument("--limit", type=whole_number(0, 10_000), default=0, metavar="N", help="at most so many objects")
    parser.add_argument("--levels", nargs="+", default=list(LEVELS), choices=list(LEVELS), metavar="LEVEL")
    parser.add_argument(
        "--variations", type=whole_number(0, 100), nargs="+", default=[0, 25, 50, 75, 100], metavar="PERCENT"
    )
    add_sampler_options(parser)
    options = parser.parse_args(args)
    check_json_target(options.json)
    sampler = open_sampler(options)
    groups = list_objects(list_recordings(options.data, TIERS), options.training, options.folders)
    rng = np.random.default_rng(0)
    order = [groups[int(k)] for k in rng.permutation(len(groups))]
    objects: list[TakesObject] = []
    for takes in order:
        if options.limit and len(objects) == options.limit:
            break
        one = read_object(takes, rng)
        if one is not None:
            objects.append(one)
    if len(objects) < 2:
        raise BadInput(f"{Path(options.data)} holds fewer than two objects struck three times; give more recordings")
    bank = leave_out_groups(load_bank(), {one.name for one in objects})
    typical, donors = measure_typical(list_measured(bank)), list_donors(bank)
    real = np.array([compare_all(list(one.takes)) for one in objects])
    results = []
    for level in options.levels:
        for varied in options.variations:
            made = []
            for place, one in enumerate(objects):
                how = (sampler, options.steps, typical, donors, SEEDS * place)
                sounds = make_seeds(one, level, varied / 100.0, *how)
                made.append(compare_all(sounds))
            measures = compare_means(np.array(made), real, np.random.default_rng(0))
            results.append({"level": level, "variation": varied / 100.0, "measures": measures})
            say(write_table(results[-1:], len(objects)).splitlines()[4])
    if options.json != "-":
        sys.stdout.write(write_table(results, len(objects)))
    if options.json is not None:
        table = {"objects": [one.name for one in objects], "system": "prior" if sampler is None else "sampler"}
        write_json({**table, "steps": options.steps, "results": results}, options.json, sys.stdout)
