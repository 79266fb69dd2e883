"""Variation between seeds against variation between takes: distance within objects over distance between objects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.recordings import Recording, read_hit
from engine.lab.evaluation.sampler.sounds import PRIOR, REAL, WINDOW_S, Case, Settings, name_steps, prepare_case, sample
from engine.lab.metrics.material_classifier import MaterialClassifier, classify, log_mel_spectrogram
from engine.lab.metrics.spectral_distance import best_gain_db, measure_distances, measure_levels
from engine.physics.synthesis import synthesize
from engine.physics.variation import vary_physics

REPEATED = ("body_percussion", "kenney_impact")
"""Folders of repeated hits of one object."""

VARIED = "varied"
"""The sampler in its control steps, its takes at full variation."""

MOST_PAIRS, MOST_BETWEEN, FEWEST_TAKES, MOST_TAKES, SEEDS = 3, 40, 3, 4, 3


@dataclass(frozen=True)
class Takes:
    """Takes of one object, its group, and up to which length they can be compared."""

    sounds: list[np.ndarray]
    group: str
    fmax_hz: float


def name_take(recording: Recording) -> str | None:
    """The common name of the repeated hits of one object; None for a recording of other kinds."""
    folder = recording.path.parent.name
    stem = re.sub(r"_(rr)?\d+$", "", recording.path.stem)
    return f"{folder}/{stem}" if folder in REPEATED else None


def group_takes(recordings: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Repeated hits by object, a few of each, of the objects with enough of them."""
    found: dict[str, list[Recording]] = {}
    for recording in recordings:
        name = name_take(recording)
        if name is not None:
            found.setdefault(name, []).append(recording)
    return {name: takes[:MOST_TAKES] for name, takes in found.items() if len(takes) >= FEWEST_TAKES}


def make_takes(takes: list[Recording], seed: int, settings: Settings) -> dict[str, Takes] | None:
    """Takes of one object by system: its recordings, and as many seeds of the first one's physics; None if it has none.

    All are cut to the longest recording.
    """
    first = prepare_case(takes[0], seed)
    if not isinstance(first, Case):
        return None
    hits = [read_hit(take) for take in takes]
    seeds = [seed + k for k in range(SEEDS)]
    sounds = {REAL: hits, PRIOR: [synthesize(first.physics, WINDOW_S, seed) for seed in seeds]}
    for steps in sorted({min(settings.steps), settings.control_steps, max(settings.steps)}):
        sounds[name_steps(steps)] = sample(settings, [first.physics] * SEEDS, seeds, steps)
    # the largest variation of a project
    modes, residual = first.physics.modes, first.physics.residual
    varied = [
        replace(first.physics, modes=m, residual=r)
        for m, r in (vary_physics(modes, residual, 1.0, seed) for seed in seeds)
    ]
    sounds[VARIED] = sample(settings, varied, seeds, settings.control_steps)
    length = min(max(len(hit) for hit in hits), round(WINDOW_S * SAMPLE_RATE_HZ))
    group, fmax_hz = takes[0].group, takes[0].fmax_hz
    return {system: Takes([sound[:length] for sound in some], group, fmax_hz) for system, some in sounds.items()}


def measure_apart(a: np.ndarray, b: np.ndarray, fmax_hz: float) -> np.ndarray:
    """Symmetric distance of two sounds, spectrum and envelope in dB, at the gain of least distance; [2]."""
    length = min(len(a), len(b))
    one, other = measure_levels(a, length), measure_levels(b, length)
    gain_db = best_gain_db(one, other, fmax_hz)
    both = [measure_distances(one, other, fmax_hz, gain_db), measure_distances(other, one, fmax_hz, -gain_db)]
    mean = np.mean(both, axis=0)
    return np.array([mean[:-1].mean(), mean[-1]])


def compare_takes(system: str, objects: Sequence[Takes], classifier: MaterialClassifier) -> dict[str, Any]:
    """The mean distance within objects and between objects of other groups, and their ratio, of one system.

    Distances are those of ``measure_apart`` and of the classifier's features.
    """
    rng = np.random.default_rng(0)
    across = [(a, b) for a, b in combinations(range(len(objects)), 2) if objects[a].group != objects[b].group]
    across = [across[int(i)] for i in rng.permutation(len(across))[:MOST_BETWEEN]]
    features = [
        classify(classifier, np.stack([log_mel_spectrogram(s, one.fmax_hz) for s in one.sounds])).features
        for one in objects
    ]

    def compare(a: int, i: int, b: int, j: int) -> list[float]:
        one, other = objects[a], objects[b]
        apart = measure_apart(one.sounds[i], other.sounds[j], min(one.fmax_hz, other.fmax_hz))
        return [*apart, float(np.linalg.norm(features[a][i] - features[b][j]))]

    within = [
        compare(a, i, a, j)
        for a, one in enumerate(objects)
        for i, j in list(combinations(range(len(one.sounds)), 2))[:MOST_PAIRS]
    ]
    return {"system": system, "objects": len(objects), **_tabulate(within, [compare(a, 0, b, 0) for a, b in across])}


def _tabulate(within: list[list[float]], between: list[list[float]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for k, name in enumerate(("spectrum", "envelope", "features")):
        inside, outside = (
            round(float(np.mean([v[k] for v in values])), 3) if values else None for values in (within, between)
        )
        ratio = round(inside / outside, 3) if inside is not None and outside else None
        table |= {f"{name}_within": inside, f"{name}_between": outside, f"{name}_ratio": ratio}
    return table
