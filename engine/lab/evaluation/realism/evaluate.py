"""Realism of sampled hits, at several levels of detail, by independent metrics: ``launch.py evaluate realism``.

For every held-out recording the physics is reduced to a level of detail, and the bare prior and samplers sound it.
Two judges compare the made sounds with the recordings: the kernel distance (KID) on features of an independent audio
network, and a fresh classifier trained to tell recorded from made, whose accuracy is 0.5 where it cannot.

Both sides are cut to the frequencies and the length that the recording holds: a codec's low-pass is no property of the
object. Real training recordings of similar objects, judged in the same way, say how far two sets of real sounds differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.bank.complete import Donor, choose_donor, complete_physics, describe_donor, is_dry
from engine.cli.console import check_json_target, whole_number, write_json
from engine.core.device import choose_device
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.core.units import SAMPLE_RATE_HZ
from engine.diffusion.conditioning import name_material
from engine.diffusion.sampler import Sampler, load_sampler
from engine.lab.data.recordings import list_recordings
from engine.lab.data.sampler.detail import LEVELS, Typical, measure_typical, reduce_physics
from engine.lab.data.sampler.hits import AnalysedHit, build_hits, is_synthetic, open_hits
from engine.lab.data.sampler.synthetic import make_synthetic_objects
from engine.lab.evaluation.sampler.sounds import describe
from engine.lab.metrics.audio_tagger import extract_features, load_tagger
from engine.lab.metrics.distribution import kernel_distance, standardize
from engine.physics.detail import Detail, measure_size, reduce_detail
from engine.physics.model import Context, Physics
from engine.physics.synthesis import synthesize

PRIOR, REAL = "bare prior", "other recordings"
COMPONENTS = 64
FOLDS, DRAWS = 5, 200
FADE_S, LONGEST_S = 0.01, 1.3
DULL_HZ = 14_000.0
"""A recording without content above this is no donor of fine structure."""


@dataclass(frozen=True)
class Result:
    """Figures of one system at one level, each with the bounds of its 95 % interval."""

    level: str
    system: str
    kernel_distance: tuple[float, float, float]
    accuracy: tuple[float, float, float]


def make_sounds(
    hits: Sequence[AnalysedHit],
    level: str,
    typical: Typical,
    sampler: Sampler | None,
    steps: int,
    variation: float,
    donors: Sequence[Donor] = (),
    first_seed: int = 0,
) -> list[np.ndarray]:
    """A sound for each hit from its reduced physics: by a sampler, or the bare prior without one.

    With donors the physics is completed first. Hits have seeds that follow one another.
    """
    reduced = [reduce_physics(hit, level, typical) for hit in hits]
    seeds = range(first_seed, first_seed + len(hits))
    if donors:
        whole = [
            complete_physics(modes, residual, detail, name_material(hit.material), donors, seed)
            for hit, (modes, residual, detail), seed in zip(hits, reduced, seeds, strict=True)
        ]
        reduced = [(*physics, Detail()) for physics in whole]
    if sampler is None:
        return [
            synthesize(Physics(modes, residual, SAMPLE_RATE_HZ), LONGEST_S, seed)
            for (modes, residual, _), seed in zip(reduced, seeds, strict=True)
        ]
    details = [replace(detail, variation=variation) for _, _, detail in reduced]
    contexts = [Context(material=name_material(hit.material)) for hit in hits]
    done = 0

    def report(hits_done: int, total: int) -> None:
        nonlocal done
        if hits_done // 50 > done // 50:
            print(f"{level}: {hits_done} of {total}", file=sys.stderr, flush=True)
        done = hits_done

    physics = [(modes, residual) for modes, residual, _ in reduced]
    return sampler.sample(physics, seeds, steps, on_step=report, contexts=contexts, details=details)


def trim(sound: np.ndarray, length: int, fmax_hz: float) -> np.ndarray:
    """A sound of ``length`` samples, low-passed at ``fmax_hz``, its end faded, its peak 0.5."""
    cut = np.zeros(length, np.float32)
    cut[: min(length, len(sound))] = sound[:length]
    fade = min(length, round(FADE_S * SAMPLE_RATE_HZ))
    cut[length - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    if fmax_hz < 0.99 * SAMPLE_RATE_HZ / 2:
        frequency_hz = np.fft.rfftfreq(2 * length, 1.0 / SAMPLE_RATE_HZ)
        passed = np.clip((0.97 * fmax_hz - frequency_hz) / (0.04 * fmax_hz), 0.0, 1.0)
        cut = np.fft.irfft(passed * np.fft.rfft(cut, 2 * length))[:length].astype(np.float32)
    return 0.5 * cut / max(float(np.abs(cut).max()), 1e-9)


def split_hits(every: Sequence[AnalysedHit], development: bool) -> tuple[list[AnalysedHit], list[AnalysedHit]]:
    """Recordings to compare with, and those that may lend to them: held-out and learnt ones.

    In development both are learnt ones, of every second group, so that settings can be chosen on them.
    """
    learnt = [hit for hit in every if not hit.held_out]
    if not development:
        return [hit for hit in every if hit.held_out], learnt
    recorded = [hit for hit in learnt if not is_synthetic(hit)]
    chosen = set(sorted({hit.group for hit in recorded})[::2])
    return [hit for hit in recorded if hit.group in chosen], [hit for hit in recorded if hit.group not in chosen]


def list_donor_hits(hits: Sequence[AnalysedHit]) -> list[AnalysedHit]:
    """Recorded hits with treble and little room: they stand in for similar objects and donate fine structure."""
    recorded = [hit for hit in hits if not is_synthetic(hit) and hit.fmax_hz >= DULL_HZ]
    return [hit for hit in recorded if is_dry(hit.modes, hit.residual)]


def find_similar(
    hits: Sequence[AnalysedHit], donor_hits: Sequence[AnalysedHit], donors: Sequence[Donor]
) -> list[np.ndarray]:
    """For each hit the recording of the donor that would complete it from 8 modes and 8 bands."""
    detail = LEVELS["8 modes, 8 bands"]
    places = {id(donor): place for place, donor in enumerate(donors)}
    found = []
    for seed, hit in enumerate(hits):
        reduced = reduce_detail(hit.modes, hit.residual, detail)
        size, rng = measure_size(hit.modes, hit.residual), np.random.default_rng([seed, 17])
        donor = choose_donor(*reduced, detail, name_material(hit.material), size, donors, int(rng.integers(1 << 31)))
        found.append(np.asarray(donor_hits[places[id(donor)]].samples))
    return found


def measure_kernel_distance(
    recorded: np.ndarray, made: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float]:
    """KID of features [N, D], takes of one group never paired, and its 95 % interval by a bootstrap over groups."""
    both = standardize(np.concatenate([recorded, made]), recorded, COMPONENTS)
    a, b = both[: len(recorded)], both[len(recorded) :]
    estimate = kernel_distance(a, b, None, None, groups, groups)
    names = np.unique(groups)
    draws = []
    for _ in range(DRAWS):
        counts = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)))
        weights = counts[np.searchsorted(names, groups)].astype(float)
        draws.append(kernel_distance(a, b, weights, weights, groups, groups))
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(estimate), float(low), float(high)


def measure_accuracy(
    recorded: np.ndarray, made: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Accuracy of the better of two classifiers at separating recorded from made sounds, and its interval.

    A logistic regression and a support vector machine on standardised features [N, D], cross-validated so that a group
    is never in both training and test (Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    features = np.concatenate([recorded, made])
    labels = np.repeat([1, 0], len(recorded))
    both = np.concatenate([groups, groups])
    right = []
    for model in (LogisticRegression(C=0.02, max_iter=500), SVC(C=3.0)):
        found = np.zeros(len(labels), bool)
        for train, test in GroupKFold(FOLDS).split(features, labels, both):
            classifier = make_pipeline(StandardScaler(), model).fit(features[train], labels[train])
            found[test] = classifier.predict(features[test]) == labels[test]
        right.append(found)
    best = max(right, key=lambda found: float(found.mean()))
    names = np.unique(groups)
    totals = np.array([[best[both == name].sum(), (both == name).sum()] for name in names], float)
    counts = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=DRAWS)
    drawn = counts @ totals
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return float(best.mean()), float(low), float(high)


def compare_sets(
    recorded: Sequence[np.ndarray], made: Sequence[np.ndarray], groups: np.ndarray, tagger: Any, seed: int
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """KID and classifier accuracy of made against recorded sounds, given as pairs of equal length."""
    rng = np.random.default_rng(seed)
    tags = [extract_features(tagger, sounds, SAMPLE_RATE_HZ).astype(float) for sounds in (recorded, made)]
    levels = [np.stack([describe(sound) for sound in sounds]) for sounds in (recorded, made)]
    together = [np.concatenate(pair, axis=1) for pair in zip(tags, levels, strict=True)]
    return (
        measure_kernel_distance(tags[0], tags[1], groups, rng),
        measure_accuracy(together[0], together[1], groups, rng),
    )


def write_table(results: Sequence[Result], hits: int, groups: int) -> str:
    """The results as a table."""
    lines = [
        f"{hits} held-out recordings of {groups} groups; in brackets 95 % intervals by a bootstrap over groups",
        "",
        "| detail | system | KID (mn04) | accuracy of a classifier |",
        "|---|---|---|---|",
    ]
    for row in results:
        kid, right = row.kernel_distance, row.accuracy
        lines.append(
            f"| {row.level} | {row.system} | {kid[0]:.3f} ({kid[1]:.3f}–{kid[2]:.3f}) "
            f"| {right[0]:.2f} ({right[1]:.2f}–{right[2]:.2f}) |"
        )
    return "\n".join(lines) + "\n"


def main(args: list[str]) -> None:
    """The command ``evaluate realism``."""
    parser = argparse.ArgumentParser(prog="evaluate realism", description="Tell sampled hits from recorded ones.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--work", default=".struck/train_sampler", help="folder of analysed hits, made where missing")
    parser.add_argument("--judge", default="../shared/weights", help="folder of the independent audio network")
    parser.add_argument("--ckpt-dir", default=str(CHECKPOINTS))
    parser.add_argument("--checkpoints", nargs="*", default=["sampler"], help="names of the samplers to compare")
    parser.add_argument("--levels", nargs="+", default=list(LEVELS), choices=list(LEVELS), metavar="LEVEL")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--limit", type=int, default=0, help="at most so many recordings, spread over the corpus")
    parser.add_argument("--development", action="store_true", help="compare with learnt recordings, to choose settings")
    parser.add_argument("--variation", type=float, default=0.0)
    parser.add_argument("--seed", type=whole_number(0, 1 << 30), default=0, help="of the first sound; draws donors too")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file")
    options = parser.parse_args(args)
    check_json_target(options.json)
    device, _ = choose_device(options.device)
    samplers = {name: load_sampler(options.ckpt_dir, name, device) for name in options.checkpoints}
    tagger = load_tagger(Path(options.judge))
    folder = Path(options.work) / "hits"
    if not folder.is_dir():
        build_hits(list_recordings(options.data), make_synthetic_objects(24), folder)
    every = open_hits(folder)
    held_out, learnt = split_hits(every, options.development)
    typical = measure_typical(learnt)
    if options.limit:
        held_out = held_out[:: max(1, -(-len(held_out) // options.limit))]
    if len(held_out) < 2 * FOLDS:
        raise BadInput(f"{folder} holds {len(held_out)} held-out recordings, and {2 * FOLDS} are needed; give more")
    names = sorted({hit.group for hit in held_out})
    groups = np.array([names.index(hit.group) for hit in held_out])
    lengths = [min(len(hit.samples), round(LONGEST_S * SAMPLE_RATE_HZ)) for hit in held_out]
    bounds = [(length, hit.fmax_hz) for hit, length in zip(held_out, lengths, strict=True)]
    recorded = [trim(np.asarray(hit.samples), *bound) for hit, bound in zip(held_out, bounds, strict=True)]
    donor_hits = list_donor_hits(learnt)
    donors = [describe_donor(h.modes, h.residual, name_material(h.material)) for h in donor_hits]
    systems: dict[str, tuple[Sampler | None, Sequence[Donor]]] = {
        PRIOR: (None, ()),
        f"{PRIOR}, completed": (None, donors),
    }
    for name, loaded in samplers.items():
        systems |= {name: (loaded, ()), f"{name}, completed": (loaded, donors)}
    similar = [
        trim(sound, *bound) for sound, bound in zip(find_similar(held_out, donor_hits, donors), bounds, strict=True)
    ]
    results = [Result("–", REAL, *compare_sets(recorded, similar, groups, tagger, seed=0))]
    for level in options.levels:
        for name, (sampler, lent) in systems.items():
            if lent and LEVELS[level].is_full:
                continue  # nothing is missing
            given = (options.steps, options.variation, lent, options.seed)
            made = make_sounds(held_out, level, typical, sampler, *given)
            cut = [trim(sound, *bound) for sound, bound in zip(made, bounds, strict=True)]
            results.append(Result(level, name, *compare_sets(recorded, cut, groups, tagger, seed=0)))
            print(write_table(results[-1:], len(held_out), len(names)).splitlines()[-1], file=sys.stderr, flush=True)
    sys.stdout.write(write_table(results, len(held_out), len(names)))
    if options.json is not None:
        write_json({"results": json.loads(json.dumps([vars(row) for row in results]))}, options.json, sys.stdout)
