"""Whether a changed object sounds as physics predicts: ``launch.py evaluate counterfactual``.

Each object is made larger, fuller, harder struck or more damped by the macros, at several levels of detail. Pitch,
brightness and decay are measured in the sounds alone, pitch where there is one. A change is right if the measure moves
in the direction that the physics predicts, whatever the bare prior does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from engine.bank.bank import load_bank
from engine.bank.complete import Donor, complete_physics
from engine.cli.console import check_json_target, say, whole_number, write_json
from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ, power_to_db
from engine.diffusion.conditioning import name_material
from engine.diffusion.sampler import Sampler
from engine.lab.data.recordings import Recording, is_held_out, list_recordings, read_hit
from engine.lab.data.sampler.detail import Typical, measure_typical
from engine.lab.data.sampler.hits import AnalysedHit
from engine.lab.evaluation.realism.evaluate import LEVELS, reduce_physics
from engine.lab.evaluation.sampler.control import make_objects, measure_sound
from engine.lab.evaluation.sampler_options import add_sampler_options, open_sampler
from engine.lab.evaluation.takes.evaluate import NEVER_LEARNT, TIERS
from engine.lab.listening.sounds import leave_out_groups, list_measured
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.macros import apply_macros
from engine.physics.model import Macros, Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.complete_sound import list_donors

PITCH, BRIGHTNESS, DECAY = "pitch", "brightness", "decay time"


@dataclass(frozen=True)
class Change:
    """A change of an object, and for each measure the direction in which it moves: 1 up, -1 down."""

    name: str
    macros: Macros
    directions: dict[str, int]


CHANGES = (
    Change("larger (mass +0.5)", Macros(mass=0.5), {PITCH: -1, BRIGHTNESS: -1, DECAY: 1}),
    Change("fuller (mass +0.25, damping +0.5)", Macros(mass=0.25, damping=0.5), {PITCH: -1, BRIGHTNESS: -1, DECAY: -1}),
    Change("harder striker (hardness +0.7)", Macros(hardness=0.7), {BRIGHTNESS: 1}),
    Change("softer striker (hardness -0.7)", Macros(hardness=-0.7), {BRIGHTNESS: -1}),
    Change("more damped (damping +0.5)", Macros(damping=0.5), {DECAY: -1}),
)
"""Fuller is a vessel with more liquid: its mass lowers the modes, and it absorbs their energy."""

LEAST = {PITCH: 20.0, BRIGHTNESS: 20.0, DECAY: 0.1}
"""Changes smaller than these (cents, cents, dB) count as none, and so as wrong."""

_STEPS_A_OCTAVE, _LOWEST_HZ, _OCTAVES, _FURTHEST_OCTAVES = 48, 40.0, 9, 2.0
_RANGE_DB, _LINE_DB, _SHORTEST_S, _LONGEST_S = 40.0, 15.0, 0.05, 2.0
_NOISE_DB = 10.0
"""What stands out by less is as likely noise, which is drawn alike before and after a change and stays where it is."""
_AROUND = _STEPS_A_OCTAVE // 2 + 1


@dataclass(frozen=True)
class Turn:
    """One measure of one changed object: how far it moved, and whether in the right direction."""

    level: str
    change: str
    measure: str
    moved: float
    right: bool


def gather_objects(folder: str, limit: int) -> list[AnalysedHit]:
    """One held-out recording of each object with its physics, in an order drawn once; at most ``limit``."""
    groups: dict[str, list[Recording]] = {}
    for recording in list_recordings(folder, TIERS):
        if is_held_out(recording) or recording.path.parent.name in NEVER_LEARNT:
            groups.setdefault(recording.group, []).append(recording)
    rng = np.random.default_rng(0)
    names = sorted(groups)
    hits: list[AnalysedHit] = []
    for place in rng.permutation(len(names)):
        if limit and len(hits) == limit:
            break
        takes = groups[names[int(place)]]
        recording = takes[int(rng.integers(len(takes)))]
        try:
            samples = read_hit(recording)
            if len(samples) < _SHORTEST_S * SAMPLE_RATE_HZ or float(np.abs(samples).max()) < 1e-4:
                continue
            physics, _ = analyze_hit(samples, SAMPLE_RATE_HZ, onset_s=0.0)
        except StruckError:
            continue
        own = (SAMPLE_RATE_HZ / 2, recording.material, recording.group, True)
        hits.append(AnalysedHit(samples, physics.modes, physics.residual, *own))
    return hits


def make_synthetic_hits(count: int) -> list[AnalysedHit]:
    """Synthetic objects whose modes an analysis can resolve, as hits without a recording."""
    made = make_objects(count)
    return [AnalysedHit(np.zeros(0), p.modes, p.residual, SAMPLE_RATE_HZ / 2, "", "made up", True) for p in made]


def complete_object(
    hit: AnalysedHit, level: str, typical: Typical, donors: Sequence[Donor], seed: int
) -> tuple[Modes, Residual]:
    """The physics of an object at a level of detail, completed as in the editor."""
    modes, residual, detail = reduce_physics(hit, level, typical)
    if detail.is_full:
        return modes, residual
    return complete_physics(modes, residual, detail, name_material(hit.material), donors, seed)


def turn_object(
    physics: tuple[Modes, Residual], level: str, seed: int, sampler: Sampler | None, steps: int
) -> list[Turn]:
    """All changes of an object, each sound with the same seed; by the bare prior without a sampler."""
    changed = [physics, *(apply_macros(*physics, change.macros) for change in CHANGES)]
    if sampler is None:
        sounds = [synthesize(Physics(*one), None, seed) for one in changed]
    else:
        sounds = sampler.sample(changed, [seed] * len(changed), steps)
    before, *after = [np.asarray(sound[: round(_LONGEST_S * SAMPLE_RATE_HZ)], np.float64) for sound in sounds]
    pitched = has_pitch(before)
    turns = []
    for change, sound in zip(CHANGES, after, strict=True):
        moved = measure_moves(before, sound)
        for measure, direction in change.directions.items():
            if measure == PITCH and not pitched:
                continue
            right = direction * moved[measure] >= LEAST[measure]
            turns.append(Turn(level, change.name, measure, moved[measure], bool(right)))
    return turns


def measure_moves(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """How far pitch and brightness, in cents, and the mean time of the energy, in dB, move from a sound to another."""
    one, other = measure_sound(before), measure_sound(after)
    return {
        PITCH: measure_shift_cents(before, after),
        BRIGHTNESS: other["brightness_cents"] - one["brightness_cents"],
        DECAY: other["ring_db"] - one["ring_db"],
    }


def measure_shift_cents(before: np.ndarray, after: np.ndarray) -> float:
    """Shift between two spectra in cents: that at which their peaks over log frequency correlate best."""
    size = max(len(before), len(after))
    lines = [np.maximum(measure_lines(sound, size) - _NOISE_DB, 0.0) for sound in (before, after)]
    reach, count = round(_FURTHEST_OCTAVES * _STEPS_A_OCTAVE), len(lines[0])
    agreements = []
    for lag in range(-reach, reach + 1):
        lower = lines[0][max(0, -lag) : count - max(0, lag)]
        higher = lines[1][max(0, lag) : count - max(0, -lag)]
        agreements.append(float(np.sum(lower * higher)))
    return 1200.0 * (int(np.argmax(agreements)) - reach) / _STEPS_A_OCTAVE


def has_pitch(sound: np.ndarray) -> bool:
    """Whether the spectrum has a distinct peak, and so a pitch."""
    return bool(measure_lines(sound, len(sound)).max() >= _LINE_DB)


def measure_lines(sound: np.ndarray, size: int) -> np.ndarray:
    """By how much each 48th of an octave is louder than the half octave around it, in dB, where it is within 40 dB of
    the loudest; 0 elsewhere."""
    power = np.square(np.abs(np.fft.rfft(sound, 2 * size)))
    total = np.concatenate([[0.0], np.cumsum(power)])
    edges_hz = _LOWEST_HZ * 2.0 ** (np.arange(_OCTAVES * _STEPS_A_OCTAVE + 1) / _STEPS_A_OCTAVE)
    at = np.interp(edges_hz * 2 * size / SAMPLE_RATE_HZ, np.arange(len(total)), total)
    level_db = power_to_db(np.diff(at) / np.diff(edges_hz) + 1e-30)
    around = np.convolve(np.pad(level_db, _STEPS_A_OCTAVE // 4, mode="edge"), np.ones(_AROUND) / _AROUND, mode="valid")
    result: np.ndarray = np.where(level_db > level_db.max() - _RANGE_DB, np.maximum(level_db - around, 0.0), 0.0)
    return result


def tabulate(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The share of objects that move the right way, by level, change and measure, with its 95 % interval (Wilson)."""
    rows = []
    for level, change, measure in dict.fromkeys((turn.level, turn.change, turn.measure) for turn in turns):
        own = [turn for turn in turns if (turn.level, turn.change, turn.measure) == (level, change, measure)]
        rows.append({"level": level, "change": change, "measure": measure, **_share(own)})
    for level in dict.fromkeys(turn.level for turn in turns):
        own = [turn for turn in turns if turn.level == level]
        rows.append({"level": level, "change": "all", "measure": "all", **_share(own)})
    return rows


