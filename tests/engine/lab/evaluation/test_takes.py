"""Distances between takes against known changes, and the command on takes whose variation is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.__main__ import main
from engine.lab.evaluation.takes.evaluate import compare_means
from engine.lab.evaluation.takes.measures import MEASURES, compare_takes
from engine.physics.model import Modes, Physics
from engine.physics.synthesis import synthesize
from engine.physics.variation import vary_physics
from tests.sounds import NOISE, PLATE, RATE

LEVEL, DECAY, ATTACK, CENTROID = range(3, 7)


def ring(hz: float, decay_per_s: float, gain: float = 0.1) -> np.ndarray:
    time_s = np.arange(RATE // 2) / RATE
    return gain * np.exp(-decay_per_s * time_s) * np.sin(2.0 * np.pi * hz * time_s)


@pytest.mark.slow
def test_distances_are_those_of_known_changes() -> None:
    one = ring(500.0, 20.0)
    louder = compare_takes(one, 2.0 * one)
    assert louder[LEVEL] == pytest.approx(20.0 * np.log10(2.0))
    assert np.delete(louder, LEVEL) == pytest.approx(np.zeros(6), abs=1e-6)
    assert compare_takes(one, ring(1000.0, 20.0))[CENTROID] == pytest.approx(1200.0, abs=30.0)
    # half of the energy after 10 ms has come ln 2 / 2 decay later
    half_s = np.array([0.001 + np.log(2.0) / (2.0 * d) for d in (20.0, 40.0)])
    assert compare_takes(one, ring(500.0, 40.0))[DECAY] == pytest.approx(
        10.0 * np.log10(half_s[0] / half_s[1]), abs=0.1
    )
    share = np.array([np.expm1(-2.0 * d * 0.01) / np.expm1(-2.0 * d * 0.05) for d in (20.0, 40.0)])
    assert compare_takes(one, ring(500.0, 40.0))[ATTACK] == pytest.approx(10.0 * np.log10(share[1] / share[0]), abs=0.1)
    assert np.all(compare_takes(one, ring(3000.0, 20.0))[:3] > 5.0)


def test_the_ratio_of_means_has_an_interval_over_objects(rng: np.random.Generator) -> None:
    real = rng.uniform(0.5, 1.5, (50, len(MEASURES)))
    for row in compare_means(0.8 * real, real, rng):
        assert row["low"] == pytest.approx(0.8) == row["ratio"] == row["high"]
    made = real * rng.uniform(0.5, 1.5, real.shape)
    assert sum(row["low"] < 1.0 < row["high"] for row in compare_means(made, real, rng)) >= 6


@pytest.mark.slow
def test_takes_that_vary_by_the_law_have_a_ratio_of_1(tmp_path: Path) -> None:
    """Takes made by the law of variation are told from seeds that do not vary."""
    folder = tmp_path / "kitchen20"
    folder.mkdir()
    objects = (PLATE, Modes((700.0, 1900.0), (-10.0, -14.0), (12.0, 20.0), (0.0, 1.0)))
    for number, modes in enumerate(objects):
        for take in range(4):
            sound = synthesize(Physics(*vary_physics(modes, NOISE, 1.0, 50 + take)), 0.5, seed=take)
            soundfile.write(folder / f"thing{'ab'[number]}_{take}.wav", 0.3 * sound, RATE, subtype="FLOAT")
    out = tmp_path / "takes.json"
    options = ["--prior", "--levels", "as measured", "--variations", "0", "100", "--json", str(out)]
    assert main(["evaluate", "takes", "--data-dir", str(tmp_path), *options]) == 0
    table = json.loads(out.read_text())
    still, varied = (np.array([row["ratio"] for row in result["measures"]]) for result in table["results"])
    assert len(table["objects"]) == 2
    assert np.median(still) < 0.5 < np.median(varied) < 2.0