def _share(turns: Sequence[Turn]) -> dict[str, Any]:
    right = sum(turn.right for turn in turns)
    low, high = binomtest(right, len(turns)).proportion_ci(0.95, "wilson")
    return {
        "turns": len(turns),
        "right": round(right / len(turns), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "median_moved": round(float(np.median([turn.moved for turn in turns])), 2),
    }


def write_table(rows: Sequence[dict[str, Any]]) -> str:
    """The shares as a table with a column for each level."""
    levels = list(dict.fromkeys(row["level"] for row in rows))
    kinds = list(dict.fromkeys((row["change"], row["measure"]) for row in rows))
    found = {(row["level"], row["change"], row["measure"]): row for row in rows}
    lines = [f"| change | measure | {' | '.join(levels)} |", "|---" * (2 + len(levels)) + "|"]
    for change, measure in kinds:
        cells = []
        for level in levels:
            row = found.get((level, change, measure))
            if row is None:
                cells.append("")
                continue
            low, high = row["interval"]
            cells.append(f"{100 * row['right']:.0f} % ({100 * low:.0f} to {100 * high:.0f}) of {row['turns']}")
        lines.append(f"| {change} | {measure} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(args: list[str]) -> None:
    """The command ``evaluate counterfactual``."""
    parser = argparse.ArgumentParser(prog="evaluate counterfactual", description="Change objects and hear the change.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument(
        "--limit", type=whole_number(0, 10_000), default=60, metavar="N", help="held-out objects; 0: all"
    )
    parser.add_argument("--objects", type=whole_number(0, 1000), default=20, metavar="N", help="synthetic objects")
    parser.add_argument("--levels", nargs="+", default=list(LEVELS), choices=list(LEVELS), metavar="LEVEL")
    add_sampler_options(parser)
    options = parser.parse_args(args)
    check_json_target(options.json)
    sampler = open_sampler(options)
    kinds = {
        "held-out recordings": gather_objects(options.data, options.limit),
        "synthetic objects": make_synthetic_hits(options.objects),
    }
    if not kinds["held-out recordings"]:
        raise BadInput(f"{options.data} holds no held-out recording of a hit; give a larger folder")
    bank = leave_out_groups(load_bank(), {hit.group for hit in kinds["held-out recordings"]})
    typical, donors = measure_typical(list_measured(bank)), list_donors(bank)
    result: dict[str, Any] = {"system": "prior" if sampler is None else "sampler", "steps": options.steps}
    for kind, hits in kinds.items():
        turns: list[Turn] = []
        for level in options.levels if hits else ():
            for seed, hit in enumerate(hits):
                physics = complete_object(hit, level, typical, donors, seed)
                turns += turn_object(physics, level, seed, sampler, options.steps)
            say(f"{kind}, {level}: {len(hits)} objects")
        result[kind] = {"objects": len(hits), "rows": tabulate(turns)}
        if options.json != "-" and hits:
            sys.stdout.write(
                f"{len(hits)} {kind}, share that moves the right way\n\n{write_table(result[kind]['rows'])}\n"
            )
    if options.json is not None:
        write_json(result, options.json, sys.stdout)
